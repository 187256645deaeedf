"""How a client comes into rooms, catches up, and leaves (protocol.md sections 3.4, 5 and 6).

From the look at what the room remembers until the client is one of its audience nothing is
awaited, so that nothing can be published in between: what the reply brings ends where the live
publications begin. What has to be read from a log for that is read before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import UNSET, Raw

from hubbub.engine.audience import Kind
from hubbub.engine.delta import EVERY, MARKED, DeltaAudience
from hubbub.engine.events import Join, Ticket
from hubbub.engine.recovery import recover, recover_cache
from hubbub.engine.revoking import Revoked, room_revoked
from hubbub.engine.rules import Rule
from hubbub.engine.subscription import Subscription
from hubbub.engine.tags import BadFilter, Predicate, compile_filter, filter_key
from hubbub.engine.tail import LATEST
from hubbub.model import (
    BAD_REQUEST,
    INSUFFICIENT_STATE,
    SUBSCRIPTION_EXPIRED,
    ClientInfo,
    Disconnect,
    Position,
    Publication,
)
from hubbub.options import RoomOptions
from hubbub.wire import centrifuge as wire

if TYPE_CHECKING:
    from hubbub.engine.client import Client
    from hubbub.engine.conversation import Pending
    from hubbub.engine.room import Room

REJECT_UNRECOVERED = 2
"""The bit of `flag` that wants an error where not all that was missed can be had (6.4)."""

DELTAS = ("", "fossil")

BY_CLIENT = Disconnect(0, "client unsubscribed")
BY_SERVER = Disconnect(2000, "server unsubscribe")
INSUFFICIENT = Disconnect(2500, "insufficient state")
OVER = Disconnect(2501, "subscription expired")


class Prepared(NamedTuple):
    """A subscription that needs only be carried out."""

    sub: Subscription
    kind: Kind
    accepts: Predicate | None
    counted: bool
    """Whether it is seen in the room's presence."""
    expires_at: float | None
    result: wire.SubscribeResult
    missed: list[Publication]
    """What the client missed before it, and gets."""


def raw(data: bytes) -> Any:
    """JSON that stands in a message as it is; nothing where there is none."""
    return Raw(data) if data else UNSET


def is_past(client: Client, moment: float | None) -> bool:
    return moment is not None and moment <= client.node.clock.time()


# Into one room. --------------------------------------------------------------------------------


def check_name(client: Client, name: str, rule: Rule | None) -> wire.Error | None:
    """Whether there may be such a subscription, in the order of section 5.3."""
    settings = client.node.settings
    if len(name) > settings.channel_length:
        return wire.BAD_REQUEST
    if name in client.subs:
        return wire.ALREADY_SUBSCRIBED
    if len(client.subs) >= settings.channel_limit:
        return wire.LIMIT_EXCEEDED
    if rule is None:
        return wire.UNKNOWN_CHANNEL
    return None if rule.allows_name(name) else wire.BAD_REQUEST


def joining(client: Client, name: str, rule: Rule, data: Any) -> Join:
    """What `on_join` is asked about: a membership that is none yet."""
    sub = Subscription(client, name, rule, client.info)
    return Join(sub, client.node.room(name), client.user, rule.params(name), data)


def enter(
    client: Client,
    id: int,
    request: wire.SubscribeRequest,
    rule: Rule,
    ticket: Ticket,
    revoked: Sequence[Revoked] = (),
) -> Pending | None:
    """Answer `request`, for which `ticket` was given; or return what has to be awaited first.

    `revoked` is what has been since the application was asked for the ticket.
    """
    if rule.options.durable:
        return _enter_durable(client, id, request, rule, ticket, revoked)
    _enter(client, id, request, rule, ticket, revoked)
    return None


async def _enter_durable(
    client: Client,
    id: int,
    request: wire.SubscribeRequest,
    rule: Rule,
    ticket: Ticket,
    revoked: Sequence[Revoked],
) -> None:
    async with client.node.logs.reaching({request.channel: reach_of(request, rule)}):
        _enter(client, id, request, rule, ticket, revoked)


def asked_in(request: wire.SubscribeRequest) -> Position | None:
    """Where the client was that wants to catch up."""
    return Position(request.offset, request.epoch) if request.recover else None


