"""What administrators do: with people, bots, invitations, and the server's settings.

Each of it is noted in the same transaction that does it (`audit`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from hubbub.chat.people import accounts, audit, logins, names, passes, server
from hubbub.chat.people.accounts import Account
from hubbub.chat.people.audit import Deed
from hubbub.chat.people.logins import Logins
from hubbub.chat.people.passes import ACCOUNT_S, PASSWORD_S, Made, Pass, Purpose
from hubbub.chat.people.secret import KEY_PREFIX, hashed, new_id, new_secret
from hubbub.chat.people.server import ServerSettings
from hubbub.chat.people.sql import one_at_a_time
from hubbub.chat.people.who import Kind, Who
from hubbub.chat.problem import Problem
from hubbub.chat.schema import keys, members, messages, preferences, users
from hubbub.chat.schema import logins as logins_table
from hubbub.chat.schema import passes as passes_table
from hubbub.tables import Tables

P = ParamSpec("P")
T = TypeVar("T")

MOST_KEYS = 10
"""Keys of one bot."""


class Key(NamedTuple):
    """A bot's key, as administrators see it."""

    id: str
    name: str
    by: str
    created_at: int


class MadeKey(NamedTuple):
    """A key that was just made. `secret` is what the bot shows, and is kept nowhere else."""

    made: Key
    secret: str


# In a transaction. --------------------------------------------------------------------------


def _page(
    connection: Connection,
    said: str,
    before: tuple[int, str] | None,
    limit: int,
    kind: Kind | None,
) -> list[Account]:
    wanted = accounts.accounts()
    if said:
        wanted = wanted.where(accounts.like(said) | (users.c.id == said))
    if kind is not None:
        wanted = wanted.where(users.c.kind == kind.value)
    if before is not None:
        wanted = wanted.where(tuple_(users.c.created_at, users.c.id) < tuple_(*before))
    latest = wanted.order_by(users.c.created_at.desc(), users.c.id.desc()).limit(limit)
    return [accounts.account_of(row) for row in connection.execute(latest)]


def _existing(connection: Connection, user: str, *kinds: Kind) -> Account:
    """The account, held until the end. Raises `Problem`: 404 for none, 409 for another kind."""
    held = accounts.accounts(users.c.id == user).with_for_update()
    row = connection.execute(held).one_or_none()
    if row is None:
        raise Problem(404, "no-such-user", "There is no such user.")
    account = accounts.account_of(row)
    if kinds and account.kind not in kinds:
        raise Problem(409, "other-kind", f"This is for a {' or a '.join(kinds)}.")
    return account


def _keep_one(connection: Connection, account: Account) -> None:
    """Raises `Problem` where this administrator is the last who can do something."""
    if not account.admin:
        return
    one_at_a_time(connection)
    if not passes.has_administrator(connection, but=account.id):
        raise Problem(409, "last-administrator", "Make somebody else an administrator before.")


def _keys_of(connection: Connection, user: str) -> list[str]:
    return list(connection.scalars(select(keys.c.id).where(keys.c.user == user)))


def _disable(connection: Connection, now: int, by: str, user: str) -> tuple[Account, list[str]]:
    _keep_one(connection, _existing(connection, user))
    able = users.c.id == user, users.c.disabled_at.is_(None)
    if connection.execute(update(users).where(*able).values(disabled_at=now)).rowcount:
        audit.note(connection, now, by, "disabled", user)
    passes.forget(connection, passes_table.c.user == user)
    ended = logins.end_of(connection, user) + _keys_of(connection, user)
    return _existing(connection, user), ended


def _enable(connection: Connection, now: int, by: str, user: str) -> Account:
    if _existing(connection, user).disabled_at is not None:
        connection.execute(update(users).where(users.c.id == user).values(disabled_at=None))
        audit.note(connection, now, by, "enabled", user)
    return _existing(connection, user)


def _appoint(connection: Connection, now: int, by: str, user: str, admin: bool) -> Account:
    account = _existing(connection, user, Kind.PERSON)
    if account.admin == admin:
        return account
    if not admin:
        _keep_one(connection, account)
    elif account.disabled_at is not None:
        raise Problem(409, "disabled", "The account is disabled: enable it before.")
    connection.execute(update(users).where(users.c.id == user).values(admin=admin))
    audit.note(connection, now, by, "administrator", user, {"is": admin})
    return _existing(connection, user)


