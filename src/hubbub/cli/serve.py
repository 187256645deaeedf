"""`hubbub serve`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from fastapi import FastAPI
from rich.console import Console

from hubbub.cli.options import with_settings
from hubbub.embed.hub import Hub
from hubbub.embed.server import bind, is_loopback, load_app, room_server, run
from hubbub.embed.tokens import SECRET_BYTES, is_short
from hubbub.errors import ConfigurationError
from hubbub.options import OPEN, RoomOptions
from hubbub.settings import Settings, without_password

log = logging.getLogger("hubbub")

DEMO = "demo"
"""The namespace to try without a configuration, where there is no chat."""

FOLLOWED = 5_000
"""Rooms that one connection to the chat may be in, unless somebody says otherwise."""

STORE = "sqlite:///hubbub.db"
"""Where the log of durable rooms is, unless somebody says otherwise: beside whoever serves."""


@with_settings
def serve(
    settings: Settings,
    app: Annotated[
        str | None, typer.Argument(help="An ASGI application as module:name, such as main:app.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Only the room endpoints, no chat.")
    ] = False,
) -> None:
    """Serve an application, or without one the chat, on our WebSocket class."""
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
        if headless:
            settings = _with_store(_with_demo(settings))
            _check_open(settings)
        else:
            settings = _for_chat(settings)
        if is_short(settings):
            log.warning("the secret for tokens is short: use %d bytes or more", SECRET_BYTES)
    socks = bind(settings.host, settings.port)
    host, port = socks[0].getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    if app is None:
        application = room_server(settings) if headless else _chat(settings, console, shown, port)
    console.print(f"hubbub serves on http://{shown}:{port}", markup=False)
    if app is None:
        for line in _told_of_rooms(settings, shown, port) if headless else _told_of_chat(settings):
            console.print(line, markup=False)
    run(application, settings, socks)


def _chat(settings: Settings, console: Console, host: str, port: int) -> FastAPI:
    # Here, since it brings the packages of databases, which other commands do without.
    from hubbub.chat import OidcProvider, Options, create_app

    def announce(code: str) -> None:
        link = f"http://{host}:{port}/#welcome={code}"
        console.print(f"Make the first account, the administrator's: {link}", markup=False)

    providers = []
    if settings.oidc_issuer:
        secret = settings.oidc_client_secret
        providers.append(
            OidcProvider(
                settings.oidc_issuer,
                settings.oidc_client_id,
                "" if secret is None else secret.get_secret_value(),
                settings.oidc_name,
                sign_up=settings.oidc_sign_up,
            )
        )
    options = Options(
        files=settings.files,
        file_bytes=settings.file_bytes,
        providers=providers,
        announce=announce,
    )
    return create_app(Hub(settings=settings), options)


def _told_of_chat(settings: Settings) -> Iterator[str]:
    from hubbub.chat import is_built

    if not is_built():
        yield "The chat's pages are not built yet: run `make web`"
    yield f"The chat is kept in {without_password(settings.store)}"
    if settings.anonymous:
        yield f"{_who_reaches(settings)}, but for the chat: no authentication is required."


def _told_of_rooms(settings: Settings, host: str, port: int) -> Iterator[str]:
    yield f"Centrifuge clients: ws://{host}:{port}/connection/websocket"
    if not settings.verifies_tokens:
        yield f"Rooms for text: ws://{host}:{port}/ws/ROOM"
    if DEMO in settings.namespaces:
        yield f"In another terminal: hubbub talk {DEMO}:lobby{_url_for(host, port)}"
    if settings.store:
        yield f"Durable rooms are kept in {without_password(settings.store)}"
    if settings.anonymous or not settings.verifies_tokens:
        yield f"{_who_reaches(settings)}: no authentication is required."


def _who_reaches(settings: Settings) -> str:
    here = is_loopback(settings.host)
    return "Open to anyone on this machine" if here else "OPEN TO ANYONE WHO REACHES IT"


def _url_for(host: str, port: int) -> str:
    default = host == "127.0.0.1" and port == Settings.model_fields["port"].default
    return "" if default else f" --url http://{host}:{port}"


def _with_demo(settings: Settings) -> Settings:
    """Where nobody but this machine comes and nothing is configured: a namespace to try."""
    configured = settings.namespaces or settings.rooms or settings.without_namespace
    closed = "anonymous" in settings.model_fields_set and not settings.anonymous
    if configured or closed or settings.verifies_tokens or not is_loopback(settings.host):
        return settings
    options = RoomOptions(**{**OPEN.model_dump(), "durability": "commit", "history_size": 0})
    return settings.model_copy(update={"anonymous": True, "namespaces": {DEMO: options}})


def _with_store(settings: Settings) -> Settings:
    """Where there are durable rooms and nobody said where they are kept: a file."""
    tables = [*settings.namespaces.values(), *settings.rooms.values(), settings.without_namespace]
    if settings.store or not any(options and options.durable for options in tables):
        return settings
    return settings.model_copy(update={"store": STORE})


def _for_chat(settings: Settings) -> Settings:
    """What nobody has said, as the chat needs it."""
    usual = {"channel_limit": FOLLOWED}
    unsaid = {name: v for name, v in usual.items() if name not in settings.model_fields_set}
    return settings.model_copy(update={**unsaid, "store": settings.store or STORE})


def _check_open(settings: Settings) -> None:
    if settings.anonymous or settings.verifies_tokens:
        return
    if not is_loopback(settings.host):
        raise ConfigurationError(
            f"on {settings.host} anyone could enter every room, because no authentication is "
            "configured; listen on 127.0.0.1, or say --anonymous if that is what you want"
        )
    if settings.namespaces or settings.rooms or settings.without_namespace:
        raise ConfigurationError(
            "there are rooms with rules, and nothing that says who connects: configure a key for "
            "tokens (token_hmac_secret_key, …), or say anonymous = true"
        )