def reach_of(request: wire.SubscribeRequest, rule: Rule) -> Position | None:
    """How far back the log has to be read for who asks."""
    if rule.options.force_recovery_mode == "cache":
        return LATEST
    return asked_in(request)


def _enter(
    client: Client,
    id: int,
    request: wire.SubscribeRequest,
    rule: Rule,
    ticket: Ticket,
    revoked: Sequence[Revoked],
) -> None:
    if client.disconnect is not None:
        return
    if room_revoked(revoked, request.channel, client.user_id, client.session, client.id):
        client.refuse(id, wire.DENIED)
        return
    prepared: Prepared | wire.Error | Disconnect | None
    # Asked again, because the server may have put the client into rooms meanwhile.
    prepared = check_name(client, request.channel, rule)
    if prepared is None:
        prepared = prepare(client, request.channel, request, rule, ticket)
    if not isinstance(prepared, Prepared):
        client.refuse(id, prepared)
        return
    client.reply(id, "subscribe", prepared.result)
    settle(prepared)


def prepare(
    client: Client, name: str, request: wire.SubscribeRequest, rule: Rule, ticket: Ticket
) -> Prepared | wire.Error | Disconnect:
    """Everything about a subscription but that it is in force."""
    if request.delta not in DELTAS:
        return BAD_REQUEST
    if request.type:
        return wire.NOT_AVAILABLE
    if is_past(client, ticket.expires_at):
        return wire.EXPIRED
    options = rule.options
    if ticket.override:
        options = options.model_copy(update=dict(ticket.override))
    accepts = None
    if request.tf is not None:
        if not options.allow_tags_filter:
            return wire.BAD_REQUEST
        try:
            accepts = compile_filter(request.tf)
        except BadFilter:
            return wire.BAD_REQUEST
    sub = _subscription(client, name, rule, ticket)
    joins = _wishes(sub, request, options)
    sub.tells = options.join_leave
    result = wire.SubscribeResult(data=raw(ticket.data))
    if ticket.renewable and ticket.expires_at is not None:
        result.expires, result.ttl = True, client.ttl(ticket.expires_at)
    delta = ""
    if sub.positioned and request.tf is None and request.delta in options.allowed_delta_types:
        delta = EVERY if options.delta_publish else MARKED
        result.delta = True
    missed: list[Publication] = []
    if sub.positioned:
        found = _position(sub, request, options, accepts, delta, result)
        if isinstance(found, wire.Error):
            return found
        missed = found
    key = filter_key(request.tf) if request.tf is not None else b""
    kind = Kind(client.codec, joins, key, delta)
    return Prepared(sub, kind, accepts, options.presence, ticket.expires_at, result, missed)


def _subscription(client: Client, name: str, rule: Rule, ticket: Ticket) -> Subscription:
    info = client.info
    if ticket.info:
        info = ClientInfo(info.user, info.client, info.conn_info, ticket.info)
    sub = Subscription(client, name, rule, info)
    user = client.user_id
    sub.renewable = ticket.renewable
    sub.history, sub.presence = ticket.history, ticket.presence
    if ticket.publish is not None:
        sub.may_publish = ticket.publish
    else:
        # Where there is somebody to ask about each publication, members may ask.
        sub.may_publish = rule.on_publish is not None or rule.allows("publish", True, user)
    asked = rule.on_publish or rule.check or rule.options.publication_bytes
    sub.publish_at_once = sub.may_publish and not asked
    return sub


def _wishes(sub: Subscription, request: wire.SubscribeRequest, options: RoomOptions) -> bool:
    """Grant what the client wishes and may have (11.2); whether it hears of joins and leaves."""
    rule, user = sub.rule, sub.client.user_id
    if options.remembers:
        sees = sub.history
        if sees is None:
            sees = rule.allows("history", True, user)
        sub.recoverable = options.force_recovery or (
            request.recoverable and (options.allow_recovery or sees)
        )
        sub.positioned = (
            sub.recoverable
            or options.force_positioning
            or (request.positioned and (options.allow_positioning or sees))
        )
    if not options.join_leave:
        return False
    sees = sub.presence if sub.presence is not None else rule.allows("presence", True, user)
    return options.force_push_join_leave or (request.join_leave and sees)


