"""`hubbub config`: whether the settings are good, and where each comes from."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import BaseModel
from rich.console import Console

from hubbub.embed.hub import Hub
from hubbub.embed.server import is_loopback
from hubbub.embed.tokens import SECRET_BYTES, is_short
from hubbub.options import RoomOptions
from hubbub.settings import ENV_PREFIX, SECRETS, Settings, load, without_password

MASK = "********"

API_KEY_CHARS = 16
"""A shorter API key may be guessed by trying."""

ALGORITHMS = {
    "token_hmac_secret_key": "HS256, HS384, HS512",
    "token_rsa_public_key": "RS256, RS384, RS512",
    "token_ecdsa_public_key": "ES256, ES384 or ES512",  # by its curve
    "token_eddsa_public_key": "EdDSA",
    "token_jwks": "those of the key set",
}

NEW_SECRET = """python -c "import secrets; print(secrets.token_urlsafe(32))\""""

config = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", envvar=f"{ENV_PREFIX}CONFIG", help="A TOML file with settings."),
]


@config.callback()
def _config() -> None:
    """Check the settings, or show them."""


@config.command()
def check(file: ConfigOption = None) -> None:
    """Say whether the settings of the file and of the environment are good.

    What is risky, or has no effect, is told on standard error. Exit code 2: they cannot be used.
    """
    settings = load(file)
    Hub(
        settings=settings
    )  # reads the keys and the patterns of rooms, as a server does at its start
    typer.echo(f"{file or 'the environment'} is valid: {_summary(settings)}")
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for warning in warnings(settings):
        console.print(f"warning: {warning}", markup=False)


@config.command()
def show(
    file: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what is not left at its default.")
    ] = False,
) -> None:
    """Print every setting, with its value and where it comes from; secrets are masked."""
    settings = load(file)
    rows = [row for row in rows_of(settings, file) if not changed or row.source != "default"]
    typer.echo(json.dumps(_tree(rows), indent=2) if as_json else "\n".join(_toml(rows)))


# Check. ---------------------------------------------------------------------------------------


