"""Accounts of people who sign in elsewhere: known by issuer and subject, and by nothing else.

An address of mail, or a name, would let whoever says at a provider that it is theirs into
somebody's account here.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from hubbub.chat.people import accounts, logins, names, server
from hubbub.chat.people.logins import Begun
from hubbub.chat.people.oidc import Claimed
from hubbub.chat.people.server import SignUp
from hubbub.chat.people.who import Kind
from hubbub.chat.problem import Problem
from hubbub.chat.schema import identities, users


class Overtaken(Exception):
    """Somebody else was faster by a moment, with the name or, in another window, with all of it:
    once more, from the beginning."""


def is_known(connection: Connection, claimed: Claimed) -> bool:
    return _user(connection, claimed) is not None


def enter(
    connection: Connection, now: int, claimed: Claimed, may_sign_up: bool, agent: str
) -> tuple[Begun, list[str]]:
    """Sign in whom a provider has vouched for, to the account that is made for who is new.

    Raises `Problem`: 403 where no account is to be made, or theirs is disabled; `Overtaken`.
    """
    user = _user(connection, claimed)
    if user is None:
        mode = server.current(connection).sign_up
        if not may_sign_up and mode is not SignUp.OPEN:
            raise Problem(403, "sign-up-closed", "You have no account here yet, and it takes one.")
        display = names.displayed(claimed.name, claimed.preferred)
        name = _free(connection, names.suggested(claimed.preferred, claimed.name))
        try:
            user = accounts.add(connection, now, Kind.PERSON, display, name)
            known = {"issuer": claimed.issuer, "subject": claimed.subject, "user": user}
            connection.execute(insert(identities).values(known))
        except (IntegrityError, Problem):
            raise Overtaken from None
    able = select(users.c.id).where(users.c.id == user, users.c.disabled_at.is_(None))
    if connection.execute(able).first() is None:
        raise Problem(403, "disabled", "This account is disabled.")
    return logins.begin(connection, user, agent, now)


def _user(connection: Connection, claimed: Claimed) -> str | None:
    theirs = identities.c.issuer == claimed.issuer, identities.c.subject == claimed.subject
    return connection.execute(select(identities.c.user).where(*theirs)).scalar_one_or_none()


def _free(connection: Connection, name: str) -> str:
    """`name`, or the first with a number behind it that nobody has."""
    wanted = [name, *(f"{name}{number}" for number in range(2, 100))]
    taken = set(connection.scalars(select(users.c.name).where(users.c.name.in_(wanted))))
    free = (one for one in wanted if one not in taken)
    return next(free, f"{name}{secrets.randbelow(10_000):04}")
