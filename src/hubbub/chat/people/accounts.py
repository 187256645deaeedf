"""Accounts: how they are made, and what their owners do with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from hubbub.chat.people import audit, logins, names, passes, server
from hubbub.chat.people.limits import Limits
from hubbub.chat.people.logins import Begun, Logins
from hubbub.chat.people.passes import Pass, Purpose, wrong_code
from hubbub.chat.people.passwords import Passwords, checked
from hubbub.chat.people.secret import new_id
from hubbub.chat.people.server import SignUp
from hubbub.chat.people.sql import one_at_a_time
from hubbub.chat.people.who import Kind, Who
from hubbub.chat.problem import Problem
from hubbub.chat.schema import passes as passes_table
from hubbub.chat.schema import users
from hubbub.tables import Tables


class Account(NamedTuple):
    """An account as others may see it; times are Unix milliseconds.

    `name` is None for who has none, `avatar` for the generated picture.
    """

    id: str
    name: str | None
    display: str
    kind: Kind
    admin: bool
    avatar: str | None
    status: str
    created_at: int
    disabled_at: int | None


# In a transaction. --------------------------------------------------------------------------


def accounts(*which: ColumnElement[bool]) -> Select[Any]:
    """The accounts that `which` is true of."""
    return select(*(users.c[name] for name in Account._fields)).where(*which)


def account_of(row: Sequence[Any]) -> Account:
    account = Account(*row)
    return account._replace(kind=Kind(account.kind))


def find(connection: Connection, user: str) -> Account | None:
    row = connection.execute(accounts(users.c.id == user)).one_or_none()
    return None if row is None else account_of(row)


def add(
    connection: Connection,
    now: int,
    kind: Kind,
    display: str,
    name: str | None = None,
    password: str | None = None,
    admin: bool = False,
) -> str:
    """Add an account; its id. Raises `Problem` (409) where somebody has the name."""
    taken = (
        name is not None
        and connection.execute(select(users.c.id).where(users.c.name == name)).first()
    )
    if taken:
        raise name_taken()
    id = new_id({Kind.PERSON: "u", Kind.GUEST: "g", Kind.BOT: "b"}[kind])
    try:
        connection.execute(
            insert(users).values(
                id=id,
                name=name,
                display=display,
                kind=kind.value,
                admin=admin,
                password=password,
                status="",
                created_at=now,
            )
        )
    except IntegrityError:  # somebody else was faster by a moment
        raise name_taken() from None
    return id


def name_taken() -> Problem:
    return Problem(409, "name-taken", "Somebody has this name: choose another.")


def wrong_credentials() -> Problem:
    """The same for a name that nobody has, a wrong password, and an account that is disabled."""
    return Problem(
        401,
        "wrong-credentials",
        "The name or the password is wrong.",
        title="Wrong name or password",
    )


def signing_up(connection: Connection, code: str | None, now: int) -> Purpose | None:
    """By what right somebody makes an account, who has `code`: a pass's, or anybody's (None).

    Raises `Problem` (403) where there is none.
    """
    found = passes.look(connection, code, now) if code else None
    if found is not None and found.purpose == Purpose.ADMINISTRATOR:
        return Purpose.ADMINISTRATOR
    mode = server.current(connection).sign_up
    if mode is SignUp.CLOSED:
        raise Problem(403, "sign-up-closed", "No accounts are made here at present.")
    if code is not None:
        if found is None or found.purpose != Purpose.ACCOUNT:
            raise wrong_code()
        return Purpose.ACCOUNT
    if mode is SignUp.INVITATION:
        raise Problem(403, "invitation-needed", "It takes an invitation to make an account here.")
    return None


def _sign_up(
    connection: Connection,
    now: int,
    name: str,
    display: str,
    password: str,
    code: str | None,
    agent: str,
) -> Begun:
    right = signing_up(connection, code, now)
    first = right is Purpose.ADMINISTRATOR
    if first:
        one_at_a_time(connection)
    if code is not None and right is not None:
        passes.use(connection, code, right, now)
    if first:
        if passes.has_administrator(connection):
            raise wrong_code()
        passes.forget(connection, passes_table.c.purpose == Purpose.ADMINISTRATOR.value)
    user = add(connection, now, Kind.PERSON, display, name, password, admin=first)
    if first:
        audit.note(connection, now, user, "administrator", user, {"first": True})
    return logins.begin(connection, user, agent, now)[0]


class _Kept(NamedTuple):
    """What signing in is decided by."""

    id: str
    password: str | None
    able: bool


def _kept(connection: Connection, which: ColumnElement[bool]) -> _Kept | None:
    wanted = select(users.c.id, users.c.password, users.c.disabled_at).where(which)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _Kept(row.id, row.password, row.disabled_at is None)


def _sign_in(
    connection: Connection, now: int, kept: _Kept, newer: str | None, agent: str
) -> tuple[Begun, list[str]]:
    same = users.c.id == kept.id, users.c.password == kept.password
    # As long as this takes, the password stays the one that was verified.
    held = update(users).where(*same).values(password=newer or kept.password)
    if connection.execute(held).rowcount != 1:
        raise wrong_credentials()
    return logins.begin(connection, kept.id, agent, now)


def _guest(connection: Connection, now: int, display: str, agent: str) -> Begun:
    if not server.current(connection).guests:
        raise Problem(403, "guests-off", "No guests are let in here at present.")
    user = add(connection, now, Kind.GUEST, display)
    return logins.begin(connection, user, agent, now)[0]


def _set_password(connection: Connection, kept: _Kept, password: str, login: str) -> list[str]:
    same = users.c.id == kept.id, users.c.password == kept.password
    if connection.execute(update(users).where(*same).values(password=password)).rowcount != 1:
        raise wrong_credentials()
    _forget_links(connection, kept.id)
    return logins.end_of(connection, kept.id, but=login)


def _forget_links(connection: Connection, user: str) -> None:
    passes.forget(connection, passes_table.c.user == user)


def _reset(
    connection: Connection, now: int, code: str, password: str, agent: str
) -> tuple[Begun, list[str]]:
    found = passes.look(connection, code, now)
    user = found.user or "" if found is not None else ""
    able = users.c.id == user, users.c.disabled_at.is_(None)
    # The account first and the pass then, as everywhere: else two could wait for each other.
    if connection.execute(update(users).where(*able).values(password=password)).rowcount != 1:
        raise wrong_code()
    passes.use(connection, code, Purpose.PASSWORD, now)
    _forget_links(connection, user)
    ended = logins.end_of(connection, user)
    return logins.begin(connection, user, agent, now)[0], ended


def _look(connection: Connection, code: str, now: int) -> tuple[Pass, Account | None]:
    found = passes.look(connection, code, now)
    if found is None:
        raise wrong_code()
    return found, find(connection, found.user) if found.user else None


def _change(connection: Connection, user: str, values: Mapping[str, Any]) -> Account:
    if values:
        connection.execute(update(users).where(users.c.id == user).values(values))
    account = find(connection, user)
    if account is None:
        raise Problem(404, "no-such-user", "There is no such user.")
    return account


def _of_ids(connection: Connection, ids: Sequence[str]) -> list[Account]:
    return [account_of(row) for row in connection.execute(accounts(users.c.id.in_(ids)))]


def like(said: str) -> ColumnElement[bool]:
    """Whether somebody's name begins so, or what is displayed has it in it."""
    name = said.casefold().removeprefix("@")
    return or_(
        users.c.name.startswith(name, autoescape=True),
        users.c.display.icontains(said, autoescape=True),
    )


