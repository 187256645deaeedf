"""A crowd that does everything in a chat at once, over the published client, and remembers all.

crowd = Crowd(url_of_the_database, seed)
await crowd.settle()                      # accounts and rooms, before the server starts
async with ServerProcess(…) as server:
    await crowd.act(f"127.0.0.1:{server.port}", acts=10)
    ... hold what everybody has to what the server has

Everybody does so many things, each a while after the one before was answered: a slow machine
takes longer, and does the same. What is random comes from the seed; in which order it happens,
nobody can say beforehand.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple

import centrifuge
import httpx
from centrifuge import ClientState, StreamPosition, SubscriptionState
from sqlalchemy import Connection, insert
from tests.support.asyncapi import Contract, Listener, contract_of
from tests.support.chat import API
from tests.support.chat_fold import Fold

from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.migrate import upgrade
from hubbub.chat.people import logins
from hubbub.chat.projection import ROOMS, Chat
from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft
from hubbub.stores import open_store

DEADLINE = 60.0
"""Seconds that a wait may take; what is awaited takes milliseconds."""

PAUSE_S = 0.7
"""Seconds between two acts of somebody, on average."""

CUT_S = 0.02
"""Seconds within which a connection is cut behind a wish: about as long as one takes."""

PLANTED = "xyzzy"
"""In every message: what a log must not say."""

EMOJI = ["👍", "🎉", "😀"]
DIRECT = 60
"""Direct conversations that are begun at most."""

OFTEN: dict[str, int] = {
    "say": 26, "reply": 5, "plain": 3, "edit": 8, "delete": 4, "react": 9, "unreact": 4, "pin": 4,
    "unpin": 3, "types": 5, "come": 9, "look": 5, "leave": 3, "kick": 5, "ban": 5, "unban": 6,
    "mute": 4, "unmute": 3, "appoint": 4, "add": 4, "invite": 3, "shut": 4, "topic": 2, "slow": 2,
    "archive": 3, "vanish": 7, "sneak": 5, "direct": 3, "read": 3, "history": 3, "presence": 2,
}  # fmt: skip
"""What they do, and how often of some hundred and fifty times."""

OWNERS = {"shut", "archive", "appoint"}
MODERATORS = {"pin", "unpin", "kick", "ban", "unban", "mute", "unmute", "add", "invite", "topic",
              "slow", *OWNERS}  # fmt: skip
"""What is for those alone: who is one somewhere mostly does it there."""


class Somebody(NamedTuple):
    """An account; `cookie` is its login's."""

    id: str
    cookie: str


class Wire(NamedTuple):
    """Something that a client's sockets have brought, at `at` (Unix milliseconds).

    `kind` is "connect" for a new socket, "enter", "leave" and "history" for answers, "pub",
    "moment" (what is not stored) and "out" for what was pushed. `offset` is the last that it tells
    of.
    """

    kind: str
    room: str
    at: int
    offset: int = 0
    code: int = 0


class Ear:
    """Listens to what goes over a client's sockets, before the client makes anything of it."""

    def __init__(self, codec: Any, listener: Listener) -> None:
        self._codec = codec
        self._listener = listener
        self._asked: dict[int, tuple[str, str]] = {}
        self.heard: list[Wire] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codec, name)

    def encode_commands(self, commands: list[dict[str, Any]]) -> str:
        for command in commands:
            self._listener.command(command)
            for kind in ("subscribe", "unsubscribe", "history"):
                if kind in command:
                    self._asked[command["id"]] = kind, command[kind]["channel"]
            if "connect" in command:
                self.heard.append(Wire("connect", "", now()))
        said: str = self._codec.encode_commands(commands)
        return said

    def decode_replies(self, data: str) -> list[dict[str, Any]]:
        replies: list[dict[str, Any]] = self._codec.decode_replies(data)
        for reply in replies:
            self._listener.reply(reply)
            self._hear(reply)
        return replies

    def _hear(self, reply: dict[str, Any]) -> None:
        push = reply.get("push", {})
        room = push.get("channel", "")
        if "pub" in push and room.startswith(ROOMS):
            offset = push["pub"].get("offset", 0)
            self.heard.append(Wire("pub" if offset else "moment", room, now(), offset))
        elif "unsubscribe" in push:
            self.heard.append(Wire("out", room, now(), code=push["unsubscribe"].get("code", 0)))
        kind, room = self._asked.pop(reply.get("id", 0), ("", ""))
        answer = reply.get(kind)
        if answer is None:
            return
        brought = [one.get("offset", 0) for one in answer.get("publications", [])]
        if kind == "subscribe":
            last = max([answer.get("offset", 0), *brought])
            self.heard.append(Wire("enter", room, now(), last))
        elif kind == "unsubscribe":
            self.heard.append(Wire("leave", room, now()))
        elif brought:
            self.heard.append(Wire("history", room, now(), max(brought)))


