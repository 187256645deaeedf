"""How a client comes into the server, and into the rooms that the server has for it.

protocol.md sections 3 and 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hubbub.engine.entering import Prepared, is_past, prepare, raw, reach_of, settle
from hubbub.engine.events import Admission, Ticket
from hubbub.engine.revoking import Revoked, connection_revoked, room_revoked
from hubbub.engine.rules import Rule
from hubbub.model import (
    CHANNEL_LIMIT,
    CONNECTION_LIMIT,
    INSUFFICIENT_STATE,
    VERSION,
    ClientInfo,
    Disconnect,
    Position,
    user_id,
)
from hubbub.options import RoomOptions
from hubbub.wire import centrifuge as wire

if TYPE_CHECKING:
    from hubbub.engine.client import Client
    from hubbub.engine.conversation import Pending

_NOTHING_ASKED = wire.SubscribeRequest()
_NO_RULE = Rule(RoomOptions())


def admit(
    client: Client,
    id: int,
    request: wire.ConnectRequest,
    admission: Admission,
    revoked: Sequence[Revoked] = (),
) -> Pending | None:
    """Let the client in, and into the rooms that the server has for it; or return what has to
    be awaited first.

    `revoked` is what has been since the gate was asked for the admission.
    """
    node = client.node
    tickets = _tickets(client, admission)
    durable = {
        name: reach_of(request.subs.get(name, _NOTHING_ASKED), rule)
        for name in tickets
        if (rule := node.rules.find(name)) is not None and rule.options.durable
    }
    if durable and len(tickets) <= node.settings.channel_limit:
        return _admit_durable(client, id, request, admission, revoked, durable)
    _admit(client, id, request, admission, revoked)
    return None


async def _admit_durable(
    client: Client,
    id: int,
    request: wire.ConnectRequest,
    admission: Admission,
    revoked: Sequence[Revoked],
    durable: Mapping[str, Position | None],
) -> None:
    async with client.node.logs.reaching(durable):
        _admit(client, id, request, admission, revoked)


def _admit(
    client: Client,
    id: int,
    request: wire.ConnectRequest,
    admission: Admission,
    revoked: Sequence[Revoked],
) -> None:
    if client.disconnect is not None:
        return
    if (why := _taken(client, admission, revoked)) is not None:
        client.refuse(id, why)
        return
    node, settings = client.node, client.node.settings
    client.user = admission.user
    client.user_id = user = user_id(admission.user) or ""
    client.session = admission.session
    client.info = ClientInfo(user, client.id, admission.info)
    most = settings.user_connections
    if user and most and len(node.present.get(user, ())) >= most:
        client.user = None
        client.refuse(id, CONNECTION_LIMIT)
        return
    if is_past(client, admission.expires_at):
        client.refuse(id, wire.EXPIRED)
        return
    client.token_rooms = frozenset(admission.subs)
    client.meta = admission.meta
    prepared = _prepare_all(client, _tickets(client, admission), request.subs)
    if not isinstance(prepared, list):
        client.refuse(id, prepared)
        return
    result = wire.ConnectResult(
        client.id,
        VERSION,
        data=raw(admission.data),
        subs={one.sub.name: one.result for one in prepared},
        ping=max(1, round(settings.client_ping_interval)) if client.pings else 0,
        pong=client.pings,
        session=client.secret,
        node=node.id if client.secret else "",
    )
    client.renewable = admission.renewable
    if admission.renewable and admission.expires_at is not None:
        result.expires, result.ttl = True, client.ttl(admission.expires_at)
    client.reply(id, "connect", result)
    client.here(admission.expires_at)
    for one in prepared:
        settle(one)


def _taken(client: Client, admission: Admission, revoked: Sequence[Revoked]) -> Disconnect | None:
    """Why what is being admitted may not be so any more."""
    whose = user_id(admission.user) or "", admission.session, client.id
    if (one := connection_revoked(revoked, *whose)) is not None:
        return one.why
    # It is to come back, and be told anew which rooms it is in.
    gone = any(room_revoked(revoked, room, *whose) for room in admission.subs)
    return INSUFFICIENT_STATE if gone else None


def _tickets(client: Client, admission: Admission) -> dict[str, Ticket]:
    """For the rooms that the server has for the client, its own among them."""
    settings, user = client.node.settings, user_id(admission.user)
    tickets = dict(admission.subs)
    if settings.personal_channel and user:
        tickets.setdefault(personal_room(settings.personal_namespace, user), Ticket())
    return tickets


def personal_room(namespace: str, user: str) -> str:
    return f"{namespace}:#{user}" if namespace else f"#{user}"


def _prepare_all(
    client: Client, tickets: Mapping[str, Ticket], asked: Mapping[str, wire.SubscribeRequest]
) -> list[Prepared] | wire.Error | Disconnect:
    if len(tickets) > client.node.settings.channel_limit:
        return CHANNEL_LIMIT
    all_of_them = []
    for name, ticket in tickets.items():
        prepared = prepare_for_server(client, name, asked.get(name, _NOTHING_ASKED), ticket)
        if not isinstance(prepared, Prepared):
            return prepared
        all_of_them.append(prepared)
    return all_of_them


def prepare_for_server(
    client: Client, name: str, request: wire.SubscribeRequest, ticket: Ticket
) -> Prepared | wire.Error | Disconnect:
    """A subscription that the server wants."""
    node = client.node
    rule = node.rules.find(name)
    if rule is None:
        settings = node.settings
        if name != personal_room(settings.personal_namespace, client.user_id):
            return wire.UNKNOWN_CHANNEL
        rule = _NO_RULE
    prepared = prepare(client, name, request, rule, ticket)
    if isinstance(prepared, Prepared):
        prepared.sub.server_side = True
    return prepared


def subscribe_by_server(
    client: Client, name: str, ticket: Ticket, since: Position | None = None
) -> wire.Error | None:
    """Put a connected client into the room; one that is in it stays as it is (section 19)."""
    if client.disconnect is not None or name in client.subs:
        return None
    if len(client.subs) >= client.node.settings.channel_limit:
        client.hang_up(CHANNEL_LIMIT)
        return None
    request = wire.SubscribeRequest()
    if since is not None:
        request.recover, request.offset, request.epoch = True, since.offset, since.epoch
    prepared = prepare_for_server(client, name, request, ticket)
    if not isinstance(prepared, Prepared):
        return prepared if isinstance(prepared, wire.Error) else None
    result = prepared.result
    told = wire.SubscribePush(
        result.recoverable, result.epoch, result.offset, result.positioned, result.data
    )
    client.push(name, "subscribe", told)
    settle(prepared)
    for publication in prepared.missed:
        client.write(prepared.sub.audience.encode(publication))
    return None
