"""Logins: what a browser's cookie stands for. And keys, which are the same for a bot.

Of both only a hash is kept. A login lives for 30 days after it was last seen; that it was is
written at most once an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from hubbub import Unavailable
from hubbub.chat.people.secret import KEY_PREFIX, hashed, new_id, new_secret
from hubbub.chat.people.who import Kind, Who
from hubbub.chat.problem import Problem
from hubbub.chat.schema import keys, logins, users
from hubbub.tables import Tables

LOGIN_S = 30 * 86_400
"""Seconds that a login lives for after it was last seen."""

SEEN_S = 3_600
"""Seconds in which it is written down only once that a login was seen."""

MOST = 50
"""Logins of one account; with one more, the one not seen for longest ends."""

SOCKET_S = 300
"""Seconds until a socket's login is looked at again."""

Ended = Callable[[str, str], None]
"""Called with a user and a login (or a bot's key) that has ended, once that is so."""


class Login(NamedTuple):
    """A login as its owner may see it; times are Unix milliseconds."""

    id: str
    agent: str
    created_at: int
    seen_at: int
    expires_at: int


class Begun(NamedTuple):
    """A login that has just begun. `secret` is for its cookie and is kept nowhere else."""

    who: Who
    secret: str


# In a transaction. --------------------------------------------------------------------------


def begin(connection: Connection, user: str, agent: str, now: int) -> tuple[Begun, list[str]]:
    """Begin a login of `user`; and which of theirs have ended for it.

    Raises `Problem` (401) where the account is gone, or disabled, by the time this comes to it.
    """
    # Written, and so held until the end: whoever disables it meanwhile waits for this login, and
    # where transactions see but one moment, begins anew and finds it.
    able = users.c.id == user, users.c.disabled_at.is_(None)
    held = update(users).where(*able).values(kind=users.c.kind)
    if connection.execute(held).rowcount != 1:
        raise Problem(401, "wrong-credentials", "This account cannot be signed in to.")
    id, secret = new_id("l"), new_secret()
    by_age = select(logins.c.id).where(logins.c.user == user).order_by(logins.c.seen_at.desc())
    ended = list(connection.scalars(by_age.offset(MOST - 1)))
    end(connection, ended)
    connection.execute(
        insert(logins).values(
            id=id,
            secret=hashed(secret),
            user=user,
            agent=agent,
            created_at=now,
            seen_at=now,
            expires_at=now + LOGIN_S * 1000,
        )
    )
    row = connection.execute(_live(now).where(logins.c.id == id)).one()
    return Begun(_who(row), secret), ended


def end(connection: Connection, which: Iterable[str]) -> None:
    """End these logins."""
    which = list(which)
    if which:
        connection.execute(delete(logins).where(logins.c.id.in_(which)))


def end_of(connection: Connection, user: str, but: str = "") -> list[str]:
    """End all logins of `user`, but that one; which they were."""
    of = select(logins.c.id).where(logins.c.user == user, logins.c.id != but)
    ended = list(connection.scalars(of))
    end(connection, ended)
    return ended


def _live(now: int) -> Select[Any]:
    """The logins that live, with whose they are."""
    of_users = (users.c.id, users.c.kind, users.c.display, users.c.name, users.c.admin)
    return (
        select(logins.c.id.label("login"), logins.c.seen_at, logins.c.expires_at, *of_users)
        .join(users, users.c.id == logins.c.user)
        .where(logins.c.expires_at > now, users.c.disabled_at.is_(None))
    )


def _keyed() -> Select[Any]:
    of_users = (users.c.id, users.c.kind, users.c.display, users.c.name, users.c.admin)
    return (
        select(keys.c.id.label("login"), *of_users)
        .join(users, users.c.id == keys.c.user)
        .where(users.c.disabled_at.is_(None))
    )


def _who(row: Row[Any]) -> Who:
    return Who(row.id, Kind(row.kind), row.display, row.name or "", row.admin, row.login)


# What else there is to do with them. -----------------------------------------------------------


