"""What finding messages has to keep to in every database: the suite for both."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, event, insert, select, update

from hubbub.chat import events as e
from hubbub.chat import schema
from hubbub.chat.policy import Action, Place, Role, Standing, may
from hubbub.chat.projection import Chat
from hubbub.chat.search import Page, QueryError, arrange, parse, search, words
from hubbub.chat.search.find import BUDGET
from hubbub.chat.search.index import PostgreSQL, Span, SQLite
from hubbub.chat.search.query import MIN_PREFIX
from hubbub.model import ClientInfo
from hubbub.tables import Draft, Tables

DAY = 86_400_000
NOW = 20_000 * DAY
"""2024-10-04."""


# Examples share a scene, in rooms of their own; and there is one class for each database.
QUICK = settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


class Scene:
    """Rooms and what is said there, in a database that is the chat's."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.numbers = count(1)

    async def room(
        self, id: str, kind: str = "public", *members: str, slug: str | None = None
    ) -> None:
        def write(connection: Connection) -> None:
            connection.execute(
                insert(schema.rooms).values(
                    id=id, kind=kind, slug=slug, name=id, by="", created_at=0, last_at=0, offset=0
                )
            )
            for user in members:
                row = {"room": id, "user": user, "role": "member", "since": 1}
                connection.execute(insert(schema.members).values(row))

        await self.tables.write(write)

    async def user(self, id: str, name: str) -> None:
        row = {"id": id, "name": name, "display": name, "kind": "person", "created_at": 0}
        await self.run(insert(schema.users).values(row))

    async def ban(self, room: str, user: str, until: int = 0) -> None:
        row = {"room": room, "user": user, "by": "", "at": 0, "until": until}
        await self.run(insert(schema.bans).values(row))

    async def say(self, room: str, text: str, user: str = "ann", **more: Any) -> int:
        """The id of the message."""
        (id,) = await self.say_all(room, [text], user, **more)
        return id

    async def say_all(
        self, room: str, texts: Iterable[str], user: str = "ann", **more: Any
    ) -> list[int]:
        rows = [
            {"room": room, "id": next(self.numbers), "user": user, "at": NOW, "text": text}
            | {"words": words(text), **more}
            for text in texts
        ]
        await self.tables.write(
            lambda connection: connection.execute(insert(schema.messages), rows)
        )
        return [int(str(row["id"])) for row in rows]

    async def edit(self, id: int, text: str) -> None:
        values = {"text": text, "words": words(text)}
        await self.run(update(schema.messages).where(schema.messages.c.id == id).values(values))

    async def delete(self, id: int) -> None:
        values = {"text": "", "words": "", "files": None, "deleted_at": NOW}
        await self.run(update(schema.messages).where(schema.messages.c.id == id).values(values))

    async def run(self, statement: Any) -> None:
        await self.tables.write(lambda connection: connection.execute(statement))

    async def page(self, text: str, user: str = "ann", public: bool = True, **how: Any) -> Page:
        query = parse(text)
        return await self.tables.read(search, query, user, public=public, now=NOW, **how)

    async def found(
        self, text: str, user: str = "ann", public: bool = True, **how: Any
    ) -> list[int]:
        """The ids of the messages, on all pages."""
        page = await self.page(text, user, public, **how)
        ids = [hit.id for hit in page.hits]
        while page.cursor is not None:
            page = await self.page(text, user, public, **{**how, "cursor": page.cursor})
            ids += [hit.id for hit in page.hits]
        return ids