def now() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class View:
    """A room as somebody has it open: `fold` is what they see, None before they see anything.

    Without `shown` its first page is not asked for, and nothing is seen.
    """

    def __init__(self, who: Person, room: str, *, shown: bool = True) -> None:
        self.who = who
        self.room = room
        self.fold: Fold | None = None
        self.begins: list[int] = []
        """At which offset each page was, that it began with."""
        self.offsets: list[int] = []
        self.banned: set[str] = set()
        self.closed = False
        self.answered = asyncio.Event()
        events = centrifuge.SubscriptionEventHandler()
        events.on_subscribed = self._subscribed
        events.on_publication = self._publication
        events.on_unsubscribed = self._unsubscribed
        events.on_error = self._error
        self.sub = who.client.new_subscription(
            ROOMS + room,
            events=events,
            get_state=self._open if shown else None,
            min_resubscribe_delay=0.05,
            max_resubscribe_delay=0.5,
        )

    @property
    def ready(self) -> bool:
        return not self.closed and self.fold is not None and self.subscribed

    @property
    def subscribed(self) -> bool:
        return bool(self.sub.state is SubscriptionState.SUBSCRIBED)

    @property
    def role(self) -> str:
        assert self.fold is not None
        member = self.fold.members.get(self.who.id)
        return "" if member is None else str(member["role"])

    def messages(self, *, own: bool = False) -> list[int]:
        """The ids of the last ones that are not deleted."""
        assert self.fold is not None
        found = [
            id
            for id, one in self.fold.messages.items()
            if one["deleted_at"] is None and (not own or one["user"] == self.who.id)
        ]
        return found[-8:]

    async def close(self) -> None:
        if not self.closed:
            await self.sub.unsubscribe()

    async def _open(self, channel: str) -> StreamPosition:
        opened = await self.who.fetch(self.room)
        if opened is None:
            self.who.start(self.close())
            raise centrifuge.CentrifugeError("not for us")
        self.fold = Fold.of(opened)
        self.begins.append(self.fold.room["offset"])
        self.offsets.append(self.fold.room["offset"])
        return StreamPosition(self.fold.room["offset"], opened["epoch"])

    async def _publication(self, context: Any) -> None:
        publication, fold = context.pub, self.fold
        if fold is None or not publication.offset:
            return
        self.offsets.append(publication.offset)
        event = publication.data
        fold.apply(publication.offset, event)
        if event["type"] == "banned":
            self.banned.add(event["user"])
        elif event["type"] == "unbanned":
            self.banned.discard(event["user"])

    async def _subscribed(self, context: Any) -> None:
        self.answered.set()

    async def _unsubscribed(self, context: Any) -> None:
        self.closed = True
        self.answered.set()
        self.who.views.pop(self.room, None)
        self.who.past.append(self)
        self.who.client.remove_subscription(self.sub)

    async def _error(self, context: Any) -> None:
        self.who.crowd.counts["errors of subscriptions"] += 1


