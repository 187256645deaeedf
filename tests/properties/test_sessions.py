"""Whatever clients say and whatever happens: each is answered, and hears what a model says.

The model is written from protocol.md sections 2 to 8: rooms as lists, sessions as values.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.wired import Message, Peer, World, let_in, refused

from hubbub.engine import control
from hubbub.engine.events import Call, Ticket
from hubbub.model import Draft, Position

OPEN, BARE, LOCKED, NOWHERE = "open", "bare:a", "locked:a", "no:where"
KEPT, TTL, PAGE, STALE = 4, 20.0, 3, 10.0
CHANNELS, CONNECTIONS = 2, 2

ALLOW = {
    f"allow_{action}_for_{whom}": True
    for action in ("publish", "history", "presence")
    for whom in ("subscriber", "anonymous")
}
SETTINGS: dict[str, Any] = {
    "without_namespace": let_in(
        history_size=KEPT,
        history_ttl=TTL,
        presence=True,
        join_leave=True,
        force_push_join_leave=True,
        force_recovery=True,
        **ALLOW,
    ),
    "namespaces": {
        "bare": let_in(allow_publish_for_client=True, allow_publish_for_anonymous=True),
        "locked": {},
    },
    "channel_limit": CHANNELS,
    "user_connections": CONNECTIONS,
    "history_page": PAGE,
    "recovery_limit": PAGE,
    "stale_seconds": STALE,
    "client_ping_interval": 1e6,  # pings have a test of their own
    "outbox_seconds": 1e6,
}

ROOMS = [OPEN, OPEN, OPEN, OPEN, BARE, BARE, LOCKED, NOWHERE]
SERVED = st.sampled_from([OPEN, OPEN, BARE, LOCKED])
EPOCHS = ["right", "right", "right", "", "wrong"]
USERS = ["", "ann", "bob"]

PICK = st.integers(0, 100)
SEEDS = st.integers(0, 2**32)
"""Of the choices in one step: drawn one by one by Hypothesis they would take most of the time."""


class Chooser(random.Random):
    """Chooses commands, as tuples of their kind and what the model needs to know of them."""

    def near(self, top: int) -> int:
        """An offset that a client may hold."""
        return max(0, top + self.randint(-5, 1))

    def good(self, top: int) -> Any:
        kinds = ["subscribe", "publish", "unsubscribe", "history", "presence", "rpc"]
        kind = self.choices(kinds, [6, 8, 2, 3, 2, 1])[0]
        room = self.choice(ROOMS)
        match kind:
            case "subscribe":
                asked = (self.near(top), self.choice(EPOCHS), self.random() < 0.3)
                return kind, room, self.choice([None, asked])
            case "history":
                since = self.choice([None, (self.near(top), self.choice(EPOCHS))])
                return kind, room, self.randint(-1, 5), since, self.random() < 0.5
            case "presence":
                return self.choice(["presence", "presence_stats"]), room
            case "rpc":
                return kind, self.choice(["slow", "none"])
        return kind, room

    def bad(self) -> Any:
        room = ""
        kind = self.choice(["connect", "pong", "nonsense", "no id", "no body", "publish"])
        return kind, self.choice(USERS) if kind == "connect" else room


class Log:
    """What a room remembers."""

    def __init__(self) -> None:
        self.top = 0
        self.touched = 0.0
        self.entries: list[Message] = []

    def append(self, publication: Message, now: float) -> None:
        self.top += 1
        publication["offset"] = self.top
        self.entries = [*self.kept(now), publication][-KEPT:]
        self.touched = now

    def kept(self, now: float) -> list[Message]:
        return [] if now - self.touched >= TTL else self.entries


class Someone:
    """A client as the model has it."""

    def __init__(self, peer: Peer, now: float) -> None:
        self.peer = peer
        self.born = now
        self.user = ""
        self.state = "new"  # here, closed, lost
        self.code = 0
        self.subs: dict[str, bool] = {}
        """The rooms, and whether the server wanted it."""
        self.queue: list[tuple[int, Any]] | None = None  # while the application is asked
        self.asked = 0
        self.behind = False
        self.replies: list[tuple[int, Message]] = []
        self.pushes: dict[str, list[Message]] = {}

    @property
    def info(self) -> Message:
        return {"user": self.user, "client": self.peer.client.id}


class Sessions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.run(self.begin())
        self.log = Log()
        self.everyone: list[Someone] = []
        self.members: dict[str, list[Someone]] = {}
        self.asking: list[Someone] = []
        """Who waits for the application, in the order in which it was asked."""
        self.published = 0

    async def begin(self) -> None:
        self.world = World(**SETTINGS)
        self.let_go = asyncio.Event()
        self.world.node.calls["slow"] = self.slow
        position = self.world.node.history_of(OPEN, 0, None, None).position
        self.epoch = position.epoch

    async def slow(self, call: Call[Any]) -> bytes:
        await self.let_go.wait()
        return b"1"

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    @property
    def now(self) -> float:
        return self.world.clock.now()

    def pick(self, number: int) -> Someone | None:
        there = [one for one in self.everyone if one.state in ("new", "here")]
        return there[number % len(there)] if there else None

    def fresh(self) -> int:
        """What has not been published before."""
        self.published += 1
        return self.published

    def spare(self, number: int) -> Someone | None:
        """One that may end, as enough others are there: else mostly there would be nobody."""
        crowd = sum(one.state == "here" for one in self.everyone) >= 3
        return self.pick(number) if crowd else None

    # The model. ----------------------------------------------------------------------------

    def tell(self, room: str, kind: str, body: Message) -> None:
        for one in self.members.get(room, []):
            one.pushes.setdefault(room, []).append({"channel": room, kind: body})

    def enter(self, one: Someone, room: str, by_server: bool) -> None:
        one.subs[room] = by_server
        self.members.setdefault(room, []).append(one)
        if room == OPEN:
            self.tell(room, "join", {"info": one.info})

    def leave(self, one: Someone, room: str) -> None:
        del one.subs[room]
        self.members[room].remove(one)
        if room == OPEN:
            self.tell(room, "leave", {"info": one.info})

    def end(self, one: Someone, code: int) -> None:
        if one.state == "closed":
            return
        for room in list(one.subs):
            self.leave(one, room)
        one.state, one.code, one.queue = ("closed", code, None) if code else ("lost", 0, None)
        if one in self.asking:
            self.asking.remove(one)

    def deliver(self, room: str, number: int, info: Message | None) -> None:
        publication: Message = {"data": number}
        if info is not None:
            publication["info"] = info
        if room == OPEN:
            self.log.append(publication, self.now)
        self.tell(room, "pub", publication)

    def obey(self, one: Someone, id: int, command: Any) -> None:
        """What follows from one command, in order."""
        if one.queue is not None and command[0] != "pong":  # which shows that it is there
            one.queue.append((id, command))
            return
        kind, *rest = command
        if kind in ("pong", "no id", "no body") or (kind == "connect") != (one.state == "new"):
            self.end(one, 3501)
        elif kind == "rpc" and rest[0] == "slow":
            one.queue, one.asked = [], id
            self.asking.append(one)
        elif kind != "rpc" and kind != "connect" and rest[0] == "":
            self.end(one, 3501)
        else:
            answer = getattr(self, f"answer_{kind}")(one, *rest)
            if isinstance(answer, int):
                self.end(one, answer)
            else:
                one.replies.append((id, answer))

    def answer_connect(self, one: Someone, user: str) -> Message | int:
        others = [other for other in self.everyone if other.state == "here" and other.user == user]
        if user and len(others) >= CONNECTIONS:
            return 3504
        one.user, one.state = user, "here"
        return {"connect": {}}

    def answer_subscribe(self, one: Someone, room: str, asked: Any) -> Message:
        if room in one.subs:
            return refused(105)
        if len(one.subs) >= CHANNELS:
            return refused(106)
        if room == NOWHERE:
            return refused(102)
        if room == LOCKED:
            return refused(103)
        result: Message = {}
        if room == OPEN:
            result = {"recoverable": True, "positioned": True, "epoch": self.epoch}
            offset = self.log.top
            if asked is not None:
                result["was_recovering"] = True
                missed = self.missed(asked[0], asked[1])
                if missed is None and asked[2]:
                    return refused(112)
                if missed is not None:
                    result["recovered"], offset = True, asked[0]
                    result |= {"publications": missed} if missed else {}
            result |= {"offset": offset} if offset else {}
        self.enter(one, room, False)
        return {"subscribe": result}

    def missed(self, offset: int, epoch: str) -> list[Message] | None:
        """Section 6.3; None for not recovered."""
        if epoch == "wrong":
            return None
        available = [entry for entry in self.log.kept(self.now) if entry["offset"] > offset][:PAGE]
        if not available:
            return [] if offset == self.log.top else None
        whole = available[0]["offset"] == offset + 1 and available[-1]["offset"] == self.log.top
        return available if whole else None

    def answer_unsubscribe(self, one: Someone, room: str) -> Message:
        if room in one.subs:
            self.leave(one, room)
        return {"unsubscribe": {}}

    def answer_publish(self, one: Someone, room: str, number: int) -> Message:
        if room == NOWHERE:
            return refused(102)
        if room == LOCKED or (room == OPEN and room not in one.subs):
            return refused(103)
        self.deliver(room, number, one.info)
        return {"publish": {}}

    def looked(self, one: Someone, room: str) -> Message | None:
        if room == NOWHERE:
            return refused(102)
        if room != OPEN:
            return refused(108)
        return None if room in one.subs else refused(103)

    def answer_history(
        self, one: Someone, room: str, limit: int, since: Any, reverse: bool
    ) -> Message:
        answer = self.looked(one, room)
        if answer is not None:
            return answer
        if since is not None and reverse and not since[0]:
            return refused(107)
        if since is not None and since[1] == "wrong":
            return refused(112)
        found = self.log.kept(self.now)[:: -1 if reverse else 1]
        if since is not None:
            found = [one for one in found if (one["offset"] > since[0]) != reverse]
            found = [one for one in found if one["offset"] != since[0]]
        page = found[: PAGE if limit < 0 else min(limit, PAGE)]
        return {"history": {"publications": page, "epoch": self.epoch, "offset": self.log.top}}

    def answer_presence(self, one: Someone, room: str) -> Message:
        there = {other.peer.client.id: other.info for other in self.members.get(room, [])}
        return self.looked(one, room) or {"presence": {"presence": there}}

    def answer_presence_stats(self, one: Someone, room: str) -> Message:
        there = self.members.get(room, [])
        counts = {"num_clients": len(there), "num_users": len({other.user for other in there})}
        return self.looked(one, room) or {"presence_stats": counts}

    def answer_rpc(self, one: Someone, method: str) -> Message:
        return refused(104)

    # What happens. --------------------------------------------------------------------------

    @initialize()
    def a_few_are_there(self) -> None:
        for user in ("ann", "bob", ""):
            self.come_in(user, OPEN)

    @rule(user=st.sampled_from(USERS), room=st.sampled_from([OPEN, OPEN, BARE]))
    def come_in(self, user: str, room: str) -> None:
        """Arrive, connect and subscribe in one message, as SDKs do."""
        if self.arrive():
            self.say(self.everyone[-1], [("connect", user), ("subscribe", room, None)])

    @rule(seed=SEEDS)
    def come_in_oddly(self, seed: int) -> None:
        choose = Chooser(seed)
        if self.arrive():
            first = choose.choice([choose.good(0), choose.bad(), None])
            self.say(self.everyone[-1], [first] if first else [])

    def arrive(self) -> bool:
        if sum(one.state in ("new", "here") for one in self.everyone) >= 5:
            return False
        self.run(self.appear())
        return True

    async def appear(self) -> None:
        self.everyone.append(Someone(self.world.arrive(), self.now))

    @rule(seed=SEEDS)
    def say_one_by_one(self, seed: int) -> None:
        choose = Chooser(seed)
        for _ in range(10):
            if one := self.pick(choose.randrange(100)):
                self.say_well(one, choose, 1)

    @rule(number=PICK, seed=SEEDS)
    def say_at_once(self, number: int, seed: int) -> None:
        if one := self.pick(number):
            self.say_well(one, Chooser(seed), 6)

    @rule(number=PICK, seed=SEEDS)
    def publish_a_lot(self, number: int, seed: int) -> None:
        choose = Chooser(seed)
        one = self.pick(number)
        if one is not None and one.state == "here":
            self.say(one, [("publish", choose.choice([OPEN, OPEN, *ROOMS])) for _ in range(8)])

    def say_well(self, one: Someone, choose: Chooser, count: int) -> None:
        if one.state == "here":
            self.say(one, [choose.good(self.log.top) for _ in range(count)])

    @rule(number=PICK, seed=SEEDS)
    def say_what_nobody_says(self, number: int, seed: int) -> None:
        choose = Chooser(seed)
        if one := self.spare(number):
            commands = [choose.good(self.log.top), choose.bad(), choose.good(self.log.top)]
            self.say(one, commands[choose.randrange(2) :])

    def say(self, one: Someone, commands: list[Any]) -> None:
        lines: list[Message | str] = []
        for command in commands:
            if command[0] == "publish":
                command = (*command, self.fresh())
            lines.append(self.line(one, command))
            if command[0] == "nonsense":
                self.end(one, 3501)
            if one.state in ("new", "here"):
                body = lines[-1]
                self.obey(one, body.get("id", 0) if isinstance(body, dict) else 0, command)
        self.run(self.speak(one.peer, lines))

    async def speak(self, peer: Peer, lines: list[Message | str]) -> None:
        if lines:
            peer.say(*lines, apart=self.published % 2 == 1)
        await asyncio.sleep(0)

    def line(self, one: Someone, command: Any) -> Message | str:
        """The text of a command, just before it is obeyed."""
        kind, *rest = command
        match kind:
            case "pong":
                return "{}"
            case "nonsense":
                return '{"id":'
            case "no id":
                return {"publish": {"channel": OPEN, "data": 0}}
            case "no body":
                return {"id": 99_999}
            case "connect":
                return one.peer.command(kind, token=rest[0])
            case "rpc":
                return one.peer.command(kind, method=rest[0])
        body: Message = {"channel": rest[0]}
        if kind == "publish":
            body["data"] = rest[1]
        elif kind == "subscribe" and rest[1] is not None:
            offset, epoch, reject = rest[1]
            flag = 3 if reject else 1
            body |= {"recover": True, "flag": flag, "offset": offset, "epoch": self.spell(epoch)}
        elif kind == "history":
            body |= {"limit": rest[1], "reverse": rest[3]}
            if rest[2] is not None:
                body["since"] = {"offset": rest[2][0], "epoch": self.spell(rest[2][1])}
        return one.peer.command(kind, **body)

    def spell(self, epoch: str) -> str:
        return self.epoch if epoch == "right" else epoch

    @rule()
    def hooks_return(self) -> None:
        for one in list(self.asking):
            self.asking.remove(one)
            assert one.queue is not None
            queue, one.queue = one.queue, None
            one.replies.append((one.asked, {"rpc": {"data": 1}}))
            for id, command in queue:
                if one.state == "here":
                    self.obey(one, id, command)
        self.run(self.release())

    async def release(self) -> None:
        event, self.let_go = self.let_go, asyncio.Event()
        event.set()
        await asyncio.sleep(0)

    @rule(room=SERVED)
    def server_publishes(self, room: str) -> None:
        number = self.fresh()
        self.deliver(room, number, None)
        self.run(self.publish(room, number))

    async def publish(self, room: str, number: int) -> None:
        self.world.node.publish(room, Draft(b"%d" % number))

    @rule(user=st.sampled_from(USERS), room=SERVED, since=st.none() | st.integers(0, 8))
    def server_subscribes(self, user: str, room: str, since: int | None) -> None:
        for one in self.of(user):
            if room in one.subs:
                continue
            if len(one.subs) >= CHANNELS:
                self.end(one, 3505)
                continue
            pushed: Message = {}
            missed = None
            if room == OPEN:
                pushed = {"recoverable": True, "positioned": True, "epoch": self.epoch}
                missed = None if since is None else self.missed(since, "right")
                offset = self.log.top if missed is None else since
                pushed |= {"offset": offset} if offset else {}
            pushes = one.pushes.setdefault(room, [])
            pushes.append({"channel": room, "subscribe": pushed})
            pushes += [{"channel": room, "pub": entry} for entry in missed or []]
            self.enter(one, room, True)
        self.run(self.server_subscribe(user, room, since))

    async def server_subscribe(self, user: str, room: str, since: int | None) -> None:
        position = None if since is None else Position(since, self.epoch)
        assert await control.subscribe(self.world.node, user, room, Ticket(), position) is None

    @rule(user=st.sampled_from(USERS), room=SERVED)
    def server_unsubscribes(self, user: str, room: str) -> None:
        for one in self.of(user):
            if room in one.subs:
                self.leave(one, room)
                told = {"code": 2000, "reason": "server unsubscribe"}
                one.pushes.setdefault(room, []).append({"channel": room, "unsubscribe": told})
        self.run(self.server_unsubscribe(user, room))

    async def server_unsubscribe(self, user: str, room: str) -> None:
        control.unsubscribe(self.world.node, user, room)

    def of(self, user: str) -> list[Someone]:
        """The connections of a user, in the order in which they were let in."""
        known = {one.peer.client: one for one in self.everyone}
        clients = control.clients_of(self.world.node, user)
        found = [known[client] for client in clients]
        here = [one for one in self.everyone if one.state == "here" and one.user == user]
        assert sorted(map(id, found)) == sorted(map(id, here))
        return found

    @rule(number=PICK, by_server=st.booleans())
    def someone_goes(self, number: int, by_server: bool) -> None:
        if one := self.spare(number):
            self.end(one, 4000 if by_server else 0)
            self.run(self.close(one) if by_server else self.lose(one))

    async def close(self, one: Someone) -> None:
        one.peer.client.close(4000)

    async def lose(self, one: Someone) -> None:
        one.peer.vanish()

    @rule(number=PICK, behind=st.booleans())
    def keep_up(self, number: int, behind: bool) -> None:
        if one := self.pick(number):
            one.behind = behind
            self.run(self.hold(one, behind))

    async def hold(self, one: Someone, behind: bool) -> None:
        if behind:
            one.peer.client.writing_paused()
        else:
            one.peer.client.writing_resumed()

    @rule(seconds=st.sampled_from([0.5, 3.0, 9.0, 21.0]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.world.clock.advance(seconds))
        for one in self.everyone:
            if one.state == "new" and self.now >= one.born + STALE:
                self.end(one, 3502)

    # What must hold. ------------------------------------------------------------------------

    @invariant()
    def everyone_was_told_what_the_model_says_and_nothing_else(self) -> None:
        self.run(self.settled())
        for one in self.everyone:
            one.peer.listen()
            assert one.peer.sink.late == []
            if one.state != "lost" and one.peer.closed is not None:
                assert one.peer.closed.code == one.code
            assert (one.peer.closed is not None) == (one.state == "closed")
            if one.state == "lost" or (one.behind and one.state != "closed"):
                continue
            replies, pushes = one.peer.replies, one.peer._pushes
            one.peer.replies, one.peer._pushes = {}, []
            for reply in replies.values():
                if "connect" in reply:
                    assert reply["connect"].pop("client") == one.peer.client.id
                    assert reply["connect"].pop("version")
                    reply["connect"].clear()
            assert list(replies.items()) == one.replies
            by_room: dict[str, list[Message]] = {}
            for push in pushes:
                by_room.setdefault(push["channel"], []).append(push)
            assert by_room == {room: told for room, told in one.pushes.items() if told}
            one.replies, one.pushes = [], {}

    async def settled(self) -> None:
        for _ in range(6):
            await asyncio.sleep(0)

    @invariant()
    def the_registries_hold_who_is_here_and_nobody_else(self) -> None:
        node = self.world.node
        here = [one for one in self.everyone if one.state == "here"]
        assert set(node.clients) == {one.peer.client.id for one in here}
        assert set(node.present) == {one.user for one in here} - {""}
        assert len(node.client_heartbeat) == len(here)
        rooms = {room: there for room, there in self.members.items() if there}
        assert set(node.live) == set(rooms)
        for room, there in rooms.items():
            ids = {one.peer.client.id for one in there}
            assert {member.client.id for member in node.live[room]} == ids  # type: ignore[union-attr]
            counted = [info.client for info in node.presence_of(room)]
            assert counted == ([one.peer.client.id for one in there] if room == OPEN else [])

    async def lose_all(self) -> None:
        for one in self.everyone:
            one.peer.vanish()
        self.let_go.set()  # nobody asks again

    def teardown(self) -> None:
        self.run(self.lose_all())
        self.run(self.world.end())
        self.loop.close()


TestSessions = Sessions.TestCase
TestSessions.settings = settings(
    max_examples=300, stateful_step_count=40, report_multiple_bugs=False
)
