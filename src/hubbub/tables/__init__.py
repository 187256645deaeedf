"""An application's own tables beside the logs of its rooms, and in step with them.

A `Projection` is what the events of some rooms amount to, as rows. It is carried along in the
transaction that stores the events: no crash leaves one without the other, and what it says no to
is not stored. Tables live where the logs live, in SQLite or PostgreSQL; `hub.tables` reads and
writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from hubbub.model import EVERYONE as EVERYONE
from hubbub.model import Draft as Draft

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")


class Tables(Protocol):
    """The database of a hub's store, for an application that keeps tables there.

    What is given to `read` or `write` is called in another thread or on a connection of its own,
    in one transaction, and must wait for nothing but that connection. It may be called again
    where the database asks for that. Both raise `Unavailable` where the database cannot be
    reached, and what the function raises, which takes back what it wrote; cancelled, a write is
    carried out whole or not at all.
    """

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What `work(connection, …)` returns; everything it reads is of one moment."""

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What `work(connection, …)` returns, once what it wrote is committed."""

    def project(self, projection: Projection) -> None:
        """Have `projection` take part in storing, from here on: make its tables before.

        A room is the concern of one projection at most, the first that was given.
        """


class Step(Protocol):
    """One transaction of a projection: the drafts of a batch, one after the other.

    Nothing but `Refused` is to be raised. Where something else is, none of the batch is stored,
    and each of its drafts is tried again alone, so that one mistake is the error of one draft.
    """

    def take(self, room: str, draft: Draft, offset: int, at: int) -> Draft:
        """`draft` is about to be stored in `room`, at `offset` and at the time `at` (Unix
        milliseconds), after all that was taken before.

        Returns what is stored: the draft as it is, or with other data, erasures or readers to
        tell. Raises `Refused`: it is not stored, and the next one gets its offset. Drafts whose
        key was used before do not come here.
        """

    def finish(self) -> None:
        """Write into the tables what was taken."""


class Projection(Protocol):
    """What the events in some rooms amount to, in tables of the application."""

    def concerns(self, room: str) -> bool:
        """Whether the drafts of `room` are to be taken. The same answer each time."""

    def begin(self, connection: Connection, drafts: Sequence[tuple[str, Draft]]) -> Step:
        """Begin a step, in the transaction of `connection`, for these drafts: read what it will
        take to judge them, in as few queries as can be."""