class Person:
    """Somebody of the crowd, with one client and the rooms that they have open."""

    def __init__(self, crowd: Crowd, account: Somebody, address: str) -> None:
        self.crowd = crowd
        self.id = account.id
        self.account = account
        self.random = Random(f"{crowd.seed} {account.id}")
        self.views: dict[str, View] = {}
        self.past: list[View] = []
        self.fetched: list[tuple[str, int, int]] = []
        """Pages: of which room, at which offset, and when (Unix milliseconds)."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._nonces = 0
        self._headers = {"Cookie": f"hubbub={account.cookie}", "Sec-Fetch-Site": "same-origin"}
        events = centrifuge.ClientEventHandler()
        events.on_publication = self._told
        events.on_connecting = self._connecting
        events.on_disconnected = self._ended
        self.client = centrifuge.Client(
            f"ws://{address}/connection/websocket",
            events=events,
            get_token=self._token,
            timeout=DEADLINE,
            max_server_ping_delay=DEADLINE,
            min_reconnect_delay=0.05,
            max_reconnect_delay=0.5,
            proxy=None,
        )
        self.ear = self.client._codec = Ear(self.client._codec, crowd.contract.listener())

    def start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    async def _told(self, context: Any) -> None:
        """What is for this user's devices alone, and what is for all."""
        told = context.pub.data
        if context.channel == f"user:{self.id}" and told["type"] == "entered":
            self.start(self.enter(told["room"]))

    async def _connecting(self, context: Any) -> None:
        self.client.set_token("")  # one opens a socket once

    async def _token(self) -> str:
        answer = await self._request("POST", "/session/token")
        token: str = answer.json()["token"]
        self.crowd.tokens.add(token)
        return token

    async def _ended(self, context: Any) -> None:
        self.crowd.counts[f"disconnected with {context.code}"] += 1

    # Over HTTP.

    async def _request(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Ask until there is an answer."""
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    async with self.crowd.requests:
                        return await self.crowd.http.request(
                            method, API + path, headers=self._headers, **how
                        )
                except httpx.TransportError:
                    self.crowd.counts["requests lost"] += 1
                    await asyncio.sleep(0.05)

    async def get(self, path: str, **query: Any) -> Any:
        """The answer; None for what there is not, for this user."""
        answer = await self._request("GET", path, params=query)
        if answer.status_code in (403, 404):
            return None
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def fetch(self, room: str) -> dict[str, Any] | None:
        """The first page of a room."""
        opened: dict[str, Any] | None = await self.get(f"/rooms/{room}/open")
        if opened is not None:
            self.fetched.append((room, opened["room"]["offset"], now()))
        return opened

    # Over the socket.

    async def enter(self, room: str) -> None:
        """Have the room open, where it is not."""
        if room not in self.views and not self.crowd.over:
            view = self.views[room] = View(self, room)
            await view.sub.subscribe()

    async def call(self, method: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """Call until there is an answer; None for a refusal."""
        while True:
            try:
                answer = await self.client.rpc(method, data)
            except centrifuge.ReplyError as error:
                if not error.temporary:
                    self.crowd.counts[f"refused with {error.code}"] += 1
                    assert error.code in (403, 404, 409, 410, 422, 429), error
                    return None
            except centrifuge.CentrifugeError:
                assert self.client.state is not ClientState.DISCONNECTED, self.id
                self.crowd.counts["answers lost"] += 1
                self.crowd.again[str(data.get("room"))] += 1
            else:
                found: dict[str, Any] = answer.data or {}
                return found
            await asyncio.sleep(0.05)

    async def wish(self, room: str, kind: str, /, **more: Any) -> int | None:
        """Have a wish come true; the event's offset, or None where it was refused."""
        self._nonces += 1
        key = f"{self.id}-{self._nonces}"
        if kind == "say":
            more |= {"nonce": key, "text": f"{PLANTED} {key} {more.get('text', '')}"}
        wanted = {"room": room, "wish": {"type": kind, **more}, "key": key}
        done = await self.call("chat.do", wanted)
        if done is None:
            return None
        offset = int(done["offset"])
        self.crowd.acked.append(Acked(self.id, room, offset, kind, key))
        return offset

    # What there is to do.

    async def act(self, acts: int) -> None:
        kinds, weights = list(OFTEN), list(OFTEN.values())
        for _ in range(acts):
            await asyncio.sleep(self.random.random() * 2 * PAUSE_S)
            (kind,) = self.random.choices(kinds, weights)
            self.crowd.counts[kind] += 1
            view = self._view_for(kind)
            if view is None:
                await self._come(None)
            else:
                await self._doing(kind)(view)

    def _doing(self, kind: str) -> Callable[[View], Awaitable[None]]:
        doing: Callable[[View], Awaitable[None]] = getattr(self, f"_{kind}")
        return doing

    def _view_for(self, kind: str) -> View | None:
        """A room that is open to do this in."""
        views = sorted((one for one in self.views.values() if one.ready), key=lambda one: one.room)
        roles = {"owner"} if kind in OWNERS else {"owner", "moderator"}
        fitting = [one for one in views if kind not in MODERATORS or one.role in roles]
        some = fitting if self.random.random() < 0.9 else views
        return self.random.choice(some or views) if views else None

    def _somebody(self, view: View) -> str:
        assert view.fold is not None
        some: list[str] = [one for one in view.fold.members if one != self.id]
        return self.random.choice(some or [self.id])

    def _moderates(self, view: View) -> bool:
        """Or tries to, all the same."""
        return view.role in ("owner", "moderator") or self.random.random() < 0.1

    async def _say(self, view: View) -> None:
        text = self.random.choice(["", "", "@user1", "@room"])
        await self.wish(view.room, "say", text=text)

    async def _reply(self, view: View) -> None:
        if found := view.messages():
            await self.wish(view.room, "say", reply=self.random.choice(found))

    async def _plain(self, view: View) -> None:
        try:
            await view.sub.publish({"text": f"{PLANTED} plain"})
        except centrifuge.CentrifugeError:
            self.crowd.counts["plain refused, or its answer lost"] += 1

    async def _edit(self, view: View) -> None:
        if found := view.messages(own=self.random.random() < 0.9):
            message = self.random.choice(found)
            await self.wish(view.room, "edit", message=message, text=f"{PLANTED} otherwise")

    async def _delete(self, view: View) -> None:
        if found := view.messages(own=not self._moderates(view)):
            await self.wish(view.room, "delete", message=self.random.choice(found))

    async def _react(self, view: View) -> None:
        if found := view.messages():
            emoji = self.random.choice(EMOJI)
            await self.wish(view.room, "react", message=self.random.choice(found), emoji=emoji)

    async def _unreact(self, view: View) -> None:
        assert view.fold is not None
        for id in reversed(view.fold.messages):
            for one in view.fold.messages[id]["reactions"]:
                if self.id in one["users"]:
                    await self.wish(view.room, "unreact", message=id, emoji=one["emoji"])
                    return

    async def _pin(self, view: View) -> None:
        if self._moderates(view) and (found := view.messages()):
            await self.wish(view.room, "pin", message=self.random.choice(found))

    async def _unpin(self, view: View) -> None:
        assert view.fold is not None
        pinned = [id for id, one in view.fold.messages.items() if one["pinned_at"]]
        if pinned and self._moderates(view):
            await self.wish(view.room, "unpin", message=self.random.choice(pinned))

    async def _types(self, view: View) -> None:
        await self.call("chat.typing", {"room": view.room})

    async def _come(self, view: View | None) -> None:
        room = self.random.choice(self.crowd.rooms)
        await self.wish(room, "join")
        await self.enter(room)

    async def _look(self, view: View) -> None:
        """Read a room without being a member, or close one that is read so."""
        if not view.role and self.random.random() < 0.5:
            await view.close()
        else:
            await self.enter(self.random.choice(self.crowd.rooms))

    async def _leave(self, view: View) -> None:
        await self.wish(view.room, "leave")

    async def _kick(self, view: View) -> None:
        if self._moderates(view):
            await self.wish(view.room, "kick", user=self._somebody(view), reason="enough")

    async def _ban(self, view: View) -> None:
        if self._moderates(view):
            seconds = self.random.choice([1, 2, 3, None])
            await self.wish(view.room, "ban", user=self._somebody(view), seconds=seconds)

    async def _unban(self, view: View) -> None:
        if view.banned and self._moderates(view):
            await self.wish(view.room, "unban", user=self.random.choice(sorted(view.banned)))

    async def _mute(self, view: View) -> None:
        if self._moderates(view):
            seconds = self.random.randint(1, 3)
            await self.wish(view.room, "mute", user=self._somebody(view), seconds=seconds)

    async def _unmute(self, view: View) -> None:
        if self._moderates(view):
            await self.wish(view.room, "unmute", user=self._somebody(view))

    async def _appoint(self, view: View) -> None:
        if view.role == "owner" or self.random.random() < 0.1:
            role = self.random.choice(["moderator", "moderator", "member", "owner"])
            await self.wish(view.room, "appoint", user=self._somebody(view), role=role)

    async def _add(self, view: View) -> None:
        if self._moderates(view):
            await self.wish(view.room, "add", user=self.random.choice(self.crowd.people).id)

    async def _invite(self, view: View) -> None:
        if self._moderates(view) and await self.wish(view.room, "invite", uses=1) is not None:
            found = await self.get(f"/rooms/{view.room}/invites")
            codes = [one["code"] for one in found["items"]] if found else []
            if codes:
                self.crowd.codes.update(codes)
                guest = self.random.choice(self.crowd.people)
                await guest.call("chat.enter", {"code": self.random.choice(codes)})

    async def _shut(self, view: View) -> None:
        """Have only members in the room, for a while."""
        if view.role == "owner" or self.random.random() < 0.05:
            if await self.wish(view.room, "change", kind="private") is not None:
                await asyncio.sleep(self.random.random() * PAUSE_S)
                await self.wish(view.room, "change", kind="public")

    async def _topic(self, view: View) -> None:
        if self._moderates(view):
            await self.wish(view.room, "change", topic=f"topic {self.random.random()}")

    async def _slow(self, view: View) -> None:
        if self._moderates(view):
            await self.wish(view.room, "change", slow=1)
            await asyncio.sleep(self.random.random() * PAUSE_S)
            await self.wish(view.room, "change", slow=0)

    async def _archive(self, view: View) -> None:
        if view.role == "owner" or self.random.random() < 0.05:
            if await self.wish(view.room, "archive") is not None:
                await asyncio.sleep(self.random.random() * PAUSE_S / 2)
                await self.wish(view.room, "restore")

    async def _vanish(self, view: View) -> None:
        """Lose the connection without a word, while something is asked for; the client comes back
        by itself, and asks again."""
        kind = self.random.choice(["say", "react", "kick", "leave", "ban", "shut", "come", "edit"])
        await asyncio.gather(self._doing(kind)(view), self._cut())

    async def _cut(self) -> None:
        await asyncio.sleep(self.random.random() * CUT_S)
        connection = self.client._conn
        if connection is not None:
            connection.transport.abort()
            self.crowd.counts["connections cut"] += 1

    async def _sneak(self, view: View) -> None:
        """Ask to hear any room, without having been shown it."""
        room = self.random.choice([*self.crowd.rooms, *sorted(self.crowd.conversations)])
        if room in self.views:
            return
        sneaked = self.views[room] = View(self, room, shown=False)
        await sneaked.sub.subscribe()
        await sneaked.answered.wait()
        self.crowd.counts["sneaked in" if sneaked.subscribed else "kept out"] += 1
        await sneaked.close()

    async def _direct(self, view: View) -> None:
        if self.crowd.counts["conversations"] < DIRECT:
            self.crowd.counts["conversations"] += 1
            others = self.random.sample(self.crowd.people, self.random.randint(1, 3))
            members = [one.id for one in others if one is not self]
            wanted = {"wish": {"type": "create", "kind": "direct", "members": members}}
            made = await self.call("chat.create", {**wanted, "key": ""})
            if made is not None:
                self.crowd.conversations.add(made["room"])
                await self.enter(made["room"])

    async def _read(self, view: View) -> None:
        assert view.fold is not None
        if view.role:
            try:
                offset = view.fold.room["offset"]
                await self.client.rpc("hubbub.read", {"room": ROOMS + view.room, "offset": offset})
            except centrifuge.CentrifugeError:
                self.crowd.counts["markers refused, or their answers lost"] += 1

    async def _history(self, view: View) -> None:
        try:
            await view.sub.history(limit=20, reverse=True)
        except centrifuge.CentrifugeError:
            self.crowd.counts["histories refused, or lost"] += 1

    async def _presence(self, view: View) -> None:
        try:
            await view.sub.presence()
        except centrifuge.CentrifugeError:
            self.crowd.counts["presences refused, or lost"] += 1


class Acked(NamedTuple):
    """A wish that came true, as the server has said."""

    user: str
    room: str
    offset: int
    kind: str
    key: str


class Crowd:
    """Some users in some rooms of the chat on the database at `url`, which is empty."""

    def __init__(self, url: str, seed: int, users: int = 200, rooms: int = 10) -> None:
        self.url = url
        self.seed = seed
        self.rooms = [f"r{number}" for number in range(rooms)]
        self.conversations: set[str] = set()
        self.people: list[Person] = []
        self.acked: list[Acked] = []
        self.codes: set[str] = set()
        """Of invitations."""
        self.tokens: set[str] = set()
        """For sockets."""
        self.counts: Counter[str] = Counter()
        self.again: Counter[str] = Counter()
        """How often something was wished again in a room."""
        self.over = False
        self.requests = asyncio.Semaphore(20)
        self.http: httpx.AsyncClient
        self.contract: Contract
        """What the server says that clients hear; they are held to it."""
        self._users = users
        self._accounts: list[Somebody] = []

    async def settle(self) -> None:
        """Have accounts, and rooms with some of them in each."""
        random = Random(self.seed)
        async with opened(self.url) as store:
            tables = store.tables()
            await tables.write(upgrade)
            tables.project(Chat())
            self._accounts = await tables.write(_accounts, self._users)
            ids = [one.id for one in self._accounts]
            for number, room in enumerate(self.rooms):
                owner, *others = random.sample(ids, len(ids) * 3 // 10)
                kind: e.Kind = "private" if number % 4 == 3 else "public"
                made: list[tuple[str, e.Wish]] = [(owner, e.Create(kind, f"Room {room}"))]
                made += [(owner, e.Add(user)) for user in others]
                made += [(owner, e.Appoint(user, "owner")) for user in others[:2]]
                made += [(owner, e.Appoint(user, "moderator")) for user in others[2:8]]
                made += [(user, e.Say(text=PLANTED)) for user in others[:20]]
                drafts = [
                    (ROOMS + room, Draft(e.to_json(wish), info=ClientInfo(user, "")))
                    for user, wish in made
                ]
                refused = [one.refused for one in await store.append(drafts) if one.refused]
                assert not refused, refused

    async def act(self, address: str, acts: int) -> None:
        """Have everybody come, do so many things each, and stop."""
        self.http = httpx.AsyncClient(base_url=f"http://{address}", timeout=DEADLINE)
        self.contract = await contract_of(f"http://{address}")
        self.people = [Person(self, one, address) for one in self._accounts]
        await self._at_once(self._come(one) for one in self.people)
        async with asyncio.TaskGroup() as tasks:
            for one in self.people:
                tasks.create_task(one.act(acts))

    @staticmethod
    async def _at_once(work: Any) -> None:
        slots = asyncio.Semaphore(20)

        async def one(each: Any) -> None:
            async with slots:
                await each

        async with asyncio.TaskGroup() as tasks:
            for each in work:
                tasks.create_task(one(each))

    async def _come(self, person: Person) -> None:
        await person.client.connect()
        await person.client.ready(timeout=DEADLINE)
        mine = await person.get("/rooms")
        for one in mine["items"]:
            await person.enter(one["room"]["id"])

    async def quiet(self) -> dict[str, Fold]:
        """Wait until everybody has all that there is; a first page of every room that somebody
        has open, as it is then."""
        async with asyncio.timeout(DEADLINE):
            while True:
                for one in self.people:
                    await one.client.ready(timeout=DEADLINE)
                fresh: dict[str, Fold] = {}
                views = [view for one in self.people for view in one.views.values()]
                for view in views:
                    if view.room not in fresh and view.ready:
                        page = await view.who.fetch(view.room)
                        if page is not None:
                            fresh[view.room] = Fold.of(page)
                behind = [view for view in views if not self._there(view, fresh)]
                if not behind and not any(one.busy for one in self.people):
                    return fresh
                await asyncio.sleep(0.05)

    @staticmethod
    def _there(view: View, fresh: dict[str, Fold]) -> bool:
        if view.closed:
            return True
        page = fresh.get(view.room)
        return (
            page is not None
            and view.ready
            and view.fold is not None
            and view.fold.room["offset"] == page.room["offset"]
        )

    async def go(self) -> None:
        """Have everybody be gone."""
        self.over = True
        for one in self.people:
            await one.client.disconnect()
        if closing := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(closing, timeout=DEADLINE)
        await self.http.aclose()

    @property
    def secrets(self) -> list[str]:
        """What no log may say."""
        return [PLANTED, *self.codes, *self.tokens, *(one.cookie for one in self._accounts)]


def _accounts(connection: Connection, count: int) -> list[Somebody]:
    found = []
    for number in range(count):
        id = f"u{number}"
        row = {"id": id, "name": f"user{number}", "display": f"User {number}", "kind": "person"}
        more = {"admin": number == 1, "status": "", "created_at": 1}
        connection.execute(insert(schema.users).values(row | more))
        begun, _ = logins.begin(connection, id, "crowd", now())
        found.append(Somebody(id, begun.secret))
    return found


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """The store at `url`, for as long as no server has it."""
    store = open_store(url, migrate=True)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()
