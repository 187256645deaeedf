"""JSON Web Tokens: who connects, and who may enter which room (protocol.md section 12).

A signature is verified with the key that is configured for its algorithm, and with no other
(RFC 7515, RFC 7518 and RFC 8037, by joserfc); then come the claims (RFC 7519). Times of claims
are Unix seconds. What a log says of a token never holds any part of it.
"""

from __future__ import annotations

import base64
import logging
import math
import time
from collections.abc import Callable
from typing import Any

import msgspec
from joserfc import jws
from joserfc.jwk import Key
from msgspec import Struct

from hubbub.embed.keys import (
    ECDSA,
    EDDSA,
    REGISTRY,
    RSA,
    KeySet,
    TokenExpired,
    TokenInvalid,
    configured,
    secret_key,
)
from hubbub.errors import ConfigurationError
from hubbub.model import check_room_name
from hubbub.settings import ENV_PREFIX, Settings

log = logging.getLogger("hubbub")

SECRET_BYTES = 32
"""Shorter secrets can be guessed from one token (RFC 7518 section 3.2)."""


# What a token says. --------------------------------------------------------------------------


class SubClaims(Struct, frozen=True):
    """What a token says of one room. `info` and `data` are JSON, empty where there is none.

    `override` has those of the room's options that the token sets.
    """

    info: bytes
    data: bytes
    override: dict[str, bool]


class ConnectionClaims(Struct, frozen=True):
    """What a connection token says; an empty `user` is nobody in particular.

    `expires_at` is None for never. Where `subs` names any room, `channels` does not count.
    """

    user: str
    expires_at: float | None
    info: bytes
    channels: list[str]
    subs: dict[str, SubClaims]
    meta: dict[str, Any] | None


class SubscriptionClaims(Struct, frozen=True):
    """What a subscription token says. The caller compares `user`, `channel`, and `client` unless
    it is empty, with those of the connection. `expires_at` is None for never.
    """

    user: str
    channel: str
    client: str
    info: bytes
    data: bytes
    override: dict[str, bool]
    expires_at: float | None


class _Flag(Struct):
    value: bool = False  # protobuf's JSON, from which the shape comes, leaves out a false


class _Override(Struct):
    presence: _Flag | None = None
    join_leave: _Flag | None = None
    force_push_join_leave: _Flag | None = None
    force_positioning: _Flag | None = None
    force_recovery: _Flag | None = None


class _Sub(Struct):
    info: Any = None
    b64info: str | None = None
    data: Any = None
    b64data: str | None = None
    override: _Override | None = None


class _Claims(_Sub):
    exp: float | None = None
    expire_at: float | None = None
    nbf: float | None = None
    iat: float | None = None  # its type only: clocks differ, and no section refuses the future
    aud: str | list[str] | None = None
    iss: str | None = None
    jti: str | None = None
    channel: str | None = None
    client: str | None = None
    channels: list[str] | None = None
    subs: dict[str, _Sub] | None = None
    meta: dict[str, Any] | None = None

    @property
    def expires_at(self) -> float | None:
        if self.expire_at is None:
            return self.exp
        return self.expire_at or None


_decode = msgspec.json.Decoder(_Claims).decode


def _about_room(sub: _Sub) -> SubClaims:
    flags = msgspec.structs.asdict(sub.override) if sub.override else {}
    override = {name: flag.value for name, flag in flags.items() if flag is not None}
    return SubClaims(_json(sub.info, sub.b64info), _json(sub.data, sub.b64data), override)


def _json(value: Any, b64: str | None) -> bytes:
    # Encoded anew, so that no line break is in it: one would end a message (section 1).
    try:
        if b64:
            value = msgspec.json.decode(base64.b64decode(b64, validate=True))
        return b"" if value is None else msgspec.json.encode(value)
    except (ValueError, OverflowError, RecursionError):
        raise TokenInvalid("info or data cannot be read as JSON, or as base64 of JSON") from None