class Logins:
    """The logins that there are. `now` gives Unix seconds; `ended` is called for each that ends.

    What reaches the database may raise `Unavailable`.
    """

    def __init__(self, tables: Tables, ended: Ended, now: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._ended = ended
        self._now = now

    def ms(self) -> int:
        """Unix milliseconds."""
        return int(self._now() * 1000)

    def tell(self, user: str, ended: Iterable[str]) -> None:
        """Say that these logins of `user` have ended, after it was committed."""
        for login in ended:
            self._ended(user, login)

    async def of_secret(self, secret: str) -> Who | None:
        """Whose cookie holds `secret`; None where its login is over, or never was."""
        return await self._find(logins.c.secret == hashed(secret))

    async def of_key(self, key: str) -> Who | None:
        """The bot whose key it is."""
        if not key.startswith(KEY_PREFIX):
            return None
        return await self._tables.read(_bot, keys.c.secret == hashed(key))

    async def of_id(self, user: str, login: str) -> Who | None:
        """The user, if that login, or that key, is theirs and lives."""
        if login.startswith("k"):
            mine = (keys.c.id == login) & (keys.c.user == user)
            return await self._tables.read(_bot, mine)
        return await self._find((logins.c.id == login) & (logins.c.user == user))

    async def until(self, who: Who) -> float | None:
        """Until when (Unix seconds) a socket of `who` may stay before this is asked again; None
        where its login is over, and so for whoever is not who they were.

        For `Hub.on_refresh`. A socket that is open is its login being seen.
        """
        there = await self.of_id(who.id, who.login)
        return None if there is None else self._now() + SOCKET_S

    async def list_(self, user: str) -> list[Login]:
        """The logins of `user` that live, the one last seen first."""
        return await self._tables.read(_list, user, self.ms())

    async def end(self, user: str, login: str) -> bool:
        """End that login; whether there was one of that user."""
        ended = await self._tables.write(_end_one, user, login)
        self.tell(user, ended)
        return bool(ended)

    async def end_others(self, who: Who) -> int:
        """End all logins of `who` but the one that this is; how many."""
        ended = await self._tables.write(end_of, who.id, who.login)
        self.tell(who.id, ended)
        return len(ended)

    async def sweep(self) -> int:
        """Forget the logins that are over; how many."""
        over = await self._tables.write(_sweep, self.ms())
        for user, login in over:
            self._ended(user, login)
        return len(over)

    async def _find(self, which: Any) -> Who | None:
        now = self.ms()
        row = await self._tables.read(_one, which, now)
        if row is None:
            return None
        if now - row.seen_at >= SEEN_S * 1000:
            try:
                await self._tables.write(_seen, row.login, now)
            except Unavailable:
                pass  # who somebody is does not depend on it, and the next request tries again
        return _who(row)


def _one(connection: Connection, which: Any, now: int) -> Row[Any] | None:
    return connection.execute(_live(now).where(which)).one_or_none()


def _bot(connection: Connection, which: Any) -> Who | None:
    row = connection.execute(_keyed().where(which)).one_or_none()
    return None if row is None else _who(row)


def _seen(connection: Connection, login: str, now: int) -> None:
    seen = update(logins).where(logins.c.id == login, logins.c.expires_at > now)
    connection.execute(seen.values(seen_at=now, expires_at=now + LOGIN_S * 1000))


def _list(connection: Connection, user: str, now: int) -> list[Login]:
    columns = (logins.c[name] for name in Login._fields)
    mine = select(*columns).where(logins.c.user == user, logins.c.expires_at > now)
    return [Login(*row) for row in connection.execute(mine.order_by(logins.c.seen_at.desc()))]


def _end_one(connection: Connection, user: str, login: str) -> list[str]:
    found = select(logins.c.id).where(logins.c.id == login, logins.c.user == user)
    ended = list(connection.scalars(found))
    end(connection, ended)
    return ended


def _sweep(connection: Connection, now: int) -> list[tuple[str, str]]:
    over = select(logins.c.user, logins.c.id).where(logins.c.expires_at <= now).limit(1000)
    found = [(row.user, row.id) for row in connection.execute(over)]
    end(connection, [login for _, login in found])
    return found
