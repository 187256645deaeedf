"""Passes: links that let somebody make an account, or set a password. Only hashes are kept.

A pass is good until it is used up or expires. The code is in the link's fragment, which browsers
do not send to servers, and goes into the body of a request.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from hubbub.chat.people.secret import hashed, new_id, new_secret
from hubbub.chat.problem import Problem
from hubbub.chat.schema import passes, users

ADMINISTRATOR_S = 86_400
PASSWORD_S = 86_400
ACCOUNT_S = 7 * 86_400
"""Seconds that a pass is good for, if nobody says otherwise."""


class Purpose(StrEnum):
    ADMINISTRATOR = "administrator"
    """To make the first account, which is an administrator's."""
    ACCOUNT = "account"
    """To make an account: an invitation."""
    PASSWORD = "password"
    """To set somebody's password."""


class Pass(NamedTuple):
    """A pass as administrators see it; times are Unix milliseconds, `uses` what is left."""

    id: str
    purpose: str
    user: str | None
    by: str | None
    created_at: int
    expires_at: int | None
    uses: int | None


class Made(NamedTuple):
    """A pass that was just made. `code` is for its link and is kept nowhere else."""

    made: Pass
    code: str


def wrong_code() -> Problem:
    return Problem(
        403, "wrong-code", "This link is not good any more: ask for another.", title="No such link"
    )


def make(
    connection: Connection,
    purpose: Purpose,
    now: int,
    seconds: float | None,
    uses: int | None = 1,
    user: str | None = None,
    by: str | None = None,
) -> Made:
    """Make a pass; `seconds` and `uses` None for any length and number."""
    code = new_secret()
    expires_at = None if seconds is None else now + int(seconds * 1000)
    made = Pass(new_id("p"), purpose.value, user, by, now, expires_at, uses)
    connection.execute(insert(passes).values(secret=hashed(code), **made._asdict()))
    return Made(made, code)


def look(connection: Connection, code: str, now: int) -> Pass | None:
    """The pass that `code` is of, if it is good."""
    columns = (passes.c[name] for name in Pass._fields)
    row = connection.execute(select(*columns).where(*_good(code, now))).one_or_none()
    return None if row is None else Pass(*row)


def use(connection: Connection, code: str, purpose: Purpose, now: int) -> Pass:
    """Use the pass once; of two who come at the same time with the last use of one, one has it.

    Raises `Problem` (403) for a code that is not good.
    """
    wanted = (*_good(code, now), passes.c.purpose == purpose.value)
    # Changed first and read then: whoever else is at it waits here, and finds what is left.
    used = connection.execute(update(passes).where(*wanted).values(uses=passes.c.uses - 1))
    if used.rowcount != 1:
        raise wrong_code()
    columns = (passes.c[name] for name in Pass._fields)
    mine = passes.c.secret == hashed(code)
    found = Pass(*connection.execute(select(*columns).where(mine)).one())
    if found.uses == 0:
        connection.execute(delete(passes).where(mine))
    return found


def forget(connection: Connection, which: ColumnElement[bool]) -> int:
    """Forget the passes that `which` is true of; how many."""
    return connection.execute(delete(passes).where(which)).rowcount


def forget_over(connection: Connection, now: int) -> None:
    """Forget those that have expired."""
    forget(connection, passes.c.expires_at <= now)


def good(connection: Connection, now: int, after: str | None, limit: int) -> list[Pass]:
    """Those that are good, by their ids."""
    columns = (passes.c[name] for name in Pass._fields)
    wanted = select(*columns).where(_fresh(now)).order_by(passes.c.id).limit(limit)
    if after is not None:
        wanted = wanted.where(passes.c.id > after)
    return [Pass(*row) for row in connection.execute(wanted)]


def _fresh(now: int) -> ColumnElement[bool]:
    return or_(passes.c.expires_at.is_(None), passes.c.expires_at > now)


def _good(code: str, now: int) -> tuple[ColumnElement[bool], ...]:
    left = or_(passes.c.uses.is_(None), passes.c.uses > 0)
    return passes.c.secret == hashed(code), _fresh(now), left


def first_run(connection: Connection, now: int) -> str | None:
    """While there is no administrator: the code of a pass to become the first. Else None."""
    forget_over(connection, now)
    if has_administrator(connection):
        return None
    return make(connection, Purpose.ADMINISTRATOR, now, ADMINISTRATOR_S).code


def has_administrator(connection: Connection, but: str = "") -> bool:
    """Whether there is one who can do something, beside `but`."""
    able = select(users.c.id).where(users.c.admin, users.c.disabled_at.is_(None), users.c.id != but)
    return connection.execute(able.limit(1)).first() is not None
