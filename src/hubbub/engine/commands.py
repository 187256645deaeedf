"""What a Centrifuge client may ask for, one function each (protocol.md sections 3, 5, 7 and 9).

Each is given the client, the id of the command and its body. It answers, or returns what has to
be awaited for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.engine import admission, entering, markers
from hubbub.engine.events import Admission, Call, Connect, Join, Message, Publish, Ticket
from hubbub.engine.revoking import ANYBODY
from hubbub.engine.rules import PRIVATE
from hubbub.model import (
    BAD_REQUEST,
    EXPIRED,
    INSUFFICIENT_STATE,
    INVALID_TOKEN,
    NOT_AVAILABLE,
    SUBSCRIPTION_EXPIRED,
    VERSION,
    Draft,
    Page,
    Position,
    user_id,
)
from hubbub.wire import centrifuge as wire
from hubbub.wire.encode import has_endless_number, is_json_line, value_of

if TYPE_CHECKING:
    from hubbub.engine.client import Client
    from hubbub.engine.conversation import Carry, Pending
    from hubbub.engine.rules import Rule
    from hubbub.engine.subscription import Subscription


# Coming in. ------------------------------------------------------------------------------------


def connect(client: Client, id: int, request: wire.ConnectRequest) -> Pending | None:
    client.start_asking()
    gate = client.node.gate
    if gate is None:
        if request.token:
            client.refuse(id, INVALID_TOKEN)
        elif not client.node.settings.anonymous:
            client.refuse(id, BAD_REQUEST)
        else:
            pending = admission.admit(client, id, request, Admission())
            return None if pending is None else client.asking(id, pending)
        return None
    data = value_of(bytes(request.data))
    event = Connect(client, request.token or None, data, request.headers)

    async def ask() -> None:
        with client.node.revoking.watching(ANYBODY) as revoked:
            answer = await gate.connect(event)
            if not isinstance(answer, Admission):
                client.refuse(id, answer)
            elif (pending := admission.admit(client, id, request, answer, revoked)) is not None:
                await pending

    return client.asking(id, ask())


def subscribe(client: Client, id: int, request: wire.SubscribeRequest) -> Pending | None:
    name, node = request.channel, client.node
    if not name:
        client.violate()
        return None
    rule = node.rules.find(name)
    refused = entering.check_name(client, name, rule)
    if refused is not None:
        client.refuse(id, refused)
        return None
    assert rule is not None
    if request.token:
        return client.asking(id, _by_token(client, id, request, rule))
    if name.startswith(PRIVATE):
        client.refuse(id, wire.DENIED)
    elif rule.on_join is not None and not rule.is_user_limited(name):
        event = entering.joining(client, name, rule, value_of(bytes(request.data)))
        return client.asking(id, _by_hook(client, id, request, rule, event))
    elif not rule.lets_in(name, client.user_id):
        client.refuse(id, wire.DENIED)
    else:
        pending = entering.enter(client, id, request, rule, Ticket())
        return None if pending is None else client.asking(id, pending)
    return None


async def _by_token(client: Client, id: int, request: wire.SubscribeRequest, rule: Rule) -> None:
    gate = client.node.gate
    if gate is None:
        client.refuse(id, wire.DENIED)
        return
    answer = await gate.ticket(request.token)
    if isinstance(answer, wire.Error):
        client.refuse(id, answer)
        return
    if not answer.is_for(client, request.channel):
        client.refuse(id, INVALID_TOKEN)
        return
    # What was revoked meanwhile does not count: the same token would do a moment later.
    pending = entering.enter(client, id, request, rule, answer)
    if pending is not None:
        await pending


async def _by_hook(
    client: Client, id: int, request: wire.SubscribeRequest, rule: Rule, event: Join
) -> None:
    assert rule.on_join is not None
    with client.node.revoking.watching(client.user_id) as revoked:
        ticket = await rule.on_join(event)
        pending = entering.enter(client, id, request, rule, ticket, revoked)
        if pending is not None:
            await pending


def unsubscribe(client: Client, id: int, request: wire.UnsubscribeRequest) -> Pending | None:
    if not request.channel:
        client.violate()
        return None
    sub = client.subs.get(request.channel)
    if sub is not None:
        entering.leave(sub, entering.BY_CLIENT)
    client.reply(id, "unsubscribe", wire.Empty())
    return None


def refresh(client: Client, id: int, request: wire.RefreshRequest) -> Pending | None:
    gate = client.node.gate
    if gate is None or not client.renewable or not request.token:
        client.violate()
        return None

    async def ask() -> None:
        answer = await gate.refresh(client, request.token)
        if answer is wire.INTERNAL:
            client.refuse(id, wire.INTERNAL)
        elif not isinstance(answer, Admission):
            client.hang_up(EXPIRED if answer is wire.TOKEN_EXPIRED else INVALID_TOKEN)
        elif (user_id(answer.user) or "") != client.user_id:
            client.hang_up(INVALID_TOKEN)
        elif set(answer.subs) != client.token_rooms:
            client.hang_up(INSUFFICIENT_STATE)
        elif entering.is_past(client, answer.expires_at):
            client.hang_up(EXPIRED)
        else:
            client.expire_at(answer.expires_at)
            result = wire.RefreshResult(client.id, VERSION)
            if answer.expires_at is not None:
                result.expires, result.ttl = True, client.ttl(answer.expires_at)
            client.reply(id, "refresh", result)

    return client.asking(id, ask())


def sub_refresh(client: Client, id: int, request: wire.SubRefreshRequest) -> Pending | None:
    gate = client.node.gate
    if not request.token or gate is None:
        client.refuse(id, wire.BAD_REQUEST)
        return None

    async def ask() -> None:
        if request.channel and request.channel not in client.subs:
            client.refuse(id, wire.DENIED)
            return
        answer = await gate.ticket(request.token)
        if isinstance(answer, wire.Error):
            expired = answer is wire.TOKEN_EXPIRED
            ended = SUBSCRIPTION_EXPIRED if expired else INVALID_TOKEN
            client.refuse(id, answer if answer is wire.INTERNAL else ended)
            return
        # centrifuge-python up to 0.5 leaves the channel to the token (section 9.3).
        sub = client.subs.get(request.channel or answer.room)
        if sub is None:
            client.refuse(id, wire.DENIED)
        elif not answer.is_for(client, sub.name):
            client.hang_up(INVALID_TOKEN)
        elif entering.is_past(client, answer.expires_at):
            client.hang_up(SUBSCRIPTION_EXPIRED)
        else:
            entering.expire_at(sub, answer.expires_at)
            result = wire.SubRefreshResult()
            if answer.expires_at is not None:
                result.expires, result.ttl = True, client.ttl(answer.expires_at)
            client.reply(id, "sub_refresh", result)

    return client.asking(id, ask())


# Talking. --------------------------------------------------------------------------------------


def publish(client: Client, id: int, request: wire.PublishRequest) -> Pending | None:
    name, node = request.channel, client.node
    if not name:
        client.violate()
        return None
    rule = node.rules.find(name)
    if rule is None:
        client.refuse(id, wire.UNKNOWN_CHANNEL)
        return None
    sub = client.subs.get(name)
    may = rule.allows("publish", False, client.user_id) if sub is None else sub.may_publish
    data = bytes(request.data)
    if request.type:
        client.refuse(id, wire.NOT_AVAILABLE)
    elif not may:
        client.refuse(id, wire.DENIED)
    elif not data or not rule.allows_name(name):
        client.refuse(id, wire.BAD_REQUEST)
    elif not request.binary and has_endless_number(data):
        client.refuse(id, wire.BAD_REQUEST)
    elif rule.on_publish is not None:
        return client.asking(id, _asked(client, id, name, rule, data))
    elif rule.check is None:
        _publish(client, id, name, rule, data, request.binary)
    else:
        try:
            data = rule.check(data)
        except ValueError as error:
            client.refuse(id, wire.Error(wire.BAD_REQUEST.code, str(error)))
        else:
            _publish(client, id, name, rule, data, binary=False)
    return None


async def _asked(client: Client, id: int, name: str, rule: Rule, data: bytes) -> None:
    assert rule.on_publish is not None
    sub = client.subs.get(name)
    event = Publish(client, sub, client.node.room(name), client.user, data, rule.params(name))
    data = await rule.on_publish(event)
    if client.disconnect is None and client.subs.get(name) is sub:
        _publish(client, id, name, rule, data, binary=not is_json_line(data))
    else:
        client.refuse(id, wire.DENIED)  # it may have been put out for what it says


def _publish(client: Client, id: int, name: str, rule: Rule, data: bytes, binary: bool) -> None:
    sub = client.subs.get(name)
    info = client.info if sub is None else sub.info
    draft = Draft(data, info=info, unread=rule.options.read_markers, binary=binary)
    if not rule.options.fits(data):
        client.refuse(id, wire.BAD_REQUEST)
    elif rule.options.durable:
        client.commit(id, name, draft)
    else:
        client.node.publish(name, draft)
        client.reply(id, "publish", wire.Empty())


def rpc(client: Client, id: int, request: wire.RpcRequest) -> Pending | None:
    calls, own = client.node.calls, client.node.rules.read_markers
    call = calls.get(request.method)
    if call is None and own:
        call = markers.CALLS.get(request.method)
    if call is None:
        client.refuse(id, wire.METHOD_NOT_FOUND if calls or own else wire.NOT_AVAILABLE)
        return None

    async def ask() -> None:
        event = Call(client, client.user, request.method, bytes(request.data))
        client.reply(id, "rpc", wire.DataResult(entering.raw(await call(event))))

    return client.asking(id, ask())


def send(client: Client, id: int, request: wire.SendRequest) -> Pending | None:
    hook = client.node.on_message
    if hook is None:
        client.hang_up(NOT_AVAILABLE)
        return None
    event = Message(client, client.user, value_of(bytes(request.data)))

    async def tell() -> None:
        await hook(event)

    # Without an id there is nobody to tell of a failure but the log.
    return client.asking(0, tell())


# Looking. --------------------------------------------------------------------------------------


def _look(
    client: Client, id: int, name: str, what: str, available: str
) -> tuple[Rule, Subscription | None] | None:
    """The rule of the room where `client` may see its `what`; else it is told why not."""
    if not name:
        client.violate()
        return None
    rule = client.node.rules.find(name)
    if rule is None:
        client.refuse(id, wire.UNKNOWN_CHANNEL)
        return None
    sub = client.subs.get(name)
    granted = None if sub is None else getattr(sub, what)
    if granted is None:
        granted = rule.allows(what, sub is not None, client.user_id)
    if not getattr(rule.options, available):
        client.refuse(id, wire.NOT_AVAILABLE)
    elif not granted:
        client.refuse(id, wire.DENIED)
    else:
        return rule, sub
    return None


def presence(client: Client, id: int, request: wire.PresenceRequest) -> Pending | None:
    if _look(client, id, request.channel, "presence", "presence") is not None:
        found = client.node.presence_of(request.channel)
        entries = {info.client: client.codec.info(info) for info in found}
        client.reply(id, "presence", wire.PresenceResult(entries))
    return None


def presence_stats(client: Client, id: int, request: wire.PresenceRequest) -> Pending | None:
    if _look(client, id, request.channel, "presence", "presence") is not None:
        counts = client.node.presence_stats(request.channel)
        client.reply(id, "presence_stats", wire.PresenceStatsResult(*counts))
    return None


def history(client: Client, id: int, request: wire.HistoryRequest) -> Pending | None:
    looked = _look(client, id, request.channel, "history", "remembers")
    if looked is None:
        return None
    since, limit, most = request.since, request.limit, client.node.settings.history_page
    if limit < 0 or limit > most:
        limit = most
    if since is not None and request.reverse and not since.offset:
        client.refuse(id, wire.BAD_REQUEST)
        return None
    node, name = client.node, request.channel
    asked = None if since is None else Position(since.offset, since.epoch)
    if not looked[0].options.durable:
        _page(client, id, node.stream(name, looked[0]).page(asked, limit, request.reverse), asked)
        return None

    async def read() -> None:
        offset = None if asked is None else asked.offset
        page = await node.logs.page(name, offset, limit, backwards=request.reverse)
        if looked[1] is not None and client.subs.get(name) is not looked[1]:
            client.refuse(id, wire.DENIED)  # it was put out of the room meanwhile
        else:
            _page(client, id, page, asked)

    return client.asking(id, read())


def _page(client: Client, id: int, page: Page, asked: Position | None) -> None:
    position = page.position
    if asked is not None and asked.epoch not in ("", position.epoch):
        client.refuse(id, wire.UNRECOVERABLE)
        return
    entries = client.node.pages.entries(client.codec, page.publications)
    client.reply(id, "history", wire.HistoryResult(entries, position.epoch, position.offset))


TABLE: dict[str, Carry] = {
    "connect": connect,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "publish": publish,
    "presence": presence,
    "presence_stats": presence_stats,
    "history": history,
    "rpc": rpc,
    "send": send,
    "refresh": refresh,
    "sub_refresh": sub_refresh,
}
