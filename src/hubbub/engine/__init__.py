"""The path: rooms, members, sessions. Names no driver and no framework."""
