"""Who may do what, over sockets and wherever else there is something to read (A-5, A-7, I5).

All is held to `policy.may`, in every scene that there can be. Over HTTP it is held to it in
test_chat_matrix.py, action by action.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest
from msgspec.json import decode
from tests.support.chat import Chat
from tests.support.chat_http import Caller, Site
from tests.support.chat_matrix import EVENTS, Cell, Stage, scenes, stage_for

from hubbub import Position
from hubbub.chat import events as e
from hubbub.chat.files.rows import attach
from hubbub.chat.people import Kind, Who
from hubbub.chat.policy import Action, Place, Role, Standing
from hubbub.chat.rooms import channel
from hubbub.testing import Closed, Heard, Rejected, RoomClient

ORDER = [
    Action.SAY, Action.MENTION_ROOM, Action.REACT, Action.EDIT, Action.PIN, Action.TOPIC,
    Action.INVITE, Action.ADD, Action.MUTE, Action.APPOINT, Action.DELETE, Action.DELETE_OTHERS,
    Action.KICK, Action.BAN, Action.CHANGE, Action.SLOW, Action.JOIN, Action.ARCHIVE, Action.LEAVE,
]  # fmt: skip
"""Every action that is a wish; in this order each leaves the next ones possible."""

UNDOING: dict[Action, Callable[[Stage, int], e.Wish]] = {
    Action.REACT: lambda stage, offset: e.Unreact(stage.others, "👍"),
    Action.PIN: lambda stage, offset: e.Unpin(stage.others),
    Action.INVITE: lambda stage, offset: e.Uninvite(offset),
    Action.MUTE: lambda stage, offset: e.Unmute(stage.victim.id),
    Action.BAN: lambda stage, offset: e.Unban(stage.victim.id),
}
"""What takes back what an action did, at that offset: by the same right."""

FOUND = "quokka"
"""A word that is said in every room."""


@pytest.fixture
async def site(place: Chat) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        yield Site(place, stack)


# Every scene. ---------------------------------------------------------------------------------


class Trial:
    """Somebody in a scene, who tries everything, over a socket and over HTTP."""

    def __init__(self, site: Site, stage: Stage, cell: Cell, client: RoomClient) -> None:
        self.site = site
        self.chat = site.chat
        self.stage = stage
        self.cell = cell
        self.client = client
        self.room = stage.room
        self.channel = channel(stage.room)
        self.checks = 0

    def of(self, action: Action) -> Cell:
        return self.cell._replace(action=action)

    async def refused(self, call: Awaitable[Any], code: int) -> None:
        try:
            answer = await call
        except Rejected as rejected:
            assert rejected.code == code, f"{rejected.code}, not {code}: {rejected.message}"
            self.checks += 1
        else:
            raise AssertionError(f"allowed: {answer}")

    async def do(self, wish: e.Wish) -> int:
        how = {"room": self.room, "wish": decode(e.to_json(wish)), "key": ""}
        return int((await self.client.rpc("chat.do", how))["offset"])

    async def run(self) -> int:
        """How much was checked."""
        file = await self.bring_file()
        since = Position(1, (await self.chat.hub.history(self.channel, limit=0)).position.epoch)
        if self.cell.knows:
            await self.listen(since)
        else:
            await self.keep_out(since)
        await self.look(file)
        await self.try_forbidden()
        await self.try_allowed()
        return self.checks

    async def bring_file(self) -> str:
        """A file that is attached to a message in the room."""
        owner = await self.site.of("owner")
        brought = await owner.post("/files", params={"name": "plan.txt"}, content=b"a plan")
        file: str = brought.json()["id"]
        await self.chat.hub.tables.write(attach, self.room, self.stage.others, [file])
        return file

    async def listen(self, since: Position) -> None:
        """Who may read hears the room, from where they were, and sees who is there."""
        client, name = self.client, self.channel
        joined = await client.join(name)
        assert [one.offset for one in (await client.history(name)).publications] == list(
            range(1, joined.position.offset + 1)
        )
        assert client.id in await client.presence(name)
        await client.leave(name)
        again = await client.join(name, recover=since)
        missed = [one.offset for one in again.publications]
        assert again.recovered and missed == list(range(2, joined.position.offset + 1))
        self.checks += 4

    async def keep_out(self, since: Position) -> None:
        """Who may not read is told that there is no such room."""
        client, name = self.client, self.channel
        await self.refused(client.join(name), 404)
        await self.refused(client.join(name, recover=since), 404)
        await self.refused(client.join(channel("nowhere")), 404)
        for call in (client.history(name), client.presence(name), client.presence_stats(name)):
            await self.refused(call, 103)
        for method, more in (("read", {"room": name, "offset": 1}), ("unread", {"rooms": [name]})):
            await self.refused(client.rpc(f"hubbub.{method}", more), 103)

    async def look(self, file: str) -> None:
        """The pages, the search and the files are for who may read."""
        caller = await self.site.of(self.stage.actor_name)
        status = 200 if self.cell.knows else 404
        for path in ("open", "messages", f"messages/{self.stage.others}", "pins", "members"):
            answer = await caller.get(f"/rooms/{self.room}/{path}")
            assert answer.status_code == status, f"{path}: {answer.text}"
        assert (await caller.get(f"/files/{file}")).status_code == status
        found = await caller.get("/search", params={"q": FOUND})
        rooms = {hit["room"] for hit in found.json()["items"]}
        assert (self.room in rooms) == self.cell.knows, found.text
        inside = await caller.get("/search", params={"q": FOUND, "room": self.room})
        assert bool(inside.json()["items"]) == self.cell.knows
        listed = [one["room"]["id"] for one in (await caller.get("/rooms")).json()["items"]]
        assert (self.room in listed) == (self.cell.standing.role is not None)
        self.checks += 9

    async def try_forbidden(self) -> None:
        before = await self.stage.facts()
        for action in ORDER:
            cell, wish = self.of(action), self.stage.wish(action)
            assert wish is not None
            if cell.allowed or (action is Action.MENTION_ROOM and self.of(Action.SAY).allowed):
                continue
            already = action is Action.JOIN and cell.standing.role is not None
            await self.refused(self.do(wish), 409 if already else cell.status)
            if action in UNDOING:
                await self.refused(self.do(UNDOING[action](self.stage, 1)), cell.status)
        say = self.of(Action.SAY)
        typing = self.client.rpc("chat.typing", {"room": self.room})
        if not say.allowed:
            plain = self.client.publish(self.channel, {"text": "hello"})
            await self.refused(plain, say.status if say.knows else 103)
            await self.refused(typing, 403 if say.knows else 404)
        else:
            assert await typing is None
        assert await self.stage.facts() == before, "what is forbidden changes nothing"

    async def try_allowed(self) -> None:
        for action in ORDER:
            cell, wish = self.of(action), self.stage.wish(action)
            mentions = action is Action.MENTION_ROOM and self.of(Action.SAY).allowed
            if wish is None or not (cell.allowed or mentions):
                continue
            try:
                offset = await self.do(wish)
                await self._allow(action, offset)
                if action in UNDOING:
                    undone = await self.do(UNDOING[action](self.stage, offset))
                    assert not self.cell.knows or (await self.hear()).offset == undone
            except (AssertionError, Rejected) as error:
                raise AssertionError(f"{action}: {error}") from error
            if action is Action.SAY:
                await self.client.publish(self.channel, {"text": "plainly"})
                assert (await self.hear()).data["text"] == "plainly"
                self.checks += 1

    async def _allow(self, action: Action, offset: int) -> None:
        event = await self.stage.last()
        if action is Action.ARCHIVE:
            assert isinstance(event, e.Restored if self.cell.place.archived else e.Archived)
        else:
            assert isinstance(event, EVENTS[action])
        if action is Action.MENTION_ROOM:
            assert isinstance(event, e.Message)
            assert (event.mentions == ["*"]) == self.of(action).allowed
        if self.cell.knows:
            heard = await self.hear()
            assert heard.offset == offset, heard
        if action is Action.LEAVE:
            await self.client.next(self.channel, "unsubscribe")
        self.checks += 1

    async def hear(self) -> Heard:
        """What is told next of what is stored."""
        while True:
            heard = await self.client.next(self.channel)
            if heard.offset:
                return heard


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_scene_of_the_policy_holds_wherever_there_is_something_to_do_or_to_read(
    site: Site,
) -> None:
    clients: dict[str, RoomClient] = {}
    checks = 0
    for standing, where in scenes():
        cell = Cell(Action.READ, standing, where)
        stage = await stage_for(site.chat, cell)
        await site.chat.rooms.do(None, stage.room, e.Say(text=FOUND))
        name = stage.actor_name
        if name not in clients:
            clients[name] = await site.chat.connect(name)
        trial = Trial(site, stage, cell, clients[name])
        try:
            checks += await trial.run()
        except (AssertionError, Rejected) as error:
            raise AssertionError(f"{cell}: {error}") from error
        if trial.channel in clients[name].rooms or cell.knows:
            await clients[name].leave(trial.channel)
        if standing.guest:
            await clients.pop(name).close()
    assert checks > 3_000, f"only {checks}"


# What is taken away from who is there. --------------------------------------------------------


class Loss(NamedTuple):
    """How `bob`, who is a member of the room of `ann`, loses the right to read it."""

    take: Callable[[Chat, Who, Who, str], Awaitable[Any]]
    kind: str = "private"
    member: bool = True
    guest: bool = False
    login: bool = False
    """Whether it is their login that ends."""


async def kicked(chat: Chat, ann: Who, bob: Who, room: str) -> None:
    await chat.rooms.do(ann, room, e.Kick(bob.id))


async def banned(chat: Chat, ann: Who, bob: Who, room: str) -> None:
    await chat.rooms.do(ann, room, e.Ban(bob.id))


async def left(chat: Chat, ann: Who, bob: Who, room: str) -> None:
    await chat.rooms.do(bob, room, e.LeaveRoom())


async def shut(chat: Chat, ann: Who, bob: Who, room: str) -> None:
    await chat.rooms.do(ann, room, e.Change(kind="private"))


async def disabled(chat: Chat, ann: Who, bob: Who, room: str) -> None:
    await chat.people.administration.disable(await chat.person("root", admin=True), bob.id)


async def signed_out(chat: Chat, ann: Who, bob: Who, room: str) -> None:
    await chat.people.logins.end(bob.id, bob.login)


async def ended_by_administrator(chat: Chat, ann: Who, bob: Who, room: str) -> None:
    await chat.people.administration.end_logins(await chat.person("root", admin=True), bob.id)


async def guests_off(chat: Chat, ann: Who, bob: Who, room: str) -> None:
    root = await chat.person("root", admin=True)
    await chat.people.administration.set(root, {"guests": False})


LOSSES = {
    "kicked": Loss(kicked),
    "banned": Loss(banned),
    "banned from a public room": Loss(banned, "public"),
    "left": Loss(left),
    "made private": Loss(shut, "public", member=False),
    "disabled": Loss(disabled, login=True),
    "signed out": Loss(signed_out, login=True),
    "ended by an administrator": Loss(ended_by_administrator, login=True),
    "guests off, a reader": Loss(guests_off, "public", member=False, guest=True, login=True),
    "guests off, a member": Loss(guests_off, guest=True, login=True),
}


@pytest.mark.parametrize("how", LOSSES)
async def test_whose_right_is_taken_away_hears_and_reads_nothing_from_then_on(
    site: Site, how: str
) -> None:
    loss, chat = LOSSES[how], site.chat
    ann, root = await chat.person("ann"), await chat.person("root", admin=True)
    if loss.guest:
        await chat.people.administration.set(root, {"guests": True})
    bob = await chat.person("bob", kind=Kind.GUEST if loss.guest else Kind.PERSON)
    kind: Any = loss.kind
    room = await chat.room(ann, "Cellar", *(["bob"] if loss.member else []), kind=kind)
    id = await chat.say("ann", room, FOUND)
    name = channel(room)
    clients = [await chat.connect("bob", room) for _ in range(2)]
    token = chat.people.socket_token(bob).token
    caller = await site.of("bob")
    assert (await caller.get(f"/rooms/{room}/open")).status_code == 200
    since = (await clients[0].history(name)).position

    await loss.take(chat, ann, bob, room)

    witness = await chat.connect("ann", room)
    said = await chat.say("ann", room, "among us")
    while (await witness.next(name)).offset != said:
        pass
    for client in clients:
        assert not [one for one in await client.waiting(name, "pub") if one.offset >= said]
        if loss.login:
            assert (await client.closed()).code >= 3500, "and it does not come back"
        else:
            await stays_out(client, name, since)
    if loss.login:
        with pytest.raises((Closed, Rejected)):
            await chat.test.connect(token=token)
        assert (await caller.get(f"/rooms/{room}/open")).status_code == 401
    else:
        await reads_nothing(caller, room, id)


async def stays_out(client: RoomClient, name: str, since: Position) -> None:
    for recover in (None, since):
        with pytest.raises(Rejected) as caught:
            await client.join(name, recover=recover)
        assert caught.value.code == 404
    for call in (client.history(name), client.presence(name), client.publish(name, {"text": "x"})):
        with pytest.raises(Rejected):
            await call


async def reads_nothing(caller: Caller, room: str, id: int) -> None:
    for path in ("open", "messages", f"messages/{id}", "members", "pins"):
        assert (await caller.get(f"/rooms/{room}/{path}")).status_code == 404, path
    assert not (await caller.get("/search", params={"q": FOUND})).json()["items"]


async def test_who_may_only_read_any_more_still_reads_and_does_nothing_else(place: Chat) -> None:
    ann = await place.person("ann")
    room = await place.room(ann, "Cellar", "bob", "eve")
    id = await place.say("bob", room)
    bob = await place.connect("bob", room)
    wishes: dict[str, dict[str, Any]] = {
        "say": {"text": "x"},
        "react": {"message": id, "emoji": "👍"},
        "edit": {"message": id, "text": "otherwise"},
    }

    async def refused(code: int, **wishes: dict[str, Any]) -> None:
        for kind, more in wishes.items():
            with pytest.raises(Rejected) as caught:
                await bob.rpc("chat.do", {"room": room, "wish": {"type": kind, **more}})
            assert caught.value.code == code, kind
        with pytest.raises(Rejected) as caught:
            await bob.publish(channel(room), {"text": "x"})
        assert caught.value.code == code
        with pytest.raises(Rejected):
            await bob.rpc("chat.typing", {"room": room})
        said = await place.rooms.do(None, room, e.Say(text="heard"))
        while (await bob.next(channel(room))).offset != said.offset:
            pass

    await place.rooms.do(ann, room, e.Mute("ubob"))
    await refused(403, **wishes)
    await place.rooms.do(ann, room, e.Unmute("ubob"))
    await place.rooms.do(ann, room, e.Archive())
    await refused(409, **wishes, delete={"message": id})
    await place.rooms.do(ann, room, e.Restore())
    assert await bob.rpc("chat.do", {"room": room, "wish": {"type": "say", "text": "again"}})


@pytest.mark.parametrize("who", ["moderator", "administrator"])
async def test_a_role_that_is_taken_away_is_good_for_nothing_on_a_socket_that_was_there(
    place: Chat, who: str
) -> None:
    ann, root = await place.person("ann"), await place.person("root", admin=True)
    room = await place.room(ann, "Square", "eve")
    bob = await place.person("bob", admin=who == "administrator")
    if who == "moderator":
        await place.rooms.do(ann, room, e.Add(bob.id))
        await place.rooms.do(ann, room, e.Appoint(bob.id, "moderator"))
    client = await place.connect("bob", room)

    async def ban() -> Any:
        wish = {"type": "ban", "user": "ueve"}
        return await client.rpc("chat.do", {"room": room, "wish": wish})

    assert (await ban())["offset"]
    await place.rooms.do(ann, room, e.Unban("ueve"))
    if who == "moderator":
        await place.rooms.do(ann, room, e.Appoint(bob.id, "member"))
    else:
        await place.people.administration.appoint(root, bob.id, False)
    with pytest.raises(Rejected) as caught:
        await ban()
    assert caught.value.code == 403


async def test_whoever_asks_cannot_tell_what_is_hidden_from_what_is_not_there(site: Site) -> None:
    """A-10: the same answer, to the letter."""
    chat = site.chat
    ann, bob = await chat.person("ann"), await chat.person("bob")
    hidden = await chat.room(ann, "Hidden", kind="private")
    direct = (await chat.rooms.create(ann, e.Create("direct"))).room
    banned_from = await chat.room(ann, "Elsewhere", "bob", kind="private")
    await chat.rooms.do(ann, banned_from, e.Ban(bob.id))
    client, caller = await chat.connect("bob"), await site.of("bob")

    async def answers(room: str) -> list[str]:
        found = []
        calls: list[tuple[str, dict[str, Any]]] = [
            ("chat.typing", {"room": room}),
            *(
                ("chat.do", {"room": room, "wish": {"type": kind, **more}})
                for kind, more in (
                    ("say", {"text": "x"}), ("join", {}), ("leave", {}), ("kick", {"user": "uann"}),
                    ("delete", {"message": 1}), ("archive", {}), ("add", {"user": "ubob"}),
                )
            ),
        ]  # fmt: skip
        for method, data in calls:
            with pytest.raises(Rejected) as caught:
                await client.rpc(method, data)
            found.append(str(caught.value))
        for call in (client.join(channel(room)), client.history(channel(room))):
            with pytest.raises(Rejected) as caught:
                await call
            found.append(str(caught.value))
        for path in ("", "/open", "/messages", "/messages/2", "/members", "/audit", "/bans"):
            answer = await caller.get(f"/rooms/{room}{path}")
            found.append(answer.text.replace(room, "ROOM"))
        return found

    nowhere = await answers("rnowhere")
    for room in (hidden, direct, banned_from):
        assert await answers(room) == nowhere
    by_slug = {
        slug: (await caller.get(f"/rooms/~{slug}/open")).text.replace(slug, "SLUG")
        for slug in ("hidden", f"hidden-{hidden}", "nowhere")
    }
    assert len(set(by_slug.values())) == 1


NO_IDS = [
    "",
    "~",
    "\0",
    "~\0",
    "a:b",
    "~a:b",
    "a/b",
    "*",
    "x" * 300,
    "\u202e",
    "r\r\n",
    "é",
    "../r",
]


async def test_what_cannot_be_a_room_is_none(site: Site) -> None:
    """A-8: and no call fails for it."""
    place = site.chat
    await place.room(await place.person("ann"))
    client, caller = await place.connect("ann"), await site.of("ann")
    answer = await caller.post("/rooms/~a:b/messages", json={"text": "x"})
    assert answer.status_code == 404
    for room in NO_IDS:
        for method, more in (
            ("chat.do", {"wish": {"type": "say", "text": "x"}}),
            ("chat.do", {"wish": {"type": "kick", "user": room[:64] or "\0"}}),
            ("chat.typing", {}),
        ):
            with pytest.raises(Rejected) as caught:
                await client.rpc(method, {"room": room, **more})
            assert caught.value.code == 404, (room, method)
        with pytest.raises(Rejected) as caught:
            await client.join(channel(room))
        assert caught.value.code in (102, 107, 404), room
        with pytest.raises(Rejected) as caught:
            await client.rpc("chat.enter", {"code": f"{room}.1.x"})
        assert caught.value.code == 410, room


def test_the_order_has_every_action_that_is_a_wish() -> None:
    stage: Any = Stage.__new__(Stage)
    stage.own = stage.others = 1
    stage.archived = False
    nobody = Who("u", Kind.PERSON, "Nobody")
    stage.victim = stage.stranger = nobody
    assert set(ORDER) == {action for action in Action if stage.wish(action) is not None}
    assert Cell(Action.READ, Standing(Role.OWNER), Place("direct")).knows
