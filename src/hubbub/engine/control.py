"""What the server does to clients that are connected, by the name of their user.

protocol.md section 19. All of it is on the node's loop, and takes hold of what is here now.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from hubbub.engine import admission, entering
from hubbub.engine.client import Client
from hubbub.engine.events import Ticket
from hubbub.errors import Unavailable
from hubbub.model import EXPIRED, ClientInfo, Disconnect, Position
from hubbub.wire.centrifuge import Error, RefreshPush

if TYPE_CHECKING:
    from hubbub.engine.node import Node

log = logging.getLogger("hubbub")


def clients_of(node: Node, user: str, client: str = "") -> Iterator[Client]:
    """The Centrifuge connections of `user`; with `client`, that one alone."""
    if client:
        one = node.clients.get(client)
        if one is not None and one.user_id == user:
            yield one
        return
    # Nobody in particular has no list of their own: there may be very many.
    sessions = node.present.get(user, ()) if user else node.clients.values()
    for session in list(sessions):
        if isinstance(session, Client) and session.user_id == user:
            yield session


async def subscribe(
    node: Node, user: str, room: str, ticket: Ticket, since: Position | None, client: str = ""
) -> Error | None:
    """Raises `Unavailable` where the room's log cannot be reached."""
    if not node.is_durable(room):
        return _subscribe(node, user, room, ticket, since, client)
    if next(clients_of(node, user, client), None) is None:
        return None
    async with node.logs.reaching({room: since}):
        return _subscribe(node, user, room, ticket, since, client)


def subscribe_soon(node: Node, user: str, room: str) -> None:
    """As `subscribe`; in a durable room not before its log has been looked at."""
    if node.is_durable(room):
        node.start(_subscribe_in_time(node, user, room))
    else:
        _subscribe(node, user, room, Ticket(), None, "")


async def _subscribe_in_time(node: Node, user: str, room: str) -> None:
    try:
        await subscribe(node, user, room, Ticket(), None)
    except Unavailable as error:
        log.error("users were not put into the room %r: %s", room, error)


def _subscribe(
    node: Node, user: str, room: str, ticket: Ticket, since: Position | None, client: str
) -> Error | None:
    refused = None
    for one in clients_of(node, user, client):
        refused = admission.subscribe_by_server(one, room, ticket, since) or refused
    return refused


def unsubscribe(
    node: Node,
    user: str,
    room: str,
    why: Disconnect = entering.BY_SERVER,
    client: str = "",
) -> None:
    for one in clients_of(node, user, client):
        for sub in [one.subs[room]] if room in one.subs else []:
            entering.remove(sub, why)


def disconnect(
    node: Node, user: str, why: Disconnect, client: str = "", keep: Collection[str] = ()
) -> None:
    """End the user's connections of both kinds, but those whose ids are in `keep`.

    With `client` that one alone. Who is no Centrifuge client has no id to be kept by.
    """
    for one in clients_of(node, user, client):
        if one.id not in keep:
            one.hang_up(why)
    if user and not client:
        for session in node.user(user).sessions:
            if not isinstance(session, Client):
                session.hang_up(why)


def refresh(
    node: Node,
    user: str,
    expired: bool,
    expires_at: float | None,
    client: str = "",
    info: bytes = b"",
) -> None:
    """Say anew until when the user's connections may stay; None for as long as they like.

    With `info` (JSON), also what is seen of them in the rooms they enter from here on.
    """
    for one in clients_of(node, user, client):
        if info:
            one.info = ClientInfo(one.user_id, one.id, info)
        if expired or entering.is_past(one, expires_at):
            one.hang_up(EXPIRED)
            continue
        one.expire_at(expires_at)
        told = RefreshPush()
        if expires_at is not None:
            told.expires, told.ttl = True, one.ttl(expires_at)
        one.push("", "refresh", told)


async def history_remove(node: Node, room: str) -> None:
    """Have the room forget its publications; its position stays (section 6.1).

    Raises `Unavailable` where they are in a log that cannot be reached.
    """
    if node.is_durable(room):
        await node.logs.clear(room)
    elif (stream := node.memory.streams.get(room)) is not None:
        stream.clear()


async def forget(node: Node, name: str) -> None:
    """Have the room forget its publications and its position: it begins anew, in a new epoch.

    Members who follow its position begin anew too, and are told that continuity was lost.
    Raises `Unavailable` where they are in a log that cannot be reached.
    """
    if node.is_durable(name):
        await node.logs.forget(name)
    elif (room := node.forget(name)) is not None:
        entering.lose_all(room)
