"""The keys that tokens are verified with: from the settings, and from a published key set.

A signature is verified with the key that is configured for its algorithm, and with no other
(RFC 7515, RFC 7517, RFC 7518 and RFC 8037, by joserfc). What a log says of a key set never holds
the query of its address.
"""

from __future__ import annotations

import asyncio
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
from hubbub.settings import Settings

log = logging.getLogger("hubbub")

HMAC = ("HS256", "HS384", "HS512")
RSA = ("RS256", "RS384", "RS512")
ECDSA = ("ES256", "ES384", "ES512")
EDDSA = ("EdDSA",)

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


class _Registry(jws.JWSRegistry):
    """joserfc's algorithms, but ours alone, and without its warning that EdDSA is deprecated.

    RFC 9864 calls it Ed25519; the libraries that make tokens still say EdDSA.
    """

    def get_alg(self, name: str) -> Any:
        if name not in (*HMAC, *RSA, *ECDSA, *EDDSA):
            raise UnsupportedAlgorithmError()
        return self.algorithms[name]


REGISTRY = _Registry(strict_check_header=False)  # unknown header fields are ignored (RFC 7515)


def fits(alg: str, key: Key) -> bool:
    """Whether `key` is of the type, the curve, the size and the use that `alg` asks for."""
    try:
        REGISTRY.get_alg(alg).check_key(key)
    except JoseError:
        return False
    if isinstance(key, RSAKey):
        return key.raw_value.key_size >= RSA_BITS
    if isinstance(key, OKPKey):
        return key.curve_name == "Ed25519"
    return True


def quietly(make: Callable[[Any], Key], value: Any) -> Key:
    # joserfc warns of short keys; ours are refused by fits, or told of in words of our own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return make(value)


def secret_key(settings: Settings) -> Key | None:
    text = settings.token_hmac_secret_key and settings.token_hmac_secret_key.get_secret_value()
    if not text:
        return None
    if "-----BEGIN" in text or text.startswith(("ssh-", "ecdsa-sha2-")):
        raise ConfigurationError(  # whoever has a public key could sign with it
            "token_hmac_secret_key is half of a key pair: give a secret, or set the key as "
            "token_rsa_public_key, token_ecdsa_public_key or token_eddsa_public_key"
        )
    return quietly(OctKey.import_key, text)


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
        key = quietly(kind.import_key, text)
        good = any(fits(alg, key) for alg in algorithms)
    except Exception:  # whatever joserfc, cryptography and the parsers below them raise
        good = False
    if not good:
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
        fitting = [key for key in self._keys if kid in (None, key.kid) and fits(alg, key)]
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
                keys.append(quietly(import_key, value))
            except Exception:  # one that cannot be read is no reason to lose the others
                log.warning("a key of %s cannot be read; the others are used", self._shown)
        usable = [key for key in keys if any(fits(alg, key) for alg in (*RSA, *ECDSA, *EDDSA))]
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


def configured(settings: Settings) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    secret = secret_key(settings)
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
            keys.update({alg: key for alg in algorithms if fits(alg, key)})
    return keys