def _directory(connection: Connection, said: str, after: str | None, limit: int) -> list[Account]:
    wanted = accounts(users.c.name.is_not(None), users.c.disabled_at.is_(None))
    if said:
        wanted = wanted.where(like(said))
    if after is not None:
        wanted = wanted.where(users.c.name > after)
    rows = connection.execute(wanted.order_by(users.c.name).limit(limit))
    return [account_of(row) for row in rows]


# What people do. ------------------------------------------------------------------------------


class Accounts:
    """What people do with their accounts. `agent` is what their program calls itself, `place` the
    address they come from.

    All of it raises `Problem` for what cannot be, and `Unavailable` where the database is away.
    `changed` is called with each user whom others see changed, or for the first time.
    """

    def __init__(
        self,
        tables: Tables,
        logins: Logins,
        passwords: Passwords,
        limits: Limits,
        changed: Callable[[str], None],
    ) -> None:
        self._tables = tables
        self._logins = logins
        self._passwords = passwords
        self._limits = limits
        self._changed = changed

    async def sign_up(
        self,
        name: str,
        display: str,
        password: str,
        code: str | None = None,
        *,
        agent: str = "",
        place: str = "",
    ) -> Begun:
        """Make an account, and sign in to it. `code` is a pass's; the administrator's makes the
        first account, which is one."""
        name, display, password = names.handle(name), names.display(display), checked(password)
        now = self._logins.ms()
        with self._limits.guess(place) if code else nullcontext():
            await self._tables.read(signing_up, code, now)
        self._limits.make(place)
        kept = await self._passwords.hash(password)
        given = name, display, kept, code, agent
        return await self._tables.write(_sign_up, now, *given)

    async def sign_in(self, name: str, password: str, *, agent: str = "", place: str = "") -> Begun:
        """Sign in with a password.

        Raises `Problem`: 401, the same for an unknown name, a wrong password and a disabled
        account; 429 for who has tried too often.
        """
        real = names.meant(name)
        with self._limits.guess(place, real or ""):
            kept = None
            if real is not None:
                kept = await self._tables.read(_kept, users.c.name == real)
            right, newer = await self._passwords.verify(password, kept and kept.password)
            if not right or kept is None or not kept.able:
                raise wrong_credentials()
            begun, ended = await self._tables.write(_sign_in, self._logins.ms(), kept, newer, agent)
        self._logins.tell(kept.id, ended)
        return begun

    async def guest(self, display: str, *, agent: str = "", place: str = "") -> Begun:
        """Make a guest's account, and sign in to it (403 where there are to be no guests)."""
        display = names.display(display)
        self._limits.make(place)
        return await self._tables.write(_guest, self._logins.ms(), display, agent)

    async def change_password(self, who: Who, current: str, new: str, *, place: str = "") -> None:
        """Set another password, and end the logins of `who` but the one that asks."""
        checked(new)
        kept = await self._tables.read(_kept, users.c.id == who.id)
        with self._limits.guess(place, who.name):
            right, _ = await self._passwords.verify(current, kept and kept.password)
            if not right or kept is None:
                raise Problem(403, "wrong-password", "The current password is another one.")
        hash = await self._passwords.hash(new)
        ended = await self._tables.write(_set_password, kept, hash, who.login)
        self._logins.tell(who.id, ended)

    async def reset_password(
        self, code: str, password: str, *, agent: str = "", place: str = ""
    ) -> Begun:
        """Set the password that a pass is for, end all logins there were, and sign in."""
        checked(password)
        now = self._logins.ms()
        with self._limits.guess(place):
            found = await self._tables.read(passes.look, code, now)
            if found is None or found.purpose != Purpose.PASSWORD:
                raise wrong_code()
        hash = await self._passwords.hash(password)
        begun, ended = await self._tables.write(_reset, now, code, hash, agent)
        self._logins.tell(begun.who.id, ended)
        return begun

    async def look_at_pass(self, code: str, *, place: str = "") -> tuple[Pass, Account | None]:
        """What a code is good for, and whose password it sets. Raises `Problem` (403)."""
        with self._limits.guess(place):
            return await self._tables.read(_look, code, self._logins.ms())

    async def change_profile(
        self, who: Who, *, display: str | None = None, status: str | None = None
    ) -> Account:
        """Change what others see; what is None stays."""
        values: dict[str, Any] = {}
        if display is not None:
            values["display"] = names.display(display)
        if status is not None:
            values["status"] = names.status(status)
        account = await self._tables.write(_change, who.id, values)
        self._changed(who.id)
        return account

    async def get(self, user: str) -> Account:
        """Raises `Problem` (404) where there is no such account."""
        return await self._tables.read(_change, user, {})

    async def of_ids(self, ids: Sequence[str]) -> list[Account]:
        """Those of these that there are, in no order."""
        return await self._tables.read(_of_ids, list(ids))

    async def directory(self, said: str, after: str | None, limit: int) -> list[Account]:
        """Accounts that have a name and are not disabled, by name, behind the name `after`: all,
        or those that `said` may mean."""
        return await self._tables.read(_directory, said, after, limit)
