"""What other servers may ask for, one function each (protocol.md section 19).

They run on the node's loop; those whose work grows with the rooms let others run in between.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import time
import traceback
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from fnmatch import translate
from typing import Any, NamedTuple, get_type_hints

import msgspec
from msgspec import UNSET, Raw, Struct

from hubbub.embed import api_bodies as bodies
from hubbub.engine import control
from hubbub.engine.admission import personal_room
from hubbub.engine.entering import raw
from hubbub.engine.events import Ticket
from hubbub.engine.node import Node
from hubbub.engine.reading import FAR
from hubbub.engine.room import Room
from hubbub.engine.rules import Rule
from hubbub.errors import Conflict, InvalidName, Refused, Unavailable
from hubbub.model import (
    FORCED,
    MAX_ROOM_NAME,
    VERSION,
    ClientInfo,
    Disconnect,
    Draft,
    Position,
    Publication,
    check_room_name,
    is_close_code,
)
from hubbub.options import RoomOptions
from hubbub.wire.centrifuge import (
    BAD_REQUEST,
    EXPIRED,
    INTERNAL,
    NOT_AVAILABLE,
    TEMPORARY,
    UNAVAILABLE,
    UNKNOWN_CHANNEL,
    UNRECOVERABLE,
    Error,
)
from hubbub.wire.encode import has_endless_number, is_json_line

log = logging.getLogger("hubbub")

SLICE = 100
"""Publications between two turns for others; rooms are looked at in slices 50 times as large."""

MOST = 10_000
"""Publications of a durable room in one answer; it ends at `history_page_bytes` before that."""

CONFLICT = Error(113, "conflict")

NULL = b"null"

_PERSONAL = Rule(RoomOptions())


class Failed(Exception):
    """The method cannot be carried out; the caller is told why."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


class Api:
    """Whom the methods are asked of."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.began = time.monotonic()

    async def carry_out(self, method: Method, request: Any) -> Struct | Error:
        try:
            return await method.call(self, request)
        except Failed as failed:
            return failed.error
        except Unavailable:
            return UNAVAILABLE
        except Exception as error:
            # Without the error's own text, which may say what was in the request.
            trace = "".join(traceback.format_tb(error.__traceback__))
            kind = type(error).__name__
            log.error("server API: %s failed with %s at\n%s", method.name, kind, trace)
            return INTERNAL


class Method(NamedTuple):
    name: str
    call: Callable[[Api, Any], Awaitable[Struct]]
    request: type[Struct]
    result: type[Struct]
    summary: str
    """Its docstring; the types are those of its signature."""


# Publishing. -----------------------------------------------------------------------------------


async def publish(api: Api, request: bodies.PublishRequest) -> bodies.PublishResult:
    """Publish data into a channel."""
    return await _publish(api.node, request.channel, _draft(request))


async def broadcast(api: Api, request: bodies.BroadcastRequest) -> bodies.BroadcastResult:
    """Publish the same data into many channels."""
    draft = _draft(request)
    if not request.channels:
        raise Failed(BAD_REQUEST)
    responses: list[bodies.PublishResponse] = []
    for begin in range(0, len(request.channels), SLICE):
        some = request.channels[begin : begin + SLICE]
        # At once, so that what goes to durable rooms goes there together.
        responses += await asyncio.gather(*(_respond(api.node, name, draft) for name in some))
    return bodies.BroadcastResult(responses)


async def _respond(node: Node, channel: str, draft: Draft) -> bodies.PublishResponse:
    try:
        return bodies.PublishResponse(result=await _publish(node, channel, draft))
    except Failed as failed:
        return bodies.PublishResponse(error=bodies.ErrorBody.of(failed.error))


async def _publish(node: Node, channel: str, draft: Draft) -> bodies.PublishResult:
    options = _rule(node, channel).options
    if not options.fits(draft.data):
        raise Failed(BAD_REQUEST)
    if options.read_markers:
        draft = draft._replace(unread=True)
    try:
        position = await node.store(channel, draft)
    except Conflict:
        raise Failed(CONFLICT) from None
    except Refused as refused:
        raise Failed(Error(refused.code, refused.reason, refused.code in TEMPORARY)) from None
    except Unavailable:
        raise Failed(UNAVAILABLE) from None
    return bodies.PublishResult() if position is None else bodies.PublishResult(*position)


def _draft(request: bodies.Publishing) -> Draft:
    data, binary = _data(request)
    if not data:
        raise Failed(BAD_REQUEST)
    return Draft(
        data,
        tags=request.tags or None,
        key=request.idempotency_key or "",
        history=not request.skip_history,
        version=request.version or 0,
        version_epoch=request.version_epoch or "",
        binary=binary,
        delta=bool(request.delta),
    )


def _data(request: bodies.Publishing) -> tuple[bytes, bool]:
    """What is published, and whether it is `binary`."""
    if not request.b64data:
        return _json(request.data, None), False
    data = _decoded(request.b64data)
    return data, not is_json_line(data)


# What is done to connections. ------------------------------------------------------------------


async def subscribe(api: Api, request: bodies.SubscribeRequest) -> bodies.Empty:
    """Put a user's connections into a channel."""
    user, node = _user(request), api.node
    _rule(node, request.channel)
    expires_at = request.expire_at or None
    if expires_at is not None and expires_at <= node.clock.time():
        raise Failed(EXPIRED)
    override = {
        name: value.value
        for name in bodies.Override.__struct_fields__
        if (value := getattr(request.override, name, None)) is not None
    }
    ticket = Ticket(
        info=_optional_json(request.info, request.b64info),
        data=_optional_json(request.data, request.b64data),
        override=override,
        expires_at=expires_at,
    )
    since = request.recover_since
    position = None if since is None else Position(min(since.offset, FAR), since.epoch)
    whose = request.client or "", request.session or ""
    refused = await control.subscribe(node, user, request.channel, ticket, position, *whose)
    if refused is not None:
        raise Failed(refused)
    return bodies.Empty()


