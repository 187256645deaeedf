"""An OpenID Connect provider that says what the test wants it to say.

async with provider() as there:
    there.issuer, there.says = …, {"name": "Ann"}
    code = there.enter(url)       # as if somebody signed in there, sent to `url`
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from msgspec.json import encode
from tests.support.server import serving

CLIENT, SECRET = "hubbub-test", "a secret/of+the client"


class StandIn:
    """The provider. What it says of the next one who signs in is the test's to change."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.issuer = ""
        self.subject = "subject-1"
        self.says: dict[str, Any] = {}
        """Claims beside the ones that have to be there, or in their place; None leaves one out."""
        self.userinfo: dict[str, Any] = {}
        self.alg = "RS256"
        self.secret = SECRET
        """Empty for a client that has none."""
        self.methods: list[str] | None = None
        self.discovery: dict[str, Any] = {}
        """What it says of itself beside, or in the place of, what is true."""
        self.token_status = 200
        self.fetched: list[str] = []
        self._keys = count()
        self.rotate()
        self._codes: dict[str, dict[str, str]] = {}

    def rotate(self) -> None:
        """Sign with another key from here on, and forget the old one."""
        self.rsa, self.ec = _keys(next(self._keys))

    def enter(self, url: str) -> str:
        """Somebody has come by `url`, and signed in: where they are sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def token(self, nonce: str) -> str:
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.says,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.alg == "none":
            return ".".join(_part(encode(part)) for part in ({"alg": "none"}, claims)) + "."
        if self.alg == "HS256":  # with what everybody can read as the secret
            from joserfc.jwk import OctKey

            public = self.rsa.as_pem(private=False)
            return jwt.encode(
                {"alg": "HS256", "kid": self.rsa.kid}, claims, OctKey.import_key(_part(public))
            )
        key = self.ec if self.alg.startswith("ES") else self.rsa
        return jwt.encode({"alg": self.alg, "kid": key.kid}, claims, key, [self.alg])

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def configuration() -> dict[str, Any]:
            self.fetched.append("configuration")
            said: dict[str, Any] = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize?theme=dark",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            }
            if self.methods is not None:
                said["token_endpoint_auth_methods_supported"] = self.methods
            return {**said, **self.discovery}

        @app.get("/keys")
        async def keys() -> dict[str, Any]:
            self.fetched.append("keys")
            own = [key.as_dict(private=False) for key in (self.rsa, self.ec)]
            strange: list[Any] = [{"kty": "RSA", "n": "x"}, {"kty": "oct", "k": "AAAA"}, "x"]
            return {"keys": strange + own}

        @app.post("/token")
        async def token(request: Request) -> Response:
            self.fetched.append("token")
            if self.token_status != 200:
                return RedirectResponse("https://evil.example/", self.token_status)
            form = {
                name: values[0]
                for name, values in parse_qs((await request.body()).decode()).items()
            }
            asked = self._codes.pop(form["code"], None)
            challenge = _part(hashlib.sha256(form["code_verifier"].encode()).digest())
            if (
                asked is None
                or asked["code_challenge"] != challenge
                or asked["redirect_uri"] != form["redirect_uri"]
            ):
                return JSONResponse({"error": "invalid_grant"}, 400)
            if not self._is_client(request, form):
                return JSONResponse({"error": "invalid_client"}, 401)
            body = {"access_token": "opaque", "token_type": "Bearer"}
            return JSONResponse({**body, "id_token": self.token(asked["nonce"])})

        @app.get("/userinfo")
        async def userinfo(request: Request) -> dict[str, Any]:
            self.fetched.append("userinfo")
            assert request.headers["authorization"] == "Bearer opaque"
            return {"sub": self.subject, **self.userinfo}

        return app

    def _is_client(self, request: Request, form: dict[str, str]) -> bool:
        if not self.secret:
            return form.get("client_id") == CLIENT and "authorization" not in request.headers
        if self.methods == ["client_secret_post"]:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, self.secret)
        pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic "))
        return pair == b"hubbub-test:a+secret%2Fof%2Bthe+client"


@lru_cache  # one takes a good while to make
def _keys(number: int) -> tuple[RSAKey, ECKey]:
    rsa = RSAKey.generate_key(2048, {"kid": f"rsa-{number}", "use": "sig"})
    return rsa, ECKey.generate_key("P-256", {"kid": f"ec-{number}", "use": "sig"})


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


@asynccontextmanager
async def provider(now: Callable[[], float]) -> AsyncIterator[StandIn]:
    """A provider on a free port of loopback. `now` gives Unix seconds."""
    there = StandIn(now)
    async with serving(there.app(), http="h11") as server:
        there.issuer = f"http://127.0.0.1:{server.port}"
        yield there
