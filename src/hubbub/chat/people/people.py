"""The people of a chat, as the application holds them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from sqlalchemy import Connection
from starlette.requests import HTTPConnection
from starlette.responses import Response

from hubbub import ConfigurationError, Refused
from hubbub.chat.people import identities, passes, server, tickets
from hubbub.chat.people.accounts import Accounts
from hubbub.chat.people.administration import Administration
from hubbub.chat.people.cookies import bearer, secret_of
from hubbub.chat.people.limits import Limits
from hubbub.chat.people.logins import Begun, Ended, Logins
from hubbub.chat.people.oidc import Claimed, OidcProvider, Provider
from hubbub.chat.people.passwords import Passwords
from hubbub.chat.people.secret import KEY_PREFIX
from hubbub.chat.people.server import Keys, ServerSettings
from hubbub.chat.people.tickets import Seal, SocketToken, SocketTokens
from hubbub.chat.people.who import Who
from hubbub.tables import Tables

TOKEN_EXPIRED = 109
"""What a client is told that shall fetch another token (protocol.md section 10.1)."""

GUEST_S = 30 * 86_400
"""Seconds until a guest whose login is over is forgotten."""

Avatars = Callable[[str], Awaitable[Response | None]]
"""The picture with that id, as a response; None where it is gone."""


class People:
    """Accounts, logins, bots, administrators.

        people = People(hub.tables, origins=hub.settings.origins, on_login_ended=…)
        app.state.people = people
        app.include_router(people_router(people, limits))
        code = await people.start()   # in the lifespan, after the hub's: see there

    `origins`: pages that may act for who is signed in, beside the server's own. `on_login_ended`
    is called with a user and a login that is over, so that its sockets end, and `on_changed` with a
    user whom others see changed. `avatars` serves
    pictures that people have brought. `now` gives Unix seconds, `clock` monotonic ones.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        origins: Collection[str] = (),
        providers: Sequence[OidcProvider] = (),
        on_login_ended: Ended = lambda user, login: None,
        on_changed: Callable[[str], None] = lambda user: None,
        avatars: Avatars | None = None,
        passwords: Passwords | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.origins = origins
        self.avatars = avatars
        self.limits = Limits(clock)
        self.logins = Logins(tables, on_login_ended, now)
        self.accounts = Accounts(
            tables, self.logins, passwords or Passwords(), self.limits, on_changed
        )
        self.administration = Administration(tables, self.logins, on_changed)
        self.providers = {one.id: Provider(one, now, clock) for one in providers}
        if len(self.providers) != len(providers):
            raise ConfigurationError("two providers have the same name: call them differently")
        self._tables = tables
        self._now = now
        self._keys: Keys | None = None

    async def start(self) -> str | None:
        """Make what is not there yet, in tables that are.

        Returns, while there is no administrator, the code that makes the first account and one
        of it: for whoever sees the server's console, in the fragment of a link.
        """
        self._keys, code = await self._tables.write(_begin, self.logins.ms())
        return code

    async def stop(self) -> None:
        """Let go of connections to providers."""
        for provider in self.providers.values():
            await provider.stop()

    async def sweep(self) -> None:
        """Forget logins, links and guests that are over; for now and then."""
        await self.logins.sweep()
        await self._tables.write(passes.forget_over, self.logins.ms())
        await self._tables.write(tickets.forget_used, self.logins.ms())
        await self.administration.purge_guests(GUEST_S)

    def key(self, purpose: str) -> bytes:
        """32 bytes to sign with, for one purpose, the same on every server of this chat."""
        return self._started.for_(purpose)

    def seal(self, purpose: str) -> Seal:
        return Seal(self._started, purpose, self._now)

    @property
    def _started(self) -> Keys:
        if self._keys is None:
            raise ConfigurationError("start the people first: await people.start()")
        return self._keys

    # Who it is.

    async def who(self, connection: HTTPConnection) -> Who | None:
        """Who a request is from: by its key, or else by its cookie. None for nobody."""
        if key := bearer(connection):
            return await self.logins.of_key(key)
        secret = secret_of(connection)
        return await self.logins.of_secret(secret) if secret else None

    def socket_token(self, who: Who) -> SocketToken:
        """A token for one socket of `who`, good for five minutes and as long as their login."""
        return SocketTokens(self._started, self._now).mint(who)

    async def verify_socket_token(self, token: str) -> Who | None:
        """Who opens a socket with `token`, which may be a bot's key, too. None for nobody.

        Raises `Refused` with the code that has a client fetch another one, if it was good once.
        """
        if token.startswith(KEY_PREFIX):
            return await self.logins.of_key(token)
        said = SocketTokens(self._started, self._now).read(token)
        if said is None:
            return None
        who = await self.logins.of_id(said.user, said.login)
        if who is None:
            return None
        if said.expires_at <= self._now() or not await self._tables.write(tickets.use, said):
            raise Refused("token expired", TOKEN_EXPIRED)
        return who

    async def until(self, who: Who) -> float | None:
        """As `Logins.until`, for `Hub.on_refresh`."""
        return await self.logins.until(who)

    # What does not fit elsewhere.

    async def settings(self) -> ServerSettings:
        return await self.administration.settings()

    async def is_set_up(self) -> bool:
        """Whether there is an administrator."""
        return await self._tables.read(passes.has_administrator)

    async def enter(
        self, provider: Provider, claimed: Claimed, *, agent: str = "", place: str = ""
    ) -> Begun:
        """Sign in whom the provider has vouched for."""
        if not await self._tables.read(identities.is_known, claimed):
            self.limits.make(place)
        given = self.logins.ms(), claimed, provider.config.sign_up, agent
        try:
            begun, ended = await self._tables.write(identities.enter, *given)
        except identities.Overtaken:
            begun, ended = await self._tables.write(identities.enter, *given)
        self.logins.tell(begun.who.id, ended)
        return begun


def _begin(connection: Connection, now: int) -> tuple[Keys, str | None]:
    return server.begin(connection), passes.first_run(connection, now)
