"""`hubbub serve`."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer
from rich.console import Console

from hubbub.chat import create_app
from hubbub.cli.options import with_settings
from hubbub.embed.hub import Hub
from hubbub.embed.server import bind, is_loopback, load_app, room_server, run
from hubbub.errors import ConfigurationError
from hubbub.settings import Settings


@with_settings
def serve(
    settings: Settings,
    app: Annotated[
        str | None, typer.Argument(help="An ASGI application as module:name, such as main:app.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Only the room endpoints, no page.")
    ] = False,
) -> None:
    """Serve an application, or without one the room page, on our WebSocket class."""
    console = Console(soft_wrap=True, highlight=False)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("hubbub").setLevel(logging.INFO)
    if app is not None:
        if headless:
            raise ConfigurationError(
                "--headless is for the built-in rooms: leave out the application"
            )
        sys.path.insert(0, "")  # as `python -m` has it
        os.environ.update(settings.as_environment())  # for the hub that it makes
        application = load_app(app)
    else:
        _check_open(settings)
        application = room_server(settings) if headless else create_app(Hub(settings))
    sock = bind(settings.host, settings.port)
    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    console.print(f"hubbub serves on http://{shown}:{port}", markup=False)
    if app is None:
        console.print(f"Rooms for text: ws://{shown}:{port}/ws/ROOM", markup=False)
        if is_loopback(settings.host):
            console.print("Open to anyone on this machine: no authentication is configured.")
        else:
            console.print("OPEN TO ANYONE WHO REACHES IT: no authentication is configured.")
    run(application, settings, sock)


def _check_open(settings: Settings) -> None:
    if not is_loopback(settings.host) and not settings.anonymous:
        raise ConfigurationError(
            f"on {settings.host} anyone could enter every room, because no authentication is "
            "configured; listen on 127.0.0.1, or say --anonymous if that is what you want"
        )