class SearchLaws:
    """Collected where a class that comes of this one has a name that begins with Test."""

    # What words are found.

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ("Hello World", "world"),
            ("Hello World", "WORLD hello"),
            ("Hello World", '"hello world"'),
            ("Hello World", "“hello world”"),
            ("Hello World", "wor*"),
            ("Hello World", '"hello wo"*'),
            ("Hello World", "hello*world"),
            ("Hello World", "world -earth"),
            ("Hello World", "-worl hello"),
            ("Les cafés d'été", "cafes ete"),
            ("cafe", "Café"),
            ("STRASSE", "straße"),
            ("I don\u2019t know", "don't"),
            ("at 10:30 sharp", "10:30"),
            ("see https://example.org/a?b=1", "example.org/a"),
            ("call some_function(x)", "some_function"),
            ("ｆｕｌｌ width", "full"),
            ("明日の会議は十時からです", "会議"),
            ("会议室在哪里", "会"),
            ("한국어 검색", "한국*"),
            ("สวัสดีครับทุกคน", "ครับ"),
            ("हिन्दी में लिखा", "हिन्दी"),
            ("Добрый день, ёлка", "елка"),
            ("in\u200dvi\u2060sible", "invisible"),
            ("\u202ereversed\u202c", "reversed"),
            ("x" * 100, "x" * 100),
        ],
    )
    async def test_a_word_is_found_however_it_is_written(
        self, scene: Scene, text: str, query: str
    ) -> None:
        await scene.room("hall")
        id = await scene.say("hall", text)
        await scene.say("hall", "something else")
        assert await scene.found(query) == [id]

    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ("Hello World", "worl"),
            ("Hello World", "hello earth"),
            ("Hello World", '"world hello"'),
            ("Hello big World", '"hello world"'),
            ("Hello World", "hello -world"),
            ("Hello World", "hello -wor*"),
            ("Hello World", '-"hello world" hello'),
            ("会议室", "议会"),
            ("hello", "has:file"),
            ("hello hall ann file", "in:hello"),
            ("hello", "from:hello"),
        ],
    )
    async def test_other_words_are_not(self, scene: Scene, text: str, query: str) -> None:
        await scene.room("hall", slug="hall")
        await scene.say("hall", text)
        assert await scene.found(query) == []

    @given(st.text(max_size=30), st.data())
    @QUICK
    async def test_every_text_is_found_by_its_words(
        self, scene: Scene, text: str, data: st.DataObject
    ) -> None:
        there = words(text).split()
        if there:
            begin = data.draw(st.integers(0, len(there) - 1))
            end = data.draw(st.integers(begin + 1, len(there)))
            room = f"room {next(scene.numbers)}"
            await scene.room(room)
            id = await scene.say(room, text.replace("\0", " "))
            phrase = " ".join(there[begin:end])
            assert await scene.found(f'"{phrase}"', room=room) == [id]
            if len(there[end - 1]) >= MIN_PREFIX:
                assert await scene.found(f'"{phrase}"*', room=room) == [id]

    # Operators.

    async def test_a_message_is_found_by_who_wrote_it(self, scene: Scene) -> None:
        await scene.room("hall")
        await scene.user("u1", "ann")
        await scene.user("u2", "me")
        first = await scene.say("hall", "hello", "u1")
        second = await scene.say("hall", "hello", "u2")
        assert await scene.found("from:ann") == [first]
        assert await scene.found("from:@Ann hello") == [first]
        assert await scene.found("from:me", "u1") == [first]
        assert await scene.found("from:@me", "u1") == [second]
        assert await scene.found("from:bob hello") == []
        assert await scene.found("from:u1") == [], "it is a name, and no id"

    async def test_a_message_is_found_by_its_room(self, scene: Scene) -> None:
        await scene.room("r1", slug="hall")
        await scene.room("R1", slug="küche")
        first = await scene.say("r1", "hello")
        second = await scene.say("R1", "hello")
        assert await scene.found("in:hall") == [first]
        assert await scene.found("in:#Hall hello") == [first]
        assert await scene.found("in:Küche") == [second]
        assert await scene.found("hello", room="r1") == [first]
        assert await scene.found("hello", room="~küche") == [second]
        assert await scene.found("in:hall", room="r1") == [first]
        assert await scene.found("in:hall", room="R1") == []
        assert await scene.found("in:r1") == [], "it is a slug, and no id"

    async def test_a_message_is_found_by_what_is_attached(self, scene: Scene) -> None:
        await scene.room("hall")
        await scene.say("hall", "the plan")
        with_file = await scene.say("hall", "the plan", files=json.dumps([{"id": "f"}]))
        assert await scene.found("has:file plan") == [with_file]
        assert await scene.found("has:file") == [with_file]

    async def test_a_message_is_found_by_when_it_came(self, scene: Scene) -> None:
        await scene.room("hall")
        ids = [await scene.say("hall", "hello", at=NOW + hour * DAY // 24) for hour in range(72)]
        assert await scene.found("hello before:2024-10-05") == ids[:24][::-1]
        assert await scene.found("hello after:2024-10-05") == ids[48:][::-1]
        assert await scene.found("hello after:2024-10-04 before:2024-10-06") == ids[24:48][::-1]
        assert await scene.found("hello after:2024-10-04T02:00 before:2024-10-04T04:00Z") == [
            ids[3]
        ]
        assert await scene.found("hello before:2024-10-04T03:00+02:00") == [ids[0]]
        assert await scene.found("hello after:2024-10-06T22:59:59.999") == [ids[71]]
        assert await scene.found("hello before:2024-10-04") == []
        assert await scene.found("hello after:2025-01-01") == []
        assert await scene.found("hello after:2024-10-06 before:2024-10-05") == []

    async def test_clocks_of_servers_may_differ(self, scene: Scene) -> None:
        await scene.room("hall")
        minutes = [0, 3, -4, 2, 5, -1, 4, 0, 9, 5]
        ids = [await scene.say("hall", "hello", at=NOW + one * 60_000) for one in minutes]
        late = [id for id, one in zip(ids, minutes, strict=True) if one >= 3]
        assert await scene.found("hello after:2024-10-04T00:02:59.999") == late[::-1]
        soon = [id for id, one in zip(ids, minutes, strict=True) if one < 3]
        assert await scene.found("hello before:2024-10-04T00:03") == soon[::-1]

    # Rights.

    async def test_only_what_somebody_may_read_is_found(self, scene: Scene) -> None:
        await scene.room("public", "public")
        await scene.room("private", "private", "ann")
        await scene.room("direct", "direct", "ann", "bob")
        ids = {room: await scene.say(room, "hello") for room in ("public", "private", "direct")}
        everything = [ids["direct"], ids["private"], ids["public"]]
        assert await scene.found("hello", "ann") == everything
        assert await scene.found("hello", "bob") == [ids["direct"], ids["public"]]
        assert await scene.found("hello", "eve") == [ids["public"]]

    async def test_who_is_not_let_into_public_rooms_finds_what_is_theirs(
        self, scene: Scene
    ) -> None:
        await scene.room("public", "public")
        await scene.room("theirs", "public", "guest")
        await scene.room("private", "private", "guest")
        await scene.say("public", "hello")
        ids = [await scene.say(room, "hello") for room in ("theirs", "private")]
        assert await scene.found("hello", "guest", public=False) == ids[::-1]

    async def test_who_is_banned_finds_nothing_there(self, scene: Scene) -> None:
        await scene.room("public", "public")
        await scene.room("direct", "direct", "ann", "bob")
        for room in ("public", "direct"):
            await scene.say(room, "hello")
            await scene.ban(room, "bob")
        assert await scene.found("hello", "bob") == []
        assert await scene.found("hello", "bob", room="public") == []

    async def test_a_ban_that_is_over_is_none(self, scene: Scene) -> None:
        await scene.room("hall", slug="hall")
        id = await scene.say("hall", "hello")
        await scene.ban("hall", "bob", NOW)
        await scene.ban("hall", "eve", NOW + 1)
        assert await scene.found("hello", "bob") == [id]
        assert await scene.found("hello in:hall", "eve") == []

    async def test_who_left_a_private_room_finds_nothing_there(self, scene: Scene) -> None:
        await scene.room("private", "private", "ann")
        await scene.say("private", "hello")
        await scene.run(delete(schema.members))
        assert await scene.found("hello") == []

    async def test_a_room_of_others_and_none_are_the_same(self, scene: Scene) -> None:
        await scene.room("secret", "private", "ann", slug="secret")
        await scene.say("secret", "hello")
        pages = [
            await scene.page("hello in:secret", "eve"),
            await scene.page("hello in:nowhere", "eve"),
            await scene.page("hello", "eve", room="secret"),
            await scene.page("hello", "eve", room="nowhere"),
            await scene.page("hello", "eve", room="~secret"),
            await scene.page("hello", "eve", room="~"),
            await scene.page("hello", "eve", room=""),
            await scene.page("hello", "eve", room="\0"),
            await scene.page("hello", "eve", room="a\ud800"),
        ]
        assert pages == [Page([])] * len(pages)

    async def test_what_is_found_is_what_the_policy_lets_somebody_read(self, scene: Scene) -> None:
        roles, flags = (None, Role.GUEST, Role.MEMBER, Role.OWNER), (False, True)
        cases = product(("public", "private", "direct"), roles, flags, flags, flags, flags)
        may_read = 0
        for number, (kind, role, guest, guests, banned, admin) in enumerate(cases):
            room, user = f"room{number}", f"user{number}"
            await scene.room(room, kind, *([] if role is None else [user]))
            id = await scene.say(room, "hello")
            if banned:
                await scene.ban(room, user)
            allowed = may(
                Action.READ, Standing(role, guest, admin, banned), Place(kind, guests=guests)
            )
            may_read += allowed
            public = guests or not guest
            assert await scene.found("hello", user, public, room=room) == [id] * allowed
        assert 0 < may_read < number

    # Order and pages.

    async def test_the_newest_come_first_over_all_rooms(self, scene: Scene) -> None:
        rooms = ["one", "two", "three"]
        for room in rooms:
            await scene.room(room)
        ids = [await scene.say(rooms[number % 3], "hello") for number in range(9)]
        page = await scene.page("hello")
        assert [hit.id for hit in page.hits] == ids[::-1]
        assert [hit.room for hit in page.hits[:3]] == ["three", "two", "one"]
        assert (page.cursor, page.complete) == (None, True)

    async def test_pages_follow_each_other_while_much_goes_on(self, scene: Scene) -> None:
        await scene.room("hall")
        ids = await scene.say_all("hall", ["hello"] * 50)
        seen: list[int] = []
        cursor = None
        while True:
            page = await scene.page("hello", limit=7, cursor=cursor)
            assert len(page.hits) <= 7
            seen += [hit.id for hit in page.hits]
            if page.cursor is None:
                break
            cursor = page.cursor
            await scene.say("hall", "hello, too")
            await scene.delete(seen[0])
            await scene.edit(seen[1], "goodbye")
        assert seen == ids[::-1], "each that was there at first, once"

    async def test_a_page_ends_where_the_messages_do(self, scene: Scene) -> None:
        await scene.room("hall")
        assert await scene.page("hello") == Page([])
        await scene.say_all("hall", ["hello"] * 3)
        assert (await scene.page("hello", limit=4)).cursor is None
        first = await scene.page("hello", limit=3)
        assert first.cursor is not None
        assert await scene.page("hello", limit=3, cursor=first.cursor) == Page([])
        for cursor in (1, 0, -5):
            assert await scene.page("hello", cursor=cursor) == Page([])
        beyond = await scene.page("hello", cursor=2**63 - 1)
        assert beyond.hits == (await scene.page("hello")).hits

    async def test_what_lies_far_apart_is_found(self, scene: Scene) -> None:
        await scene.room("hall")
        keys = [1, 4095, 4096, 65_535, 65_536, 65_537, 131_072, 1_000_000, 7_654_321, 9_000_000]
        ids = [await scene.say("hall", "hello", key=key) for key in keys]
        assert await scene.found("hello") == ids[::-1]
        assert await scene.found("hello", limit=1) == ids[::-1]
        assert await scene.found("hello", room="hall", limit=3) == ids[::-1]

    async def test_what_takes_too_long_is_a_page_that_is_not_full(self, scene: Scene) -> None:
        await scene.room("hall")
        top = 3_000_000
        steps = [*SQLite().steps(Span(0, top)), *PostgreSQL().steps(Span(0, top))]
        keys = {step.low + side for step in steps for side in (0, 1)} - {0}
        ids = [await scene.say("hall", "hello", key=key) for key in sorted({*keys, 1, top})]
        times = count(step=BUDGET)  # each look at the clock is as long as one may take
        seen: list[int] = []
        pages: list[Page] = []
        cursor = None
        while not pages or pages[-1].cursor is not None:
            cursor = pages[-1].cursor if pages else None
            page = await scene.page("hello", cursor=cursor, clock=lambda: float(next(times)))
            pages.append(page)
            seen += [hit.id for hit in page.hits]
        assert seen == ids[::-1]
        assert len(pages) > 2
        assert not any(page.complete for page in pages[:-1])
        assert pages[-1].complete

    async def test_many_messages_are_looked_through(self, scene: Scene) -> None:
        await scene.room("hall")
        await scene.room("closed", "private", "bob")
        old = await scene.say("hall", "hello old friend")
        await scene.say_all("closed", ["hello", "goodbye"] * 3_000)
        assert await scene.found("hello") == [old]
        assert await scene.found("hello -goodbye old") == [old]
        assert (await scene.page("hello", "bob", limit=5)).complete

    async def test_messages_that_were_stored_in_another_order_are_arranged(
        self, scene: Scene
    ) -> None:
        rows = [("one", 0), ("one", 4), ("one", 2), ("two", 1), ("two", 3), ("two", 3)]
        for room in ("one", "two"):
            await scene.room(room)
        ids = {await scene.say(room, f"hello {day}", at=NOW + day * DAY): day for room, day in rows}
        gone = await scene.say("one", "hello, and goodbye", at=NOW)
        await scene.delete(gone)
        assert await scene.tables.write(arrange)
        found = await scene.found("hello")
        assert [ids[id] for id in found] == [4, 3, 3, 2, 1, 0]
        assert [ids[id] for id in await scene.found("hello before:2024-10-06")] == [1, 0]
        assert not await scene.tables.write(arrange), "they are now"
        last = await scene.say("one", "hello 9", at=NOW + 9 * DAY)
        await scene.edit(found[0], "goodbye")
        assert await scene.found("hello") == [last, *found[1:]]
        assert await scene.found("goodbye") == [found[0]]

    async def test_messages_that_are_in_order_stay_as_they_are(self, scene: Scene) -> None:
        assert not await scene.tables.write(arrange)
        await scene.room("hall")
        for minutes in (0, 5, -4, 30, 21, 60):
            await scene.say("hall", "hello", at=NOW + minutes * 60_000)
        keys = select(schema.messages.c.key).order_by(schema.messages.c.id)

        def read(connection: Connection) -> list[int]:
            return list(connection.scalars(keys))

        before = await scene.tables.read(read)
        assert not await scene.tables.write(arrange)
        assert await scene.tables.read(read) == before

    # What changes.

    async def test_what_is_edited_is_found_as_it_is(self, scene: Scene) -> None:
        await scene.room("hall")
        id = await scene.say("hall", "hello")
        await scene.edit(id, "goodbye")
        assert await scene.found("hello") == []
        assert await scene.found("goodbye") == [id]

    async def test_what_is_deleted_is_not_found(self, scene: Scene) -> None:
        await scene.room("hall", slug="hall")
        id = await scene.say("hall", "hello", files="[]")
        await scene.delete(id)
        for query in ("hello", "in:hall", "has:file"):
            assert await scene.found(query) == []
        await scene.run(delete(schema.messages))
        assert await scene.found("hello") == []

    async def test_what_else_becomes_of_a_message_does_not_matter(self, scene: Scene) -> None:
        await scene.room("hall")
        id = await scene.say("hall", "hello")
        await scene.run(update(schema.messages).values(pinned_at=NOW))
        assert await scene.found("hello") == [id]

    async def test_a_file_that_comes_and_goes_is_known(self, scene: Scene) -> None:
        await scene.room("hall")
        id = await scene.say("hall", "hello")
        await scene.run(update(schema.messages).values(files="[]"))
        assert await scene.found("has:file") == [id]
        await scene.run(update(schema.messages).values(files=None))
        assert await scene.found("has:file") == []

    async def test_what_the_rooms_tell_is_found(self, scene: Scene) -> None:
        await scene.user("u1", "ann")
        offsets = count(1)

        async def wish(wish: e.Wish) -> int:
            draft = Draft(e.to_json(wish), info=ClientInfo("u1", ""))
            offset = next(offsets)

            def take(connection: Connection) -> None:
                step = Chat().begin(connection, [("room:r1", draft)])
                step.take("room:r1", draft, offset, NOW)
                step.finish()

            await scene.tables.write(take)
            return offset

        await wish(e.Create(kind="public", name="The Hall"))
        first = await wish(e.Say(text="Hello, wörld"))
        second = await wish(e.Say(text="hello again"))
        assert await scene.found("hello in:the-hall from:ann") == [second, first]
        await wish(e.Edit(message=first, text="goodbye world"))
        assert await scene.found("world") == [first]
        await wish(e.React(message=first, emoji="👍"))
        await wish(e.Pin(message=first))
        await wish(e.Delete(message=second))
        assert await scene.found("hello") == []
        assert await scene.found("goodbye") == [first]
        await wish(e.Change(kind="private"))
        assert await scene.found("world", "u1") == [first]
        assert await scene.found("world", "eve") == []

    # What a hit shows.

    async def test_a_hit_tells_what_was_found_where(self, scene: Scene) -> None:
        await scene.room("hall")
        text = "<b>Hello</b> & hello, Wörld"
        id = await scene.say("hall", text, "u1", at=NOW + 5)
        (hit,) = (await scene.page("hello world")).hits
        assert (hit.room, hit.id, hit.user, hit.at) == ("hall", id, "u1", NOW + 5)
        assert hit.excerpt == [
            ("<b>", False),
            ("Hello", True),
            ("</b> & ", False),
            ("hello", True),
            (", ", False),
            ("Wörld", True),
        ]

    # What somebody tries.

    @pytest.mark.parametrize(
        "query",
        [
            'hello" OR "x',
            "hello OR 1",
            "hello NEAR(world, 1)",
            "words:hello",
            "{words} : hello",
            "^hello",
            "hello + world",
            "hello:*",
            "hello & !world",
            "'hello' | 'x'",
            "hello <-> world",
            "hello\\' | x",
            "hello\\",
            "'; DROP TABLE chat_messages; --",
            'hello"*',
            "hello%",
            "hel_o",
            "hello\0world",
            "hello \ud800",
            "\u202ehello",
            "§68616c6c",
            "#hall",
            "(hello",
            "hello) -",
            ":low :high",
            "{where} {} %s",
            "AND hello",
            "hello NOT",
        ],
    )
    async def test_signs_of_the_index_are_but_signs(self, scene: Scene, query: str) -> None:
        await scene.room("hall")
        every = await scene.say("hall", words(query))
        await scene.say("hall", "hello")
        await scene.say("hall", "hello world, x")
        assert every in await scene.found(query)
        for id in await scene.found(query):
            (text,) = [hit for hit in (await scene.page(query)).hits if hit.id == id]
            assert any(segment.marked for segment in text.excerpt)

    async def test_ids_with_every_sign_are_told_apart(self, scene: Scene) -> None:
        ids = ["a'b", "a\\b", "a b", 'a"b', "a:*", "A b", "ä", "a|b", "-", "\\'", "a%b"]
        for id in ids:
            await scene.room(id)
            await scene.say(id, f"hello {id}", user=id)
        for id in ids:
            (hit,) = (await scene.page("hello", id, room=id)).hits
            assert hit.room == id
            (hit,) = (await scene.page("from:me", id)).hits
            assert hit.user == id

    @given(st.text(max_size=60))
    @QUICK
    async def test_no_query_is_too_strange(self, scene: Scene, text: str) -> None:
        try:
            parse(text)
        except QueryError:
            return
        await scene.page(text)

    async def test_a_long_query_is_carried_out(self, scene: Scene) -> None:
        await scene.room("hall")
        text = " ".join(chr(97 + number % 26) + str(number) for number in range(120))
        id = await scene.say("hall", text)
        assert await scene.found(text[:499].rpartition(" ")[0]) == [id]
        assert await scene.found("会" * 500) == []

    async def test_what_is_read_is_of_one_moment(self, scene: Scene) -> None:
        await scene.room("hall", "private", "ann")
        ids = await scene.say_all("hall", ["hello"] * 5)

        def twice(connection: Connection) -> tuple[Page, Page]:
            query = parse("hello")
            pages = [search(connection, query, "ann", public=True, now=NOW) for _ in range(2)]
            left = select(schema.members.c.user)
            assert connection.execute(left).all() == [("ann",)]
            return pages[0], pages[1]

        first, second = await scene.tables.read(twice)
        assert first == second
        assert [hit.id for hit in first.hits] == ids[::-1]


def asked(connection: Connection, query: str) -> tuple[str, Any]:
    """The statement that a search asks for messages with, and its parameters, as the driver gets
    them."""
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *more: Any) -> None:
        seen.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    search(connection, parse(query), "ann", public=True, now=NOW)
    event.remove(connection, "before_cursor_execute", note)
    return seen[-1]