def _summary(settings: Settings) -> str:
    tokens = [algorithms for name, algorithms in ALGORITHMS.items() if getattr(settings, name)]
    return ", ".join(
        (
            _count(len(settings.namespaces), "namespace"),
            _count(len(settings.rooms), "pattern") + " of rooms",
            _count(len(settings.api_keys), "API key"),
            f"tokens: {', '.join(tokens) or 'none'}",
        )
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def warnings(settings: Settings) -> Iterator[str]:
    """What is risky in `settings` or has no effect, each with what to do."""
    yield from _about_doors(settings)
    if is_short(settings):
        yield (
            "token_hmac_secret_key is short, so it can be guessed from a token: give it "
            f"{SECRET_BYTES} random bytes or more, such as of {NEW_SECRET}"
        )
    if any(len(key.get_secret_value()) < API_KEY_CHARS for key in settings.api_keys):
        yield (
            f"api_keys has a key of fewer than {API_KEY_CHARS} characters, which can be guessed: "
            f"take one of {NEW_SECRET}"
        )
    for where, options in _tables(settings):
        for warning in (*_about_entering(options, settings), *_about_rights(options, settings)):
            yield f"{where}: {warning}"


def _tables(settings: Settings) -> Iterator[tuple[str, RoomOptions]]:
    for name, options in settings.namespaces.items():
        yield f"namespaces.{name}", options
    if settings.without_namespace is not None:
        yield "without_namespace", settings.without_namespace
    for pattern, options in settings.rooms.items():
        yield f'rooms."{pattern}"', options


def _about_doors(settings: Settings) -> Iterator[str]:
    if settings.anonymous and not is_loopback(settings.host):
        yield (
            f"anonymous on {settings.host}: anyone who reaches it may connect; take out "
            "`anonymous` and configure a key for tokens, or listen on 127.0.0.1"
        )
    if "*" in settings.origins:
        yield (
            'origins has "*": any web page may connect from the browser of who visits it, with '
            "their cookies; list the origins of your own pages"
        )
    if any(_tables(settings)) and not settings.verifies_tokens and not settings.anonymous:
        yield (
            "nothing says who connects, so `hubbub serve` on its own refuses to start: configure "
            "a key for tokens or `anonymous = true`, unless your application has @hub.authenticate"
        )


def _about_entering(options: RoomOptions, settings: Settings) -> Iterator[str]:
    if settings.verifies_tokens:
        return  # a token may let in whom the options do not
    if not (options.allow_subscribe_for_client or options.allow_user_limited_channels):
        yield (
            "nobody can enter: set allow_subscribe_for_client, or configure a key for tokens, "
            "unless your application lets them in (on_join)"
        )
    elif not options.allow_subscribe_for_anonymous:
        yield (
            "nobody can enter, because without a key for tokens everyone is anonymous: set "
            "allow_subscribe_for_anonymous, or configure a key, unless your application says who "
            "connects (@hub.authenticate)"
        )


def _about_rights(options: RoomOptions, settings: Settings) -> Iterator[str]:
    for right, option, present in (
        ("presence", "presence = true", options.presence),
        ("history", "history_size", options.remembers),
    ):
        given = [
            name
            for who in ("client", "subscriber")
            if getattr(options, name := f"allow_{right}_for_{who}")
        ]
        if given and not present:
            yield f"{given[0]} has no effect: set {option}, or take it out"
    if options.latest_key and not options.latest_only:
        yield "latest_key has no effect: set latest_only = true, or take it out"
    if options.force_push_join_leave and not options.join_leave:
        yield "force_push_join_leave has no effect: set join_leave = true, or take it out"
    if (
        settings.anonymous
        and options.allow_publish_for_client
        and options.allow_publish_for_anonymous
    ):
        yield (
            "anyone may publish, without being in the room: say allow_publish_for_subscriber "
            "in place of allow_publish_for_client, or take out allow_publish_for_anonymous"
        )


# Show. ----------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A setting: its path, a value that JSON can hold (masked), and where it comes from."""

    path: tuple[str, ...]
    value: Any
    source: str


def rows_of(settings: Settings, file: Path | None) -> list[Row]:
    """Every setting, those of tables last; a table that is empty is a row of its own."""
    sources = {"environment": _environment(), "file": _file(file)}
    rows = [
        Row(path, value, next((s for s, tree in sources.items() if _holds(tree, path)), "default"))
        for path, value in _leaves(settings)
    ]
    return sorted(rows, key=lambda row: len(row.path) > 1)


def _leaves(settings: Settings) -> Iterator[tuple[tuple[str, ...], Any]]:
    plain = settings.model_dump(mode="json")
    for name, value in plain.items():
        given = getattr(settings, name)
        if isinstance(given, BaseModel):
            yield from (((name, option), each) for option, each in value.items())
        elif isinstance(given, dict) and given:
            for table, options in value.items():
                yield from (((name, table, option), each) for option, each in options.items())
        elif name == "store":
            yield (name,), without_password(value)
        else:
            yield (name,), _masked(value) if name in SECRETS else value


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [MASK for _ in value]
    return None if value is None else MASK


def _environment() -> dict[str, Any]:
    """What is said there, in the file's shape."""
    return {
        name[len(ENV_PREFIX) :].lower(): _table(value)
        for name, value in os.environ.items()
        if name.upper().startswith(ENV_PREFIX)
    }


def _table(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _file(file: Path | None) -> dict[str, Any]:
    return {} if file is None else tomllib.loads(file.read_text(encoding="utf-8"))


def _holds(tree: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return False
        tree = tree[name]
    return True


def _tree(rows: list[Row]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value, source in rows:
        branch = tree
        for name in path[:-1]:
            branch = branch.setdefault(name, {})
        branch[path[-1]] = {"value": value, "from": source}
    return tree


def _toml(rows: list[Row]) -> Iterator[str]:
    table: tuple[str, ...] = ()
    for path, value, source in rows:
        if path[:-1] != table:
            table = path[:-1]
            yield f"\n[{'.'.join(_key(name) for name in table)}]"
        if value is None or value == {}:
            yield f"# {path[-1]} is not set"
        else:
            yield f"{path[-1]} = {json.dumps(value, ensure_ascii=False)}  # {source}"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)
