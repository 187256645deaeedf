"""`hubbub token`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from hubbub.embed.tokens import SECRET_BYTES, is_short, make_token
from hubbub.errors import ConfigurationError
from hubbub.settings import ENV_PREFIX, load

UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def token(
    user: Annotated[str, typer.Option(help='The user\'s id; "" for nobody in particular.')],
    room: Annotated[
        list[str] | None,
        typer.Option(help="Subscribe to this room, rather than connect; may be repeated."),
    ] = None,
    ttl: Annotated[
        str, typer.Option(help="How long it is good: 30s, 15m, 1h, 7d or seconds; 0 for ever.")
    ] = "1h",
    info: Annotated[
        str | None, typer.Option(help="JSON that others see beside the user.", metavar="JSON")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(envvar=f"{ENV_PREFIX}CONFIG", help="A TOML file with settings."),
    ] = None,
) -> None:
    """Print a token for a Centrifuge client, signed with token_hmac_secret_key.

    It lets a user connect; with --room it lets them subscribe, one line per room.
    """
    settings = load(config)
    seconds, about = _seconds(ttl), _json(info)
    rooms: list[str | None] = list(room) if room else [None]
    tokens = [make_token(settings, user, name, seconds, about) for name in rooms]
    if is_short(settings):
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"hubbub: token_hmac_secret_key is short, so it can be guessed from a token; outside "
            f"of tests give it {SECRET_BYTES} random bytes or more",
            markup=False,
        )
    for text in tokens:
        typer.echo(text)


def _seconds(ttl: str) -> float:
    seconds = duration(ttl)
    if seconds is None:
        raise ConfigurationError(f"--ttl is 30s, 15m, 1h, 7d, seconds or 0 for ever, not {ttl!r}")
    return seconds


def duration(text: str) -> float | None:
    """Seconds, as in "30s", "15m", "1h", "7d" or "90"; None where it is nothing of the kind."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    return float(found[1]) * UNITS_S[found[2]] if found else None


def _json(info: str | None) -> Any:
    try:
        return None if info is None else msgspec.json.decode(info)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"""--info is JSON, such as '{{"name": "Ann"}}': {error}"""
        ) from None
