"""Who somebody is, as far as a request or a socket shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an account is."""

    PERSON = "person"
    GUEST = "guest"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class Who:
    """An account, and what showed that it is there. As it was when it was asked for.

    `login` is the id of the login, or of a bot's key: what their sockets are known by. `name` is
    "" for who has none.
    """

    id: str
    kind: Kind
    display: str
    name: str = ""
    admin: bool = False
    login: str = ""

    @property
    def guest(self) -> bool:
        return self.kind is Kind.GUEST
