"""What hooks are given: values, with defaults that say nothing."""

from typing import Any, cast

import pytest

from hubbub.engine.client import Client
from hubbub.engine.events import Admission, Connect, Grant, Identity, Join, Leave, Ticket


class Someone:
    """As much of a client as a ticket looks at."""

    def __init__(self, id: str, user_id: str) -> None:
        self.id, self.user_id = id, user_id


@pytest.mark.parametrize(
    "ticket, fits",
    [
        (Ticket("a", "ann"), True),
        (Ticket("a", "ann", "c1"), True),
        (Ticket("a", "ann", "c2"), False),
        (Ticket("a", "bob"), False),
        (Ticket("a", ""), False),
        (Ticket("b", "ann"), False),
        (Ticket("", "ann"), False),
        (Ticket("A", "ann"), False),
    ],
)
def test_a_ticket_is_for_one_room_one_user_and_perhaps_one_connection(
    ticket: Ticket, fits: bool
) -> None:
    assert ticket.is_for(cast("Client", Someone("c1", "ann")), "a") is fits


def test_nothing_is_shared_by_two_of_a_kind() -> None:
    one, other = Admission(), Admission()
    one.subs["a"] = Ticket()
    assert other.subs == {}
    nobody: Any = None
    assert Connect(nobody, None).headers == {}
    assert Join(nobody, nobody, None).params == {}
    assert Leave(nobody, nobody, None, nobody).params == {}


def test_what_is_not_said_is_left_to_the_rooms_options() -> None:
    grant, ticket = Grant(), Ticket()
    for what in ("publish", "history", "presence", "expires_at"):
        assert getattr(grant, what) is None
        assert getattr(ticket, what) is None
    assert (ticket.info, ticket.data, ticket.override, ticket.renewable) == (b"", b"", {}, False)
    identity = Identity()
    assert (identity.user, identity.rooms, identity.expires_at) == (None, (), None)
