"""Writes settings.md from the model: `python docs/reference/settings.py`. A test compares them."""

from pathlib import Path

from pydantic import BaseModel

from hubbub.options import RoomOptions
from hubbub.settings import ENV_PREFIX, Settings

HEAD = """# Settings

Command line over environment over the TOML file (`--config`). Written by `settings.py` from the
model; a name that is not here is an error.

| TOML | environment | default | |
|---|---|---|---|
"""


ROOMS = """
## Options of rooms

In `[namespaces.NAME]`, `[without_namespace]` and `[rooms."PATTERN"]`, and by the same names in
`hub.rooms(pattern, …)`.

| option | default | |
|---|---|---|
"""


def page() -> str:
    rows = [
        f"| `{name}` | `{ENV_PREFIX}{name.upper()}` | `{default}` | {text} |\n"
        for name, default, text in fields(Settings)
    ]
    options = [
        f"| `{name}` | `{default}` | {text} |\n" for name, default, text in fields(RoomOptions)
    ]
    return HEAD + "".join(rows) + ROOMS + "".join(options)


def fields(model: type[BaseModel]) -> list[tuple[str, object, str | None]]:
    return [(name, one.default, one.description) for name, one in model.model_fields.items()]


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(page(), encoding="utf-8")
