"""Who may come in: tokens, and the application's own word (protocol.md sections 3.3, 9 and 12)."""

from __future__ import annotations

from typing import Any

from hubbub.embed.hooks import Hook, json_or_nothing
from hubbub.embed.keys import KeysUnavailable, TokenExpired, TokenInvalid
from hubbub.embed.tokens import ConnectionClaims, Tokens
from hubbub.engine.client import Client
from hubbub.engine.conversation import told
from hubbub.engine.events import Admission, Connect, Gate, Identity, Ticket
from hubbub.errors import Refused
from hubbub.model import BAD_REQUEST, INVALID_TOKEN, PERMISSION_DENIED, Disconnect
from hubbub.settings import Settings
from hubbub.wire.centrifuge import DENIED, INTERNAL, TOKEN_EXPIRED, Error


class Doorkeeper:
    """A token that keys are configured for decides; else the application's `authenticate`.

    Without either, or where that says nobody, anonymous clients come in if the settings let
    them.
    """

    def __init__(self, settings: Settings) -> None:
        self._anonymous = settings.anonymous
        self._users_only = settings.disallow_anonymous_connection_tokens
        self._tokens = Tokens(settings) if settings.verifies_tokens else None
        self.authenticate: Hook | None = None
        self.refresh_hook: Hook | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to ask."""
        return self._tokens is not None or self.authenticate is not None

    async def connect(self, event: Connect) -> Admission | Error | Disconnect:
        token = event.token
        if token and self._tokens is not None:
            return await self._verified(token)
        user = None
        if self.authenticate is not None:
            try:
                user = await self.authenticate(event.client, event, token=token)
            except Refused as refused:
                return told(refused)
        elif token:
            return INVALID_TOKEN
        if user is not None:
            return admission_of(user)
        if self._anonymous:
            return Admission()
        return INVALID_TOKEN if token else BAD_REQUEST

    async def refresh(self, client: Client, token: str) -> Admission | Error | Disconnect:
        return await self._verified(token)

    async def _verified(self, token: str) -> Admission | Error | Disconnect:
        if self._tokens is None:
            return INVALID_TOKEN
        try:
            claims = await self._tokens.connection(token)
        except TokenExpired:
            return TOKEN_EXPIRED
        except KeysUnavailable:
            return INTERNAL  # temporary: the token may well be good
        except TokenInvalid:
            return INVALID_TOKEN
        if not claims.user and self._users_only:
            return PERMISSION_DENIED
        return _of_claims(claims)

    async def renew(self, client: Client) -> float | None:
        if self.refresh_hook is None:
            return None
        try:
            until: float | None = await self.refresh_hook(client, client)
        except Refused:
            return None
        return until

    async def ticket(self, token: str) -> Ticket | Error:
        if self._tokens is None:
            return DENIED
        try:
            claims = await self._tokens.subscription(token)
        except TokenExpired:
            return TOKEN_EXPIRED
        except KeysUnavailable:
            return INTERNAL
        except TokenInvalid:
            return DENIED
        return Ticket(
            room=claims.channel,
            user=claims.user,
            client=claims.client,
            info=claims.info,
            data=claims.data,
            override=claims.override,
            expires_at=claims.expires_at,
            renewable=True,
        )


def _of_claims(claims: ConnectionClaims) -> Admission:
    subs = {
        name: Ticket(room=name, info=sub.info, data=sub.data, override=sub.override)
        for name, sub in claims.subs.items()
    } or {name: Ticket(room=name) for name in claims.channels}
    return Admission(
        user=claims.user or None,
        info=claims.info,
        subs=subs,
        expires_at=claims.expires_at,
        renewable=True,
        meta=claims.meta,
    )


def admission_of(user: Any) -> Admission:
    """What an `authenticate` that returned `user` has said."""
    if not isinstance(user, Identity):
        return Admission(user=user)
    return Admission(
        user=user.user,
        info=json_or_nothing(user.info),
        data=json_or_nothing(user.data),
        subs={name: Ticket(room=name) for name in user.rooms},
        expires_at=user.expires_at,
        session=user.session,
    )


_: type[Gate] = Doorkeeper
