"""JSON Web Tokens: who connects, and who may enter which room (protocol.md section 12).

A signature is verified with the key that is configured for its algorithm, and with no other
(RFC 7515, RFC 7518 and RFC 8037, by joserfc); then come the claims (RFC 7519). Times of claims
are Unix seconds. What a log says of a token never holds any part of it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import math
import time
import warnings
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey, import_key
from msgspec import Struct

from hubbub.errors import ConfigurationError, HubbubError
from hubbub.model import check_room_name
from hubbub.settings import ENV_PREFIX, Settings

log = logging.getLogger("hubbub")

HMAC = ("HS256", "HS384", "HS512")
RSA = ("RS256", "RS384", "RS512")
ECDSA = ("ES256", "ES384", "ES512")
EDDSA = ("EdDSA",)

SECRET_BYTES = 32
"""Shorter secrets can be guessed from one token (RFC 7518 section 3.2)."""

RSA_BITS = 2048
"""The least that RFC 7518 section 3.3 allows."""

KEY_SET_BYTES = 1_000_000
FETCH_S = 5.0
URL_FRESH_S, URL_PAUSE_S = 3600.0, 10.0
FILE_FRESH_S, FILE_PAUSE_S = 1.0, 1.0


class TokenInvalid(HubbubError):
    """Not a token of ours. The text says why, to whoever runs the server and to nobody else."""


class KeysUnavailable(TokenInvalid):
    """The key set that may hold the key could not be loaded: the token may well be good."""


class TokenExpired(HubbubError):
    """All is right with the token, except that its `exp` is past: a fresh one would do."""


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


# Keys. ---------------------------------------------------------------------------------------


class _Registry(jws.JWSRegistry):
    """joserfc's algorithms, but ours alone, and without its warning that EdDSA is deprecated.

    RFC 9864 calls it Ed25519; the libraries that make tokens still say EdDSA.
    """

    def get_alg(self, name: str) -> Any:
        if name not in (*HMAC, *RSA, *ECDSA, *EDDSA):
            raise UnsupportedAlgorithmError()
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)  # unknown header fields are ignored (RFC 7515)


def _fits(alg: str, key: Key) -> bool:
    """Whether `key` is of the type, the curve, the size and the use that `alg` asks for."""
    try:
        _REGISTRY.get_alg(alg).check_key(key)
    except JoseError:
        return False
    if isinstance(key, RSAKey):
        return key.raw_value.key_size >= RSA_BITS
    if isinstance(key, OKPKey):
        return key.curve_name == "Ed25519"
    return True


def _quiet(make: Callable[[Any], Key], value: Any) -> Key:
    # joserfc warns of short keys; ours are refused by _fits, or told of in words of our own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return make(value)


def _secret_key(settings: Settings) -> Key | None:
    text = settings.token_hmac_secret_key and settings.token_hmac_secret_key.get_secret_value()
    if not text:
        return None
    if "-----BEGIN" in text or text.startswith(("ssh-", "ecdsa-sha2-")):
        raise ConfigurationError(  # whoever has a public key could sign with it
            "token_hmac_secret_key is half of a key pair: give a secret, or set the key as "
            "token_rsa_public_key, token_ecdsa_public_key or token_eddsa_public_key"
        )
    return _quiet(OctKey.import_key, text)


def _public_key(name: str, given: str, kind: type[Key], algorithms: tuple[str, ...]) -> Key:
    """The key in `given`, PEM text or the path of a PEM file, for one of `algorithms`.

    Raises `ConfigurationError` with the setting's `name`, and not with what it holds.
    """
    text = given.replace("\\n", "\n")  # an environment file's way to write lines
    if "-----BEGIN" not in text:
        try:
            text = Path(given).expanduser().read_text()
        except (OSError, ValueError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or "not a path of text"
            raise ConfigurationError(
                f"{name} is neither PEM text nor the path of a PEM file that can be read: {why}"
            ) from None
    if "PRIVATE KEY" in text:
        raise ConfigurationError(f"{name} is a private key: give the public one, no more is needed")
    try:
        key = _quiet(kind.import_key, text)
        fits = any(_fits(alg, key) for alg in algorithms)
    except Exception:  # whatever joserfc, cryptography and the parsers below them raise
        fits = False
    if not fits:
        least = f" of at least {RSA_BITS} bits" if algorithms == RSA else ""
        raise ConfigurationError(
            f"{name} is no public key in PEM for {' or '.join(algorithms)}{least}"
        )
    return key


class _KeySetDocument(Struct):
    keys: list[dict[str, Any]]


class _NoRedirect(HTTPRedirectHandler):
    """A redirect could lead to any scheme and any host: the set is where the setting says."""

    def redirect_request(self, *_: object) -> None:
        return None


_Stamp = tuple[int, int, int] | None
"""When a file was changed, which one it is, and its size in bytes."""


class KeySet:
    """The public keys of a JSON Web Key Set (RFC 7517), by file or URL, loaded anew in a thread.

    Loads are shared: one at a time, and none sooner after another than the pause. One that
    fails leaves the earlier keys as they are. `clock` is monotonic, in seconds.
    Raises `ConfigurationError` for a file without usable keys, or for another scheme.
    """

    def __init__(self, place: str, clock: Callable[[], float]) -> None:
        self._place = place
        self._clock = clock
        self._keys: list[Key] = []
        self._asked = -math.inf
        self._failed = False
        self._loading: asyncio.Task[None] | None = None
        self._stamp: _Stamp = None
        try:
            parts = urlsplit(place)
        except ValueError as error:
            raise ConfigurationError(f"token_jwks is no URL: {error}") from None
        self._remote = parts.scheme in ("http", "https")
        self._fresh, self._pause = FILE_FRESH_S, FILE_PAUSE_S
        self._shown = place
        if self._remote:  # read when the first token asks for it: its server may start after us
            self._fresh, self._pause = URL_FRESH_S, URL_PAUSE_S
            self._shown = f"{parts.scheme}://{parts.netloc}{parts.path}"  # a query may be secret
            if "@" in parts.netloc:
                raise ConfigurationError("token_jwks has a name or password, which are not sent")
            return
        if "://" in place:
            raise ConfigurationError("token_jwks is a file or a URL of http or https")
        try:
            self._stamp, text = self._read()
            self._take(text or b"")
            self._asked = clock()
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"token_jwks cannot be read: {_why(error)}") from None
        if not self._keys:
            raise ConfigurationError(
                "token_jwks holds no key for tokens: RSA, EC or Ed25519; a secret goes into "
                "token_hmac_secret_key"
            )

    async def find(self, alg: str, kid: str | None) -> Key | None:
        """The key called `kid`, or without a name the only one, that fits `alg`.

        A known key costs no wait: where the set is old, it is loaded behind the answer.
        Raises `KeysUnavailable` where it is not known and the set could not be loaded.
        """
        key = self._known(alg, kid)
        age = self._clock() - self._asked
        if key is not None:
            if age >= (self._pause if self._failed else self._fresh):
                self._load()
            return key
        if self._loading is not None or age >= self._pause:
            await asyncio.shield(self._load())  # others wait for it too
            key = self._known(alg, kid)
        if key is None and self._failed:
            raise KeysUnavailable(f"the keys at {self._shown} could not be loaded")
        return key

    def _known(self, alg: str, kid: str | None) -> Key | None:
        fitting = [key for key in self._keys if kid in (None, key.kid) and _fits(alg, key)]
        return fitting[0] if fitting and (kid or len(fitting) == 1) else None

    def _load(self) -> asyncio.Task[None]:
        if self._loading is None:
            self._asked = self._clock()
            self._loading = asyncio.create_task(self._load_now())
        return self._loading

    async def _load_now(self) -> None:
        try:
            async with asyncio.timeout(FETCH_S):  # resolving a name has no deadline of its own
                stamp, text = await asyncio.to_thread(self._fetch if self._remote else self._read)
            self._stamp = stamp
            if text is not None:
                self._take(text)
            self._failed = False
        except Exception as error:  # whatever comes of what a server sends: the keys stay
            self._failed = True
            log.warning("the keys at %s could not be loaded: %s", self._shown, _why(error))
        finally:
            self._loading = None

    def _take(self, text: bytes) -> None:
        keys = []
        for value in msgspec.json.decode(text, type=_KeySetDocument).keys:
            if value.get("kty") not in ("RSA", "EC", "OKP"):
                continue  # "oct" above all: what is published is no secret
            try:
                keys.append(_quiet(import_key, value))
            except Exception:  # one that cannot be read is no reason to lose the others
                log.warning("a key of %s cannot be read; the others are used", self._shown)
        usable = [key for key in keys if any(_fits(alg, key) for alg in (*RSA, *ECDSA, *EDDSA))]
        if not usable:
            log.warning("the key set at %s holds no key for tokens", self._shown)
        self._keys = usable

    def _read(self) -> tuple[_Stamp, bytes | None]:
        """The file and its state; None for the text if it is as it was."""
        path = Path(self._place).expanduser()
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp == self._stamp:
            return stamp, None
        with path.open("rb") as file:
            return stamp, _limited(file.read1)

    def _fetch(self) -> tuple[_Stamp, bytes | None]:
        opener = build_opener(_NoRedirect)
        opener.addheaders = [("User-Agent", "hubbub"), ("Accept", "application/json")]
        with opener.open(self._place, timeout=FETCH_S) as response:
            return None, _limited(response.read1)


def _limited(read: Callable[[int], bytes]) -> bytes:
    text = b""
    deadline = time.monotonic() + FETCH_S  # a socket's own starts anew with every byte
    while part := read(65_536):
        text += part
        if len(text) > KEY_SET_BYTES:
            raise ValueError(f"more than {KEY_SET_BYTES} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    return text


def _why(error: BaseException) -> str:
    # http.client repeats the address, with its query, in what it raises.
    told = "" if isinstance(error, HTTPException) else str(error)
    return getattr(error, "strerror", None) or told or type(error).__name__


# Tokens. -------------------------------------------------------------------------------------


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
        self._keys = _configured(settings)
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
            signed = jws.extract_compact(token.encode(), registry=_REGISTRY)
            header = signed.headers()
            _REGISTRY.check_header(header)
            alg, kid = header["alg"], header.get("kid")
        except Exception:
            raise TokenInvalid("not the form of a signed token") from None
        if "crit" in header:
            raise TokenInvalid("a critical extension is asked for (RFC 7515 section 4.1.11)")
        key = await self._key(alg, kid)
        if key is None:
            raise TokenInvalid("no key is configured for its algorithm and key id")
        try:
            good = jws.validate_compact(signed, key, registry=_REGISTRY)
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


def _configured(settings: Settings) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    secret = _secret_key(settings)
    if secret is not None:
        keys.update(dict.fromkeys(HMAC, secret))
    families: tuple[tuple[str, type[Key], tuple[str, ...]], ...] = (
        ("token_rsa_public_key", RSAKey, RSA),
        ("token_ecdsa_public_key", ECKey, ECDSA),
        ("token_eddsa_public_key", OKPKey, EDDSA),
    )
    for name, kind, algorithms in families:
        if given := getattr(settings, name):
            key = _public_key(name, given, kind, algorithms)
            keys.update({alg: key for alg in algorithms if _fits(alg, key)})
    return keys


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
    key = _secret_key(settings)
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
    return jws.serialize_compact({"typ": "JWT", "alg": "HS256"}, payload, key, registry=_REGISTRY)
