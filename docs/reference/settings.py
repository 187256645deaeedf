"""Writes settings.md from the model: `python docs/reference/settings.py`. A test compares them."""

from pathlib import Path

from hubbub.settings import ENV_PREFIX, Settings

HEAD = """# Settings

Command line over environment over the TOML file (`--config`). Written by `settings.py` from the
model; a name that is not here is an error.

| TOML | environment | default | |
|---|---|---|---|
"""


def page() -> str:
    rows = [
        f"| `{name}` | `{ENV_PREFIX}{name.upper()}` | `{field.default}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(page(), encoding="utf-8")