class Tokens:
    """Verifies tokens with the keys of `settings`; without any, no token is valid.

    `now` gives Unix seconds, for claims; `clock` is monotonic, for the age of a key set. Nothing
    waits, except for a key set that does not have a token's key.
    Raises `ConfigurationError` for keys that cannot be read.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._audience = settings.token_audience
        self._issuer = settings.token_issuer
        self._key_set = KeySet(settings.token_jwks, clock) if settings.token_jwks else None
        self._keys = configured(settings)
        # An integer too, beside RFC 7519's string: many libraries write a row's id as it is,
        # and there is one way to read it. A fraction or a boolean is nobody's id.
        user = ("user", str | int | None, None)
        named = msgspec.defstruct("Named", [user], rename={"user": settings.token_user_id_claim})
        self._user: Callable[[bytes], Any] = msgspec.json.Decoder(named).decode

    async def connection(self, token: str) -> ConnectionClaims:
        """What a connection token says (section 12.1).

        Raises `TokenExpired` for one that was good, `TokenInvalid` for anything else.
        """
        user, claims = await self._open(token)
        if claims.channel:
            raise TokenInvalid("a subscription token cannot connect")
        said = ConnectionClaims(
            user=user,
            expires_at=claims.expires_at,
            info=_json(claims.info, claims.b64info),
            channels=claims.channels or [],
            subs={name: _about_room(sub) for name, sub in (claims.subs or {}).items()},
            meta=claims.meta,
        )
        self._check_not_expired(claims)
        return said

    async def subscription(self, token: str) -> SubscriptionClaims:
        """What a subscription token says (section 12.2).

        Raises `TokenExpired` for one that was good, `TokenInvalid` for anything else.
        """
        user, claims = await self._open(token)
        if not claims.channel:
            raise TokenInvalid("a subscription token names a channel")
        room = _about_room(claims)
        said = SubscriptionClaims(
            user=user,
            channel=claims.channel,
            client=claims.client or "",
            info=room.info,
            data=room.data,
            override=room.override,
            expires_at=claims.expires_at,
        )
        self._check_not_expired(claims)
        return said

    async def _open(self, token: str) -> tuple[str, _Claims]:
        payload = await self._verified(token)
        try:
            claims, user = _decode(payload), self._user(payload).user
        except (ValueError, OverflowError, RecursionError):
            raise TokenInvalid("a claim is not of its type, or the claims are no JSON") from None
        if claims.nbf is not None and claims.nbf > self._now():
            raise TokenInvalid("nbf is in the future")
        audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud or []
        if self._audience is not None and self._audience not in audiences:
            raise TokenInvalid("aud is not token_audience")
        if self._issuer is not None and self._issuer != claims.iss:
            raise TokenInvalid("iss is not token_issuer")
        return "" if user is None else str(user), claims

    def _check_not_expired(self, claims: _Claims) -> None:
        # Last of all: an expired token is worth replacing only if all else was right.
        if claims.exp is not None and claims.exp <= self._now():  # "on or after" (RFC 7519)
            raise TokenExpired("exp is past")

    async def _verified(self, token: str) -> bytes:
        # Whatever joserfc raises for a stranger's bytes, not only its own errors, is a no.
        try:
            signed = jws.extract_compact(token.encode(), registry=REGISTRY)
            header = signed.headers()
            REGISTRY.check_header(header)
            alg, kid = header["alg"], header.get("kid")
        except Exception:
            raise TokenInvalid("not the form of a signed token") from None
        if "crit" in header:
            raise TokenInvalid("a critical extension is asked for (RFC 7515 section 4.1.11)")
        key = await self._key(alg, kid)
        if key is None:
            raise TokenInvalid("no key is configured for its algorithm and key id")
        try:
            good = jws.validate_compact(signed, key, registry=REGISTRY)
        except Exception:
            good = False
        if not good:
            raise TokenInvalid("the signature is not of the configured key")
        return signed.payload or b""

    async def _key(self, alg: str, kid: str | None) -> Key | None:
        own = self._keys.get(alg)
        asymmetric = alg in (*RSA, *ECDSA, *EDDSA)
        if self._key_set is None or not asymmetric or (own and not kid):
            return own
        return await self._key_set.find(alg, kid or None) or own


def is_short(settings: Settings) -> bool:
    """Whether the secret for HS256 has fewer bytes than RFC 7518 section 3.2 asks for."""
    secret = settings.token_hmac_secret_key
    return secret is not None and len(secret.get_secret_value().encode()) < SECRET_BYTES


def make_token(
    settings: Settings,
    user: str,
    room: str | None = None,
    ttl: float = 3600.0,
    info: Any = None,
    now: Callable[[], float] = time.time,
) -> str:
    """A token for `user`, signed with HS256: to connect, or with `room` to subscribe to it.

    `ttl` is in seconds, 0 for a token that never expires; `info` is JSON that others in the
    room see beside the user. Has the audience and the issuer that `settings` ask for.
    Raises `ConfigurationError` without a secret, `InvalidName` for what no room is called.
    """
    key = secret_key(settings)
    if key is None:
        raise ConfigurationError(
            "there is no secret to sign tokens with: set token_hmac_secret_key in the "
            f"configuration file, or {ENV_PREFIX}TOKEN_HMAC_SECRET_KEY"
        )
    issued = now()
    claims: dict[str, Any] = {settings.token_user_id_claim: user, "iat": int(issued)}
    if ttl:
        claims["exp"] = math.ceil(issued + ttl)
    if room is not None:
        claims["channel"] = check_room_name(room)
    if info is not None:
        claims["info"] = info
    if settings.token_audience is not None:
        claims["aud"] = settings.token_audience
    if settings.token_issuer is not None:
        claims["iss"] = settings.token_issuer
    try:
        payload = msgspec.json.encode(claims)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigurationError(f"a token cannot hold this: {error}") from None
    return jws.serialize_compact({"typ": "JWT", "alg": "HS256"}, payload, key, registry=REGISTRY)