def _position(
    sub: Subscription,
    request: wire.SubscribeRequest,
    options: RoomOptions,
    accepts: Predicate | None,
    delta: str,
    result: wire.SubscribeResult,
) -> list[Publication] | wire.Error:
    """Say where the subscription begins; returns what was missed before that (section 6)."""
    node = sub.client.node
    stream = node.stream(sub.name, sub.rule)
    top = stream.position
    result.positioned, result.epoch, result.offset = True, top.epoch, top.offset
    if not sub.recoverable:
        return []
    result.recoverable = True
    asked = asked_in(request)
    if options.force_recovery_mode == "cache":
        if asked is None and not options.auto_cache_recover:
            return []
        recovery = recover_cache(asked, top, stream.latest)
    elif asked is None:
        return []
    else:
        missed = stream.after(asked.offset, node.settings.recovery_limit)
        recovery = recover(asked, top, missed)
    if not recovery.recovered and request.flag & REJECT_UNRECOVERED:
        return wire.UNRECOVERABLE
    result.was_recovering = request.recover
    result.recovered = recovery.recovered
    result.offset = recovery.position.offset
    missed, codec = recovery.publications, sub.client.codec
    if accepts is not None:
        missed = [one for one in missed if accepts(one.tags)]
        result.publications = codec.entries(missed) if missed else UNSET
    elif missed:
        result.publications = node.pages.entries(codec, missed, delta)
    return missed


def settle(prepared: Prepared) -> None:
    """Carry it out, after the reply that says so."""
    sub = prepared.sub
    client, node = sub.client, sub.client.node
    client.flush()
    room = node.open(sub.name)
    sub.audience = room.audience(prepared.kind, prepared.accepts)
    client.subs[sub.name] = sub
    node.subscribe(sub, prepared.counted)
    if prepared.missed and isinstance(sub.audience, DeltaAudience):
        sub.audience.caught_up(client, prepared.missed[-1])
    expire_at(sub, prepared.expires_at)
    if sub.tells:
        _tell(room, "join", sub.info)


def _tell(room: Room, kind: str, info: ClientInfo) -> None:
    """Tell of a join or a leave, whoever hears of them."""
    for audience in room.audiences:
        if audience.kind.joins:
            audience.announce(audience.kind.codec.membership(room.name, kind, info))


# Out of one room. ------------------------------------------------------------------------------


def leave(sub: Subscription, why: Disconnect) -> None:
    """End the subscription, telling the room."""
    client = sub.client
    if client.subs.pop(sub.name, None) is None:
        return
    if sub.expiry is not None:
        sub.expiry.cancel()
    room = sub.audience.room
    client.node.unsubscribe(sub, why)
    if sub.tells:
        _tell(room, "leave", sub.info)


def remove(sub: Subscription, why: Disconnect) -> None:
    """End the subscription, telling the client too: a code of section 10.3."""
    leave(sub, why)
    sub.client.push(sub.name, "unsubscribe", wire.UnsubscribePush(why.code, why.reason))


def expire_at(sub: Subscription, moment: float | None) -> None:
    """End the subscription then (Unix seconds), with some grace where it can be renewed."""
    if sub.expiry is not None:
        sub.expiry.cancel()
        sub.expiry = None
    if moment is not None:
        node = sub.client.node
        grace = node.settings.expired_seconds if sub.renewable else 0.0
        delay = max(0.0, moment - node.clock.time() + grace)
        sub.expiry = node.clock.call_later(delay, lambda: _expired(sub))


def _expired(sub: Subscription) -> None:
    sub.expiry = None
    if sub.server_side:
        sub.client.hang_up(SUBSCRIPTION_EXPIRED)
    else:
        remove(sub, OVER)


def lose_all(room: Room) -> None:
    """Have everyone begin again who follows the room's position."""
    for member in list(room):
        if isinstance(member, Subscription) and member.positioned:
            lose(member)


def lose(sub: Subscription) -> None:
    """The room's log and what this member got do not fit together: have it begin again (6.5)."""
    if sub.server_side:
        sub.client.hang_up(INSUFFICIENT_STATE)
    else:
        remove(sub, INSUFFICIENT)
