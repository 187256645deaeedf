"""What holds for every test."""

from hypothesis import settings

# A slow machine is no failure: speed belongs in the bench.
settings.register_profile("hubbub", deadline=None)
settings.load_profile("hubbub")
