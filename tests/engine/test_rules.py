"""Which rule is a room's, and what it says: protocol.md section 11."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.engine.rules import CACHED, Rule, Rules, fill
from hubbub.errors import ConfigurationError, InvalidName
from hubbub.options import RoomOptions
from hubbub.settings import Settings

PLAIN, CHAT, GAME, ANY = (RoomOptions(history_size=size) for size in (1, 2, 3, 4))


def rules() -> Rules:
    return Rules(
        Settings(
            without_namespace=PLAIN,
            namespaces={"chat": CHAT, "game": GAME},
            rooms={"chat:{room}:{part}": ANY, "file:{path:path}": ANY},
        )
    )


@pytest.mark.parametrize(
    "name, options",
    [
        ("lobby", PLAIN),
        ("$lobby", PLAIN),
        ("", PLAIN),
        ("chat", PLAIN),
        ("chat:index", CHAT),
        ("$chat:index", CHAT),
        ("$$chat:index", None),
        ("chat:", CHAT),
        ("chat:#ann", CHAT),
        ("chat:#ann:b", ANY),
        ("game:a:b", GAME),
        (":", None),
        (":chat", None),
        ("CHAT:index", None),
        (" chat:index", None),
        ("nowhere:chat:index", None),
        # Patterns come first; a parameter is not empty, and holds no boundary.
        ("chat:a:b", ANY),
        ("$chat:a:b", ANY),
        ("chat:a:", CHAT),
        ("chat::b", CHAT),
        ("chat:a:b:c", CHAT),
        ("file:", None),
        ("file:a/b:c\nd", ANY),
    ],
)
def test_a_room_has_the_rule_of_its_pattern_then_of_its_namespace(
    name: str, options: RoomOptions | None
) -> None:
    all_of_them = rules()
    for _ in range(2):  # also when it is remembered
        rule = all_of_them.find(name)
        assert (None if rule is None else rule.options) is options


def test_without_a_rule_for_them_rooms_without_a_namespace_are_nowhere() -> None:
    assert Rules(Settings(namespaces={"chat": CHAT})).find("lobby") is None
    assert not Rules(Settings())
    assert Rules(Settings(without_namespace=PLAIN))
    assert Rules(Settings(namespaces={"chat": CHAT}))
    assert Rules(Settings(rooms={"a": ANY}))


def test_a_pattern_that_is_added_counts_for_rooms_that_were_asked_for_before() -> None:
    all_of_them = rules()
    assert all_of_them.find("chat:index") is not None
    added = all_of_them.add("chat:index", PLAIN)
    assert all_of_them.find("chat:index") is added
    with pytest.raises(ConfigurationError, match="already"):
        all_of_them.add("chat:index", PLAIN)
    # The first that matches, in the order they were given.
    all_of_them.add("chat:{room}", GAME)
    assert all_of_them.find("chat:index") is added


def test_what_is_remembered_of_names_has_a_bound() -> None:
    all_of_them = rules()
    for number in range(CACHED + 10):
        assert all_of_them.find(f"chat:{number}") is not None
    assert len(all_of_them._cache) <= CACHED


def test_a_rule_gives_the_parameters_of_a_name() -> None:
    rule = Rule(ANY, "chat:{room}:{part}")
    assert rule.params("chat:a:b") == rule.params("$chat:a:b") == {"room": "a", "part": "b"}
    assert rule.params("chat:a") == {}
    assert Rule(ANY).params("chat:a:b") == {}
    assert Rule(ANY, "a.b*{x}").params("aXb*1") == {}
    assert Rule(ANY, "a.b*{x}").params("a.b*1") == {"x": "1"}


@pytest.mark.parametrize("pattern", ["{", "a}", "{a", "{1a}", "{a}{a}", "{}", "{a:int}", "{{a}}"])
def test_what_is_no_pattern_is_said_when_it_is_given(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="pattern"):
        Rule(ANY, pattern)


def test_a_pattern_is_filled_with_all_of_its_parameters_and_no_others() -> None:
    assert fill("chat:{room}:{part}", {"room": "a", "part": 7}) == "chat:a:7"
    assert fill("file:{path:path}", {"path": "a:b/c"}) == "file:a:b/c"
    assert fill("lobby", {}) == "lobby"
    for params in ({}, {"room": "a"}, {"room": "a", "part": "b", "more": 1}):
        with pytest.raises(InvalidName):
            fill("chat:{room}:{part}", params)
    for bad in ("", "a:b", "a" * 300, "\x00", "\ud800"):
        with pytest.raises(InvalidName):
            fill("chat:{room}", {"room": bad})


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=20))
def test_what_was_filled_in_is_found_and_read_again(room: str) -> None:
    try:
        name = fill("chat:{room}!{kind}", {"room": room, "kind": "x"})
    except InvalidName:
        return
    rule = Rule(ANY, "chat:{room}!{kind}")
    assert rule.regex is not None and rule.regex.fullmatch(name)
    assert fill("chat:{room}!{kind}", rule.params(name)) == name


@pytest.mark.parametrize(
    "name, ascii_only, by_regex",
    [
        ("abc", True, True),
        ("a-b", True, False),
        ("", False, False),
        ("é", False, True),
        ("abc\n", False, False),
        ("a\x00", False, False),
        ("a\x7f", False, False),
        ("a\x85", False, False),
        ("\ud800", False, False),
        ("x" * 255, True, True),
        ("x" * 256, False, False),
    ],
)
def test_a_name_is_ascii_or_what_the_regex_says_and_never_has_control_characters(
    name: str, ascii_only: bool, by_regex: bool
) -> None:
    assert Rule(RoomOptions()).allows_name(name) is ascii_only
    assert Rule(RoomOptions(channel_regex=r"\w+")).allows_name(name) is by_regex
    assert Rule(RoomOptions(channel_regex=r"(?s).*")).allows_name(name) is (
        bool(name) and len(name) < 256 and not set(name) & set("\n\x00\x7f\x85\ud800")
    )


BOTH = (False, True)


@pytest.mark.parametrize("action", ["publish", "history", "presence"])
def test_a_right_is_the_clients_or_the_subscribers_and_of_nobody_only_if_said(action: str) -> None:
    for client, subscriber, anonymous in itertools.product(BOTH, repeat=3):
        allowed = {"client": client, "subscriber": subscriber, "anonymous": anonymous}
        options = RoomOptions.model_validate(
            {f"allow_{action}_for_{whom}": value for whom, value in allowed.items()}
        )
        for subscribed, user in itertools.product(BOTH, ("", "ann")):
            may = (client or (subscriber and subscribed)) and (user != "" or anonymous)
            assert Rule(options).allows(action, subscribed, user) is may


@pytest.mark.parametrize(
    "name, who",
    [
        ("a#ann", {"ann"}),
        ("a#ann,bob", {"ann", "bob"}),
        ("a#bob,ann", {"ann", "bob"}),
        ("#ann", {"ann"}),
        ("a#", set()),
        ("a#,", set()),
        ("a#ann#bob", {"bob"}),
        ("a#annbob", set()),
        ("a# ann", set()),
        ("a#ANN", set()),
        ("ann#a", set()),
        ("ann", {"ann", "bob", ""}),
    ],
)
def test_a_rooms_name_says_who_may_enter_where_that_is_on(name: str, who: set[str]) -> None:
    rule = Rule(
        RoomOptions(
            allow_user_limited_channels=True,
            allow_subscribe_for_client=True,
            allow_subscribe_for_anonymous=True,
        )
    )
    assert {user for user in ("", "ann", "bob") if rule.lets_in(name, user)} == who
