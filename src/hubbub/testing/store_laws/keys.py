"""What idempotency keys and versions are good for."""

from __future__ import annotations

from hubbub.contracts import Store
from hubbub.model import ClientInfo, Draft, Fate
from hubbub.testing.store_laws.common import WINDOW, Time, values_of


async def a_key_is_good_for_once(store: Store, time: Time) -> None:
    ann, bob = ClientInfo("ann", "1"), ClientInfo("bob", "2")
    draft = Draft(b'{"a":1}', {"x": "1", "y": "2"}, "k", info=ann)
    first, same, other, no_key = await store.append(
        [
            ("a", draft),
            ("a", draft._replace(info=ClientInfo("ann", "another client"))),
            ("a", draft._replace(data=b'{"a":2}')),
            ("a", draft._replace(key="")),
        ]
    )
    assert (first.position.offset, first.fate) == (1, Fate.STORED)
    assert same == first._replace(fate=Fate.REPEATED), "in one call too, where the first one is"
    assert other.fate is Fate.CONFLICT, "for other data"
    assert (no_key.position.offset, no_key.fate) == (2, Fate.STORED), "no key is no key"
    time.seconds += WINDOW - 1
    (again,) = await store.append([("a", draft._replace(tags={"y": "2", "x": "1"}))])
    assert again == same, "in another call, in whichever order the tags are"
    (again,) = await store.append([("a", draft._replace(tags={"x": "1"}))])
    assert again.fate is Fate.CONFLICT, "for other tags"
    (again,) = await store.append([("a", draft._replace(data=b'{"a": 1}'))])
    assert again.fate is Fate.CONFLICT, "the same data is the same bytes"
    (again,) = await store.append([("a", draft._replace(binary=True))])
    assert again.fate is Fate.CONFLICT, "JSON is not the same as bytes that look like it"
    for room, changed in [
        ("b", draft),
        ("a", draft._replace(info=bob)),
        ("a", draft._replace(info=None)),
        ("a", draft._replace(key="K")),
        ("a", draft._replace(key="k ")),
    ]:
        made, repeated = await store.append([(room, changed), (room, changed)])
        assert made.fate is Fate.STORED, "another room, user or key has nothing to do with it"
        assert repeated.fate is Fate.REPEATED
    (unnamed,) = await store.append([("a", draft._replace(info=ClientInfo("", "3")))])
    assert unnamed.fate is Fate.REPEATED, "a user without a name is as nobody"
    assert (await store.states(["a"]))[0].position.offset == 6, "nothing else was stored"
    time.seconds += 2
    (late,) = await store.append([("a", draft._replace(data=b"9"))])
    assert (late.fate, late.position.offset) == (Fate.STORED, 7), "past the window it is new"
    (late,) = await store.append([("a", draft._replace(data=b"9"))])
    assert (late.fate, late.position.offset) == (Fate.REPEATED, 7), "and good for once again"

    odd = [
        "\0",
        "a",
        "a\0b",
        "a\0c",
        "'",
        '"',
        "%",
        "\\",
        "\U0001f469",
        "x" * 255,
        "\n",
        "é",
        "e\u0301",
    ]
    drafts = [("odd", Draft(b"1", key=key, info=ClientInfo(key, ""))) for key in odd]
    stored = await store.append(drafts)
    assert {one.fate for one in stored} == {Fate.STORED}
    known = [one._replace(fate=Fate.REPEATED) for one in stored]
    assert await store.append(drafts) == known, "whatever is in it"
    drafts = [("odd", Draft(b"1", key="same", info=ClientInfo(user, ""))) for user in odd]
    assert {one.fate for one in await store.append(drafts)} == {Fate.STORED}


async def keys_past_the_window_are_swept(store: Store, time: Time) -> None:
    await store.append([("a", Draft(b"1", key=str(number))) for number in range(5)])
    time.seconds += WINDOW - 1
    await store.append([("a", Draft(b"1", key=f"late {number}")) for number in range(5)])
    assert await store.sweep(100) == 0, "those within it are not"
    time.seconds += 2
    assert await store.sweep(3) == 3, "at most so many in a step"
    assert await store.sweep(3) == 2
    assert await store.sweep(3) == 0
    (made,) = await store.append([("a", Draft(b"1", key="late 4"))])
    assert made.fate is Fate.REPEATED
    assert len(await values_of(store, "a")) == 10, "publications stay"


async def versions_only_rise(store: Store, time: Time) -> None:
    def draft(version: int, epoch: str = "", key: str = "") -> Draft:
        return Draft(str(version).encode(), key=key, version=version, version_epoch=epoch)

    async def fate(version: int, epoch: str = "", key: str = "", room: str = "a") -> Fate:
        (made,) = await store.append([(room, draft(version, epoch, key))])
        (state,) = await store.states([room])
        if made.fate is Fate.OUTDATED:
            assert made.position == state.position, "the position of an outdated one is the top"
        return made.fate

    made = await store.append([("a", draft(number)) for number in (5, 5, 4, 6, 0, 6)])
    stored, outdated = Fate.STORED, Fate.OUTDATED
    fates = [stored, outdated, outdated, stored, stored, outdated]
    assert [one.fate for one in made] == fates, "within one call too"
    assert [one.position.offset for one in made] == [1, 1, 1, 2, 3, 3]
    assert await fate(6) is outdated, "as high"
    assert await fate(0) is stored, "without a version it is never outdated"
    assert await fate(6) is outdated, "nor does one without change what comes after it"
    assert await fate(1, room="b") is stored, "each room has its own"
    assert await fate(1, "e") is stored, "another version epoch begins anew"
    assert await fate(1, "e") is outdated
    assert await fate(7) is stored, "and so does the one before"
    assert await fate(7, key="k") is outdated
    assert await fate(8, key="k") is stored, "an outdated one leaves no key behind"
    assert await fate(8, key="k") is Fate.REPEATED, "the key is looked at first"
    assert await fate(9, key="k") is Fate.CONFLICT
    assert await fate(9) is stored, "a conflict leaves no version behind"
    assert await fate(2**64 - 1, "large") is stored
    assert await fate(2**64 - 1, "large") is outdated
    assert await fate(2**62, "large") is outdated


LAWS = (
    a_key_is_good_for_once,
    keys_past_the_window_are_swept,
    versions_only_rise,
)