async def unsubscribe(api: Api, request: bodies.UnsubscribeRequest) -> bodies.Empty:
    """Take a user's connections out of a channel."""
    user = _user(request)
    _rule(api.node, request.channel)
    client, session = request.client or "", request.session or ""
    control.unsubscribe(api.node, user, request.channel, client=client, session=session)
    return bodies.Empty()


async def disconnect(api: Api, request: bodies.DisconnectRequest) -> bodies.Empty:
    """End a user's connections."""
    user, given = _user(request), request.disconnect or bodies.DisconnectCode()
    if given.code and not is_close_code(given.code):
        raise Failed(BAD_REQUEST)
    why = Disconnect(given.code or FORCED.code, given.reason)
    if not given.code and not given.reason:
        why = FORCED
    keep, session = frozenset(request.whitelist or ()), request.session or ""
    control.disconnect(api.node, user, why, request.client or "", keep, session)
    return bodies.Empty()


async def refresh(api: Api, request: bodies.RefreshRequest) -> bodies.Empty:
    """Say anew until when a user's connections may stay."""
    user, info = _user(request), _optional_json(request.info, None)
    until, expired = request.expire_at or None, bool(request.expired)
    client, session = request.client or "", request.session or ""
    control.refresh(api.node, user, expired, until, client, info, session)
    return bodies.Empty()


# Looking. --------------------------------------------------------------------------------------


async def presence(api: Api, request: bodies.PresenceRequest) -> bodies.PresenceResult:
    """Who is in a channel."""
    _present(api.node, request.channel)
    found = api.node.presence_of(request.channel)
    return bodies.PresenceResult({info.client: _client_info(info) for info in found})


async def presence_stats(
    api: Api, request: bodies.PresenceStatsRequest
) -> bodies.PresenceStatsResult:
    """How many are in a channel."""
    _present(api.node, request.channel)
    return bodies.PresenceStatsResult(*api.node.presence_stats(request.channel))


def _present(node: Node, channel: str) -> None:
    if not _rule(node, channel).options.presence:
        raise Failed(NOT_AVAILABLE)


async def history(api: Api, request: bodies.HistoryRequest) -> bodies.HistoryResult:
    """What a channel remembers."""
    node, rule = api.node, _remembering(api.node, request.channel)
    since, limit, reverse = request.since, request.limit or 0, bool(request.reverse)
    durable = rule.options.durable
    if limit < 0 or (durable and limit > MOST):
        limit = MOST if durable else rule.options.history_size
    position = None
    if since is not None:
        if reverse and not since.offset:
            raise Failed(BAD_REQUEST)
        position = Position(min(since.offset, FAR), since.epoch)
    if durable:
        offset = None if position is None else position.offset
        page = await node.logs.page(request.channel, offset, limit, backwards=reverse)
    else:
        page = node.stream(request.channel, rule).page(position, limit, reverse)
    if since is not None and since.epoch not in ("", page.position.epoch):
        raise Failed(UNRECOVERABLE)
    found = [_publication(one) for one in page.publications]
    return bodies.HistoryResult(found, *page.position)


async def history_remove(api: Api, request: bodies.HistoryRemoveRequest) -> bodies.Empty:
    """Have a channel forget its publications."""
    _remembering(api.node, request.channel)
    await control.history_remove(api.node, request.channel)
    return bodies.Empty()


def _remembering(node: Node, channel: str) -> Rule:
    rule = _rule(node, channel)
    if not rule.options.remembers:
        raise Failed(NOT_AVAILABLE)
    return rule


