"""Signing in at an OpenID Connect provider (OpenID Connect Core 1.0, code flow with PKCE).

What the provider says is believed when its signature, issuer, audience, time and nonce are right.
No log and no answer has a code, a token or a claim in it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import msgspec
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, RSAKey, import_key
from joserfc.jwt import JWTClaimsRegistry

from hubbub import ConfigurationError
from hubbub.chat.problem import Problem
from hubbub.chat.text import slug

log = logging.getLogger("hubbub.chat")

ALGORITHMS = (
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("ES256", "ES384", "ES512"),
)
"""What an ID token may be signed with, by RSA and by EC keys: nothing that has no key pair."""

TIMEOUT_S = 10.0
"""Seconds that the provider has for an answer."""

MAX_ANSWER = 1_000_000
"""Bytes of an answer."""

LEEWAY_S = 60
"""Seconds that the provider's clock may be off."""

FRESH_S, PAUSE_S = 3_600.0, 10.0
"""Seconds for which what a provider publishes is taken as it was, and between two looks at it."""

MAX_SUBJECT = 255
"""Characters (OpenID Connect Core section 2)."""


@dataclass(frozen=True)
class OidcProvider:
    """A provider, as it is configured.

    `name` is what people know it by. `sign_up`: whether who comes from there may make an account
    in any case; else the server's own setting says so. Raises `ConfigurationError` for an issuer
    that is no address, or not a safe one.
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    name: str = "OpenID"
    scopes: tuple[str, ...] = ("openid", "profile")
    sign_up: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or local) or parts.query:
            raise ConfigurationError(
                f"an issuer is an https address, not {self.issuer!r}; http is for this machine"
            )
        if "openid" not in self.scopes or slug(self.name) is None:
            raise ConfigurationError("a provider has a name, and `openid` among its scopes")

    def __repr__(self) -> str:
        return f"<OidcProvider {self.name} at {self.issuer}>"

    @property
    def id(self) -> str:
        """What it is called in addresses."""
        return slug(self.name) or ""


class Claimed(NamedTuple):
    """Who a provider says that somebody is; names are empty where it does not say them."""

    issuer: str
    subject: str
    preferred: str
    name: str


class Start(NamedTuple):
    """Where a browser is sent, and what it has to bring back from there."""

    url: str
    state: str
    nonce: str
    verifier: str


class Provider:
    """What there is to do with a provider. `now` gives Unix seconds, `clock` monotonic ones.

    All of it raises `Problem`: 502 where the provider cannot be understood or reached.
    """

    def __init__(
        self, config: OidcProvider, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self.config = config
        self._now = now
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._said: Mapping[str, Any] = {}
        self._said_at = -math.inf
        self._keys: list[Key] = []
        self._keys_at = -math.inf

    async def stop(self) -> None:
        """Let go of its connections. Harmless when there are none."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def start(self, redirect_uri: str) -> Start:
        """Send somebody there, to come back to `redirect_uri`."""
        endpoint = (await self._discovered())["authorization_endpoint"]
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.config.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(endpoint).query else "?"
        return Start(endpoint + joint + urlencode(asked), state, nonce, verifier)

    async def finish(self, code: str, redirect_uri: str, verifier: str, nonce: str) -> Claimed:
        """Who it was that came back with `code`. Raises `Problem`, 403 where it cannot be so."""
        said = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if not self.config.client_secret:
            form["client_id"] = self.config.client_id
        elif "client_secret_basic" in said.get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        ):
            headers["Authorization"] = self._basic()
        else:
            form |= {
                "client_id": self.config.client_id,
                "client_secret": self.config.client_secret,
            }
        answer = await self._json("POST", said["token_endpoint"], data=form, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise refused("there is no ID token")
        claims = await self._verified(token, nonce)
        if not claims.get("preferred_username") and not claims.get("name"):
            claims = {**await self._userinfo(said, answer, claims["sub"]), **claims}
        preferred, name = (_text(claims.get(one)) for one in ("preferred_username", "name"))
        return Claimed(self.config.issuer, claims["sub"], preferred, name)

    def _basic(self) -> str:
        # Encoded as in a form before (RFC 6749 section 2.3.1).
        pair = (quote_plus(part) for part in (self.config.client_id, self.config.client_secret))
        return "Basic " + base64.b64encode(":".join(pair).encode()).decode()

    async def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token (OpenID Connect Core section 3.1.3.7)."""
        key, algorithms = await self._key_for(token)
        wanted = JWTClaimsRegistry(
            now=int(self._now()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.config.issuer},
            aud={"essential": True, "value": self.config.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True},
        )
        try:
            claims = jwt.decode(token, key, algorithms).claims
            wanted.validate(claims)
        except Exception as error:  # whatever is raised for a stranger's bytes is a no
            raise refused(f"the ID token is not right: {type(error).__name__}") from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.config.client_id:
            raise refused("the ID token is for somebody else")
        said = claims["nonce"]
        if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
            raise refused("the ID token is of another time")
        subject = claims["sub"]
        if not 0 < len(subject) <= MAX_SUBJECT or "\x00" in subject:
            raise refused("the ID token is for nobody")
        return claims

    async def _key_for(self, token: str) -> tuple[Key, tuple[str, ...]]:
        """The key that a token says it is signed with, and what that is used for."""
        try:
            header = jws.extract_compact(token.encode()).headers()
            alg, kid = header["alg"], header.get("kid")
        except Exception:
            raise refused("the ID token cannot be read") from None
        if not any(alg in family for family in ALGORITHMS):
            raise refused("the ID token is not signed with a key pair")
        known = self._known(alg, kid)
        if known is None and self._clock() - self._keys_at >= PAUSE_S:
            await self._load_keys()  # it may have changed them since
            known = self._known(alg, kid)
        if known is None:
            raise refused("the ID token is signed with an unknown key")
        return known, next(family for family in ALGORITHMS if alg in family)

    def _known(self, alg: str, kid: Any) -> Key | None:
        kind = RSAKey if alg in ALGORITHMS[0] else ECKey
        fitting = [key for key in self._keys if isinstance(key, kind) and kid in (None, key.kid)]
        return fitting[0] if fitting and (kid is not None or len(fitting) == 1) else None

    async def _load_keys(self) -> None:
        self._keys_at = self._clock()
        answer = await self._json("GET", (await self._discovered())["jwks_uri"])
        keys = []
        for one in answer.get("keys", ()):
            # "oct" above all is left out: what is published is no secret.
            if isinstance(one, dict) and one.get("kty") in ("RSA", "EC"):
                try:
                    keys.append(import_key(one))
                except Exception:  # one that cannot be read is no reason to lose the others
                    log.warning("a key of %r cannot be read", self.config)
        self._keys = keys

    async def _userinfo(
        self, said: Mapping[str, Any], answer: Mapping[str, Any], subject: str
    ) -> dict[str, Any]:
        """What it says beside the ID token, where it says something."""
        endpoint, token = said.get("userinfo_endpoint"), answer.get("access_token")
        if not endpoint or not isinstance(token, str) or not token.isascii():
            return {}
        more = await self._json("GET", endpoint, headers={"Authorization": f"Bearer {token}"})
        return more if more.get("sub") == subject else {}

    async def _discovered(self) -> Mapping[str, Any]:
        """What it says of itself (OpenID Connect Discovery section 4)."""
        if self._said and self._clock() - self._said_at < FRESH_S:
            return self._said
        issuer = self.config.issuer
        said = await self._json("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
        if said.get("issuer") != issuer:
            raise unavailable(f"{self.config!r} says that it is another issuer")
        safe = ("https",) if urlsplit(issuer).scheme == "https" else ("http", "https")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
            address = said.get(name)
            if address is None and name == "userinfo_endpoint":
                continue
            if not isinstance(address, str) or urlsplit(address).scheme not in safe:
                raise unavailable(f"{self.config!r} has no safe {name}")
        self._said, self._said_at = said, self._clock()
        return said

    async def _json(self, method: str, url: str, **how: Any) -> dict[str, Any]:
        """The object that is answered. No redirect is followed, and no large answer read."""
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)
        try:
            async with asyncio.timeout(TIMEOUT_S), self._client.stream(method, url, **how) as got:
                text = b""
                async for part in got.aiter_bytes():
                    text += part
                    if len(text) > MAX_ANSWER:
                        raise unavailable(f"{self.config!r} answers too much")
            if got.status_code == 400 and method == "POST":
                raise refused(f"{self.config!r} turns the code down")
            if got.status_code != 200:
                where = urlsplit(url).path
                raise unavailable(f"{self.config!r} answers {got.status_code} at {where}")
            return msgspec.json.decode(text, type=dict[str, Any])
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            what = f"{self.config!r} does not answer: {type(error).__name__}"
            raise unavailable(what) from None
        except (ValueError, RecursionError):
            raise unavailable(f"{self.config!r} answers something else than JSON") from None


def unavailable(why: str) -> Problem:
    """The provider cannot be used now; why is for whoever runs the server."""
    log.warning("sign-in: %s", why)
    return Problem(502, "provider-unavailable", "The provider does not answer as it should.")


def refused(why: str) -> Problem:
    """What came back is not believed."""
    log.warning("sign-in: %s", why)
    return Problem(403, "sign-in-failed", "Signing in did not work: try again.")


def _text(value: object) -> str:
    return value.replace("\x00", "") if isinstance(value, str) else ""


def local_path(said: str) -> str:
    """Where to go on after signing in: `said` if it is a path of this server, and else "/".

    What begins with two slashes, or with a backslash for one, is another host to a browser.
    """
    plain = all(" " < char < "\x7f" and char != "\\" for char in said)
    return said if plain and said.startswith("/") and not said.startswith("//") else "/"
