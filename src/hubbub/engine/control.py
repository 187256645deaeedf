"""What the server does to clients that are connected, by the name of their user.

protocol.md section 19. All of it is on the node's loop, and takes hold of what is here now.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from hubbub.engine import admission, entering
from hubbub.engine.client import Client
from hubbub.engine.events import Ticket
from hubbub.engine.member import Member
from hubbub.engine.revoking import Revoked, room_revoked
from hubbub.errors import Unavailable
from hubbub.model import EXPIRED, FORCED, ClientInfo, Disconnect, Position, Stats
from hubbub.wire.centrifuge import Error, RefreshPush

if TYPE_CHECKING:
    from hubbub.engine.node import Node

log = logging.getLogger("hubbub")

Whose = tuple[str, str, str]
"""A user, and where they are not empty, one connection or one login of theirs alone."""


def stats(node: Node) -> Stats:
    """How much goes on; counted when it is asked for, but for what was delivered."""
    rooms = [room for room in node.live.values() if room.audiences]
    plain = sum(len(room.plain.members) for room in rooms)  # who is no client is in one room
    return Stats(len(node.clients) + plain, len(node.present), len(rooms), node.tick.deliveries)


def clients_of(node: Node, user: str, client: str = "", session: str = "") -> Iterator[Client]:
    """The Centrifuge connections of `user`; with `client` that one, with `session` those of one
    login alone."""
    if client:
        one = node.clients.get(client)
        if one is not None and one.user_id == user and session in ("", one.session):
            yield one
        return
    # Nobody in particular has no list of their own: there may be very many.
    connections = node.present.get(user, ()) if user else node.clients.values()
    for each in list(connections):
        if isinstance(each, Client) and each.user_id == user and session in ("", each.session):
            yield each


def plain_of(node: Node, user: str, session: str = "") -> Iterator[Member]:
    """The user's connections that are no Centrifuge clients; nobody in particular has none."""
    for one in list(node.present.get(user, ())):
        if isinstance(one, Member) and session in ("", one.session):
            yield one


async def subscribe(
    node: Node,
    user: str,
    room: str,
    ticket: Ticket,
    since: Position | None,
    client: str = "",
    session: str = "",
) -> Error | None:
    """Raises `Unavailable` where the room's log cannot be reached."""
    whose = user, client, session
    if not node.is_durable(room):
        return _subscribe(node, whose, room, ticket, since)
    with node.revoking.watching(user) as revoked:
        return await _subscribe_durable(node, whose, room, ticket, since, revoked)


def subscribe_soon(node: Node, user: str, room: str) -> None:
    """As `subscribe`; in a durable room not before its log has been looked at."""
    if node.is_durable(room):
        # Begun here, so that who is taken out of the room at once stays out of it.
        node.start(_subscribe_in_time(node, user, room, node.revoking.begin(user)))
    else:
        _subscribe(node, (user, "", ""), room, Ticket(), None)


async def _subscribe_in_time(node: Node, user: str, room: str, revoked: list[Revoked]) -> None:
    try:
        await _subscribe_durable(node, (user, "", ""), room, Ticket(), None, revoked)
    except Unavailable as error:
        log.error("users were not put into the room %r: %s", room, error)
    finally:
        node.revoking.end(user, revoked)


async def _subscribe_durable(
    node: Node,
    whose: Whose,
    room: str,
    ticket: Ticket,
    since: Position | None,
    revoked: Sequence[Revoked],
) -> Error | None:
    if next(clients_of(node, *whose), None) is None:
        return None
    async with node.logs.reaching({room: since}):
        return _subscribe(node, whose, room, ticket, since, revoked)


def _subscribe(
    node: Node,
    whose: Whose,
    room: str,
    ticket: Ticket,
    since: Position | None,
    revoked: Sequence[Revoked] = (),
) -> Error | None:
    refused = None
    for one in clients_of(node, *whose):
        if not room_revoked(revoked, room, one.user_id, one.session, one.id):
            refused = admission.subscribe_by_server(one, room, ticket, since) or refused
    return refused


def unsubscribe(
    node: Node,
    user: str,
    room: str,
    why: Disconnect = entering.BY_SERVER,
    client: str = "",
    session: str = "",
) -> None:
    """Take the user's connections out of the room, and keep out those that are about to enter.

    A plain connection, which is in this room and in no other, ends.
    """
    node.revoking.revoke(Revoked(user, why, room, session, client))
    for one in clients_of(node, user, client, session):
        for sub in [one.subs[room]] if room in one.subs else []:
            entering.remove(sub, why)
    if not client:
        for member in plain_of(node, user, session):
            if member.room.name == room:
                member.hang_up(FORCED)


def disconnect(
    node: Node,
    user: str,
    why: Disconnect,
    client: str = "",
    keep: Collection[str] = (),
    session: str = "",
) -> None:
    """End the user's connections of both kinds, but those whose ids are in `keep`, and those that
    are about to be let in.

    With `client` that one alone, with `session` those of that login. Who is no Centrifuge client
    has no id to be kept by.
    """
    node.revoking.revoke(Revoked(user, why, session=session, client=client))
    for one in clients_of(node, user, client, session):
        if one.id not in keep:
            one.hang_up(why)
    if not client:
        for member in plain_of(node, user, session):
            member.hang_up(why)


def refresh(
    node: Node,
    user: str,
    expired: bool,
    expires_at: float | None,
    client: str = "",
    info: bytes = b"",
    session: str = "",
) -> None:
    """Say anew until when the user's connections may stay; None for as long as they like.

    With `info` (JSON), also what is seen of them in the rooms they enter from here on.
    """
    for one in clients_of(node, user, client, session):
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