async def channels(api: Api, request: bodies.ChannelsRequest) -> bodies.ChannelsResult:
    """The channels with somebody in them."""
    pattern = request.pattern or "*"
    if len(pattern) > MAX_ROOM_NAME:
        raise Failed(BAD_REQUEST)
    # Not `fnmatch`, which remembers thousands of patterns. Its expressions take time that is
    # linear in the name: each star is settled before the next one is tried.
    matches = re.compile(translate(pattern)).match
    return bodies.ChannelsResult(
        {
            name: bodies.ChannelInfo(len(room))
            async for name, room in _rooms(api.node)
            if matches(name)
        }
    )


async def info(api: Api, request: bodies.InfoRequest) -> bodies.InfoResult:
    """What this server is, and how much is going on."""
    node, plain, subs, rooms = api.node, 0, 0, 0
    async for _, room in _rooms(node):
        rooms += 1
        subs += len(room)
        plain += len(room.plain.members)
    node_info = bodies.NodeInfo(
        uid=node.id,
        name=f"{socket.gethostname()}_{os.getpid()}",
        version=VERSION,
        num_clients=len(node.clients) + plain,  # who is no client is in one room
        num_users=len(node.present),
        num_subs=subs,
        num_channels=rooms,
        uptime=int(time.monotonic() - api.began),
    )
    return bodies.InfoResult([node_info])


async def _rooms(node: Node) -> AsyncIterator[tuple[str, Room]]:
    """Every room with somebody in it."""
    for number, (name, room) in enumerate(list(node.live.items()), 1):
        if room.audiences:
            yield name, room
        if not number % (50 * SLICE):
            await asyncio.sleep(0)


async def rpc(api: Api, request: bodies.RpcRequest) -> bodies.RpcResult:
    """Call something that the application answers."""
    raise Failed(NOT_AVAILABLE if request.method else BAD_REQUEST)


# Bodies to values, and back. -------------------------------------------------------------------


def _rule(node: Node, channel: str) -> Rule:
    """The rule of the channel. Raises `Failed` where there is none, or no such name."""
    try:
        check_room_name(channel)
    except InvalidName:
        raise Failed(BAD_REQUEST) from None
    rule = node.rules.find(channel)
    if rule is None:
        settings = node.settings
        personal = personal_room(settings.personal_namespace, "")
        if not settings.personal_channel or not channel.startswith(personal):
            raise Failed(UNKNOWN_CHANNEL)
        return _PERSONAL
    if not rule.allows_name(channel):
        raise Failed(BAD_REQUEST)
    return rule


def _user(request: bodies.UserRequest) -> str:
    # Left out by mistake, it would mean everybody who is nobody in particular.
    if request.user is None:
        raise Failed(BAD_REQUEST)
    return request.user


def _json(data: bodies.Json, b64: str | None) -> bytes:
    """What was given as JSON in one line, as it came where it is; empty where there is none."""
    text = b"" if data is UNSET else bytes(data)
    try:
        if b64:
            text = _decoded(b64)
            msgspec.json.decode(text)
        if has_endless_number(text):
            raise Failed(BAD_REQUEST)
        return msgspec.json.format(text, indent=-1) if b"\n" in text else text
    except (ValueError, RecursionError):
        raise Failed(BAD_REQUEST) from None


def _decoded(b64: str) -> bytes:
    try:
        return b64decode(b64, validate=True)
    except ValueError:
        raise Failed(BAD_REQUEST) from None


def _optional_json(data: bodies.Json, b64: str | None) -> bytes:
    text = _json(data, b64)
    return b"" if text == NULL else text


def _client_info(info: ClientInfo) -> bodies.ClientInfo:
    return bodies.ClientInfo(info.user, info.client, raw(info.conn_info), raw(info.chan_info))


def _publication(one: Publication) -> bodies.Publication:
    info = UNSET if one.info is None else _client_info(one.info)
    tags = dict(one.tags) if one.tags else UNSET
    if one.binary:
        return bodies.Publication(
            Raw(b"null"), one.offset, tags, info, b64encode(one.data).decode()
        )
    return bodies.Publication(Raw(one.data), one.offset, tags, info)


def _method(call: Callable[[Api, Any], Awaitable[Struct]]) -> Method:
    hints = get_type_hints(call)
    summary = (call.__doc__ or "").rstrip(".")
    return Method(call.__name__, call, hints["request"], hints["return"], summary)


_DOING = publish, broadcast, subscribe, unsubscribe, disconnect, refresh, history_remove, rpc
_LOOKING = presence, presence_stats, history, channels, info

METHODS: dict[str, Method] = {call.__name__: _method(call) for call in (*_DOING, *_LOOKING)}
