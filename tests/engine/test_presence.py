"""Connections and users in a room, counted apart."""

from hypothesis import given
from hypothesis import strategies as st

from hubbub.engine.presence import Presence
from hubbub.model import ClientInfo


def test_a_user_is_there_as_long_as_one_of_their_connections_is() -> None:
    presence = Presence()
    for client in ("1", "2"):
        presence.add(ClientInfo("ann", client))
    presence.add(ClientInfo("", "3"))
    presence.add(ClientInfo("", "4"))
    assert (presence.num_clients, presence.num_users) == (4, 2)
    presence.discard("1")
    presence.discard("3")
    assert (presence.num_clients, presence.num_users) == (2, 2)
    presence.discard("2")
    assert (presence.num_clients, presence.num_users) == (1, 1)


def test_who_is_there_already_is_counted_once_and_known_anew() -> None:
    presence = Presence()
    presence.add(ClientInfo("ann", "1"))
    anew = ClientInfo("ann", "1", b"{}")
    presence.add(anew)
    presence.discard("nobody")
    assert (presence.num_clients, presence.num_users) == (1, 1)
    assert presence.clients == {"1": anew}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40))
def test_counts_are_those_of_the_connections_that_are_there(steps: list[tuple[bool, int]]) -> None:
    presence = Presence()
    there: dict[str, str] = {}
    for comes, number in steps:
        client, user = str(number), ("", "ann", "bob")[number % 3]
        if comes:
            presence.add(ClientInfo(user, client))
            there[client] = user
        else:
            presence.discard(client)
            there.pop(client, None)
        assert presence.num_clients == len(there)
        assert presence.num_users == len(set(there.values()))
        assert set(presence.clients) == set(there)