def _password_link(connection: Connection, now: int, by: str, user: str) -> Made:
    if _existing(connection, user, Kind.PERSON).disabled_at is not None:
        raise Problem(409, "disabled", "The account is disabled: enable it before.")
    passes.forget(connection, passes_table.c.user == user)
    audit.note(connection, now, by, "password_link", user)
    return passes.make(connection, Purpose.PASSWORD, now, PASSWORD_S, user=user, by=by)


def _end_logins(connection: Connection, now: int, by: str, user: str) -> list[str]:
    _existing(connection, user)
    ended = logins.end_of(connection, user)
    if ended:
        audit.note(connection, now, by, "logins_ended", user, {"logins": len(ended)})
    return ended


def _invite(
    connection: Connection, now: int, by: str, seconds: float | None, uses: int | None
) -> Made:
    made = passes.make(connection, Purpose.ACCOUNT, now, seconds, uses, by=by)
    audit.note(connection, now, by, "invited", detail={"pass": made.made.id, "uses": uses})
    return made


def _revoke_pass(connection: Connection, now: int, by: str, id: str) -> None:
    of_theirs = passes_table.c.purpose != Purpose.ADMINISTRATOR.value
    if not passes.forget(connection, (passes_table.c.id == id) & of_theirs):
        raise Problem(404, "no-such-pass", "There is no such link, or it was used up.")
    audit.note(connection, now, by, "pass_revoked", detail={"pass": id})


def _passes(connection: Connection, now: int, after: str | None, limit: int) -> list[Pass]:
    return passes.good(connection, now, after, limit)


def _make_bot(connection: Connection, now: int, by: str, name: str, display: str) -> Account:
    user = accounts.add(connection, now, Kind.BOT, display, name)
    audit.note(connection, now, by, "bot_made", user)
    return _existing(connection, user)


def _make_key(connection: Connection, now: int, by: str, bot: str, name: str) -> MadeKey:
    _existing(connection, bot, Kind.BOT)
    if len(_keys_of(connection, bot)) >= MOST_KEYS:
        raise Problem(409, "too-many-keys", f"A bot has at most {MOST_KEYS} keys: revoke one.")
    made, secret = Key(new_id("k"), name, by, now), KEY_PREFIX + new_secret()
    connection.execute(insert(keys).values(user=bot, secret=hashed(secret), **made._asdict()))
    audit.note(connection, now, by, "key_made", bot, {"key": made.id, "name": name})
    return MadeKey(made, secret)


def _keys(connection: Connection, bot: str) -> list[Key]:
    columns = (keys.c[name] for name in Key._fields)
    found = select(*columns).where(keys.c.user == bot).order_by(keys.c.created_at, keys.c.id)
    return [Key(*row) for row in connection.execute(found)]


def _revoke_key(connection: Connection, now: int, by: str, bot: str, key: str) -> None:
    mine = keys.c.id == key, keys.c.user == bot
    if not connection.execute(delete(keys).where(*mine)).rowcount:
        raise Problem(404, "no-such-key", "The bot has no such key.")
    audit.note(connection, now, by, "key_revoked", bot, {"key": key})


def _set(
    connection: Connection, now: int, by: str, changes: Mapping[str, Any]
) -> tuple[ServerSettings, list[tuple[str, str]]]:
    one_at_a_time(connection)
    after = server.change(connection, now, by, changes)
    return after, [] if after.guests else _end_guests(connection)


def _end_guests(connection: Connection) -> list[tuple[str, str]]:
    guests = select(users.c.id).where(users.c.kind == Kind.GUEST.value)
    theirs = logins_table.c.user.in_(guests)
    ended = [
        (row.user, row.id)
        for row in connection.execute(select(logins_table.c.user, logins_table.c.id).where(theirs))
    ]
    if ended:
        connection.execute(delete(logins_table).where(theirs))
    return ended


def _purge_guests(connection: Connection, now: int, before: int) -> list[str]:
    live = select(logins_table.c.id).where(
        logins_table.c.user == users.c.id, logins_table.c.expires_at > now
    )
    gone = select(users.c.id).where(
        users.c.kind == Kind.GUEST.value,
        users.c.created_at < before,
        users.c.disabled_at.is_(None),
        ~live.exists(),
    )
    ids = list(connection.scalars(gone.limit(500)))
    if not ids:
        return []
    # Whoever has said something is still the one who said it, and is shown beside it.
    said = select(messages.c.room).where(messages.c.user == users.c.id).exists()
    there = select(members.c.room).where(members.c.user == users.c.id).exists()
    those = users.c.id.in_(ids)
    connection.execute(delete(preferences).where(preferences.c.user.in_(ids)))
    connection.execute(delete(users).where(those, ~said, ~there))
    connection.execute(update(users).where(those).values(disabled_at=now))
    return ids


