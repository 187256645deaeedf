"""Command line options from the settings model: names, types and texts are written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import typer

from hubbub.settings import ENV_PREFIX, SECRETS, Settings, load

Command = Callable[..., None]

# Tables are for the file; and what is on a command line, every process of the machine can read.
FIELDS = [
    name
    for name in Settings.model_fields
    if name not in SECRETS and name not in ("namespaces", "without_namespace", "rooms")
]


def with_settings(command: Command) -> Command:
    """Give `command`, whose first parameter is `settings`, an option for each of their fields.

    Secrets and the rules of rooms come from the environment and the file alone.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    config = typer.Option(
        None, "--config", envvar=f"{ENV_PREFIX}CONFIG", help="A TOML file with settings."
    )
    options = [
        inspect.Parameter(
            "config", inspect.Parameter.KEYWORD_ONLY, default=config, annotation=Path | None
        ),
        *(_option(name) for name in FIELDS),
    ]

    @wraps(command)
    def run(*args: Any, config: Path | None, **given: Any) -> None:
        fields = {name: given.pop(name) for name in FIELDS}
        chosen = {name: value for name, value in fields.items() if value not in (None, [])}
        command(load(config, **chosen), *args, **given)

    signature = inspect.Signature([*own, *options])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    return run


def _option(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    kind = field.annotation
    flag = f"--{name.replace('_', '-')}"
    if kind is bool:
        flag = f"{flag}/--no-{name.replace('_', '-')}"
    elif name == "origins":
        flag = "--origin"
    text = f"{field.description} [default: {field.default}]"
    option = typer.Option(None, flag, help=text, show_default=False)
    annotation: Any = list[str] | None if name == "origins" else kind | None  # type: ignore[operator]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=annotation
    )