# What administrators do. --------------------------------------------------------------------


class Administration:
    """What administrators do; `by` is the one who does it, whose right was looked at.

    All of it raises `Problem` for what cannot be, and `Unavailable` where the database is away.
    `changed` is called with each user whom others see changed.
    """

    def __init__(self, tables: Tables, logins: Logins, changed: Callable[[str], None]) -> None:
        self._tables = tables
        self._logins = logins
        self._changed = changed

    async def users(
        self,
        said: str,
        before: tuple[int, str] | None,
        limit: int,
        kind: Kind | None = None,
    ) -> list[Account]:
        """All accounts, or those that `said` may mean and that are of that kind, the latest first,
        before the one that was made at that time and has that id."""
        return await self._tables.read(_page, said, before, limit, kind)

    async def disable(self, by: Who, user: str) -> Account:
        """Have the account signed in to no more, and end what is: logins, keys, sockets."""
        account, ended = await self._do(_disable, by, user)
        self._logins.tell(user, ended)
        self._changed(user)
        return account

    async def enable(self, by: Who, user: str) -> Account:
        account = await self._do(_enable, by, user)
        self._changed(user)
        return account

    async def appoint(self, by: Who, user: str, admin: bool) -> Account:
        """Make a person an administrator, or not one any more (409 for the last one)."""
        account = await self._do(_appoint, by, user, admin)
        self._changed(user)
        return account

    async def password_link(self, by: Who, user: str) -> Made:
        """A pass that sets a person's password. It takes the place of an earlier one."""
        return await self._do(_password_link, by, user)

    async def end_logins(self, by: Who, user: str) -> int:
        """End all logins of somebody; how many."""
        ended = await self._do(_end_logins, by, user)
        self._logins.tell(user, ended)
        return len(ended)

    async def invite(
        self, by: Who, seconds: float | None = ACCOUNT_S, uses: int | None = 1
    ) -> Made:
        """A pass to make an account; None for any time, and for any number of accounts."""
        return await self._do(_invite, by, seconds, uses)

    async def passes(self, after: str | None, limit: int) -> list[Pass]:
        """Those that are good, by their ids, behind `after`."""
        return await self._tables.read(_passes, self._logins.ms(), after, limit)

    async def revoke_pass(self, by: Who, id: str) -> None:
        await self._do(_revoke_pass, by, id)

    async def make_bot(self, by: Who, name: str, display: str) -> Account:
        """An account that speaks through the API, with keys; nobody signs in to it."""
        return await self._do(_make_bot, by, names.handle(name), names.display(display))

    async def make_key(self, by: Who, bot: str, name: str) -> MadeKey:
        """A key for the bot, that `name` reminds people of."""
        return await self._do(_make_key, by, bot, name)

    async def keys(self, bot: str) -> list[Key]:
        return await self._tables.read(_keys, bot)

    async def revoke_key(self, by: Who, bot: str, key: str) -> None:
        """Take a key from the bot, and end the sockets that were opened with it."""
        await self._do(_revoke_key, by, bot, key)
        self._logins.tell(bot, [key])

    async def settings(self) -> ServerSettings:
        return await self._tables.read(server.current)

    async def set(self, by: Who, changes: Mapping[str, Any]) -> ServerSettings:
        """Set some of the server's settings; where guests are let in no more, they are out."""
        after, ended = await self._do(_set, by, changes)
        for user, login in ended:
            self._logins.tell(user, [login])
        return after

    async def deeds(self, before: int | None, limit: int) -> list[Deed]:
        """What administrators have done, the latest first."""
        return await self._tables.read(audit.deeds, before, limit)

    async def purge_guests(self, seconds: float) -> list[str]:
        """Have done with guests who came that long ago and whose login is over; who they were.

        Of those who left something behind, the account stays, disabled: whoever calls this may
        want to take them out of their rooms.
        """
        now = self._logins.ms()
        return await self._tables.write(_purge_guests, now, now - int(seconds * 1000))

    async def _do(
        self,
        work: Callable[Concatenate[Connection, int, str, P], T],
        by: Who,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return await self._tables.write(work, self._logins.ms(), by.id, *args, **kwargs)
