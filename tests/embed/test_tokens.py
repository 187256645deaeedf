"""Tokens: signatures, claims, keys, and key sets by file and by URL."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import threading
import time
import warnings
from collections.abc import Awaitable, Coroutine, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from hubbub import ConfigurationError
from hubbub.embed import keys as keyring
from hubbub.embed import tokens as module
from hubbub.embed.keys import KeysUnavailable, TokenExpired, TokenInvalid
from hubbub.embed.tokens import (
    SubClaims,
    Tokens,
    is_short,
    make_token,
)
from hubbub.errors import InvalidName
from hubbub.settings import Settings

T = TypeVar("T")
NOW = 1_700_000_000.0
HS = ["HS256", "HS384", "HS512"]
RS = ["RS256", "RS384", "RS512"]
ES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


class Now:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """What it returns or raises, where nothing may wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise AssertionError("it waits")


@cache
def rsa(which: int = 0, bits: int = 2048) -> RSAKey:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return RSAKey.generate_key(bits)


@cache
def ec(curve: str = "P-256") -> ECKey:
    return ECKey.generate_key(curve)


@cache
def okp(curve: Any = "Ed25519") -> OKPKey:
    return OKPKey.generate_key(curve)


def secret(text: str = "secret") -> OctKey:
    return OctKey(text.encode(), text.encode())


def pem(key: Any, private: bool = False) -> str:
    return str(key.as_pem(private=private).decode())


def signed(claims: Any, key: Key | None = None, alg: str = "HS256", **header: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of EdDSA and none
        return jws.serialize_compact(
            {"alg": alg, **header}, payload, key or secret(), None, registry
        )


def verifier(**more: Any) -> Tokens:
    more.setdefault("token_hmac_secret_key", "secret")
    return Tokens(Settings(**more), now=Now())


def connection(claims: Any, **more: Any) -> Any:
    return at_once(verifier(**more).connection(signed(claims)))


def subscription(claims: Any, **more: Any) -> Any:
    return at_once(verifier(**more).subscription(signed(claims)))


async def refused(answer: Awaitable[Any]) -> str:
    with pytest.raises(TokenInvalid) as error:
        await answer
    return str(error.value)


# Claims.


def test_tokens_of_the_javascript_tests_are_nobodys() -> None:
    said = connection({"iat": 1_500_000_000})
    assert said == module.ConnectionClaims("", None, b"", [], {}, None)
    room = subscription({"iat": 1_500_000_000, "channel": "test1"})
    assert room == module.SubscriptionClaims("", "test1", "", b"", b"", {}, None)


def test_connection_token_says_all_of_it() -> None:
    flags = {"presence": {"value": True}, "force_recovery": {}, "invented": {"value": 1}}
    sub = {"info": [1], "b64data": b64('{"a": 1}'), "override": flags}
    claims = {
        "sub": "42",
        "exp": NOW + 60,
        "iat": NOW,
        "jti": "x",
        "info": {"name": "Ann"},
        "channels": ["a", "b"],
        "subs": {"c": sub, "d": {}},
        "meta": {"plan": "free"},
        "unknown": 1,
    }
    said = connection(claims)
    assert said.user == "42"
    assert said.expires_at == NOW + 60
    assert said.info == b'{"name":"Ann"}'
    assert said.channels == ["a", "b"]
    override = {"presence": True, "force_recovery": False}
    assert said.subs == {
        "c": SubClaims(b"[1]", b'{"a":1}', override),
        "d": SubClaims(b"", b"", {}),
    }
    assert said.meta == {"plan": "free"}


def test_subscription_token_says_all_of_it() -> None:
    names = ["presence", "join_leave", "force_push_join_leave", "force_positioning"]
    names.append("force_recovery")
    claims = {
        "sub": "42",
        "channel": "chat:1",
        "client": "c1",
        "b64info": b64('{ "a":\n1 }'),
        "data": "é\n",
        "override": {name: {"value": name != "presence"} for name in names},
        "exp": NOW + 1,
    }
    said = subscription(claims)
    assert (said.user, said.channel, said.client) == ("42", "chat:1", "c1")
    assert said.info == b'{"a":1}'
    assert said.data == '"é\\n"'.encode()
    assert said.override == {name: name != "presence" for name in names}
    assert said.expires_at == NOW + 1


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("claims", "expires_at"),
    [
        ({}, None),
        ({"exp": NOW + 5}, NOW + 5),
        ({"exp": NOW + 5, "expire_at": NOW + 90}, NOW + 90),
        ({"exp": NOW + 5, "expire_at": 0}, None),
        ({"expire_at": NOW - 5}, NOW - 5),
        ({"exp": None, "expire_at": None}, None),
    ],
)
def test_expire_at_wins_over_exp_and_zero_is_never(claims: Any, expires_at: float | None) -> None:
    assert connection(claims).expires_at == expires_at
    assert subscription({**claims, "channel": "a"}).expires_at == expires_at


@pytest.mark.parametrize("exp", [NOW, NOW - 0.5, NOW - 1, 0, -1])
@pytest.mark.parametrize("expire_at", [None, 0, NOW + 90])
def test_token_is_expired_from_exp_on(exp: float, expire_at: float | None) -> None:
    claims = {"exp": exp, "expire_at": expire_at}
    with pytest.raises(TokenExpired):
        connection(claims)
    with pytest.raises(TokenExpired):
        subscription({**claims, "channel": "a"})


@pytest.mark.parametrize("exp", [NOW + 0.5, NOW + 1, 253_402_300_799])
def test_token_is_good_until_exp(exp: float) -> None:
    assert connection({"exp": exp}).expires_at == exp


def test_expired_is_said_only_where_all_else_is_right() -> None:
    for claims in ({"channel": "a"}, {"b64info": "!"}, {"nbf": NOW + 1}, {"aud": "b"}, {"iss": 1}):
        with pytest.raises(TokenInvalid):
            connection({"exp": NOW - 1, **claims}, token_audience="a" if "aud" in claims else None)


def test_nbf_is_the_first_moment() -> None:
    assert connection({"nbf": NOW}).user == ""
    with pytest.raises(TokenInvalid):
        connection({"nbf": NOW + 0.5})


def test_iat_in_the_future_is_another_clock() -> None:
    assert connection({"iat": NOW + 5}).user == ""


@pytest.mark.parametrize("aud", ["hub", ["hub"], ["other", "hub"]])
def test_audience_is_one_or_in_the_list(aud: Any) -> None:
    assert connection({"aud": aud}, token_audience="hub").user == ""


@pytest.mark.parametrize("aud", [None, "", "other", "hubbub", [], ["other"], ["hub", 1], 1, {}])
def test_another_audience_is_refused(aud: Any) -> None:
    with pytest.raises(TokenInvalid):
        connection({"aud": aud}, token_audience="hub")


def test_audience_and_issuer_that_nobody_asked_for_are_ignored() -> None:
    assert connection({"aud": "x", "iss": "y"}).user == ""


def test_issuer_is_compared_whole() -> None:
    assert connection({"iss": "me"}, token_issuer="me").user == ""
    for iss in ("", "you", "me ", None, ["me"]):
        with pytest.raises(TokenInvalid):
            connection({"iss": iss}, token_issuer="me")


@pytest.mark.parametrize(("sub", "user"), [("42", "42"), (42, "42"), (-1, "-1"), (None, "")])
def test_user_is_a_string_or_an_integer(sub: Any, user: str) -> None:
    assert connection({"sub": sub}).user == user


@pytest.mark.parametrize("sub", [True, 4.2, 1.0, ["42"], {}])
def test_nothing_else_is_a_user(sub: Any) -> None:
    with pytest.raises(TokenInvalid):
        connection({"sub": sub})


def test_another_claim_can_name_the_user() -> None:
    named = {"token_user_id_claim": "email"}
    assert connection({"sub": [], "email": "a@b"}, **named).user == "a@b"
    assert connection({"sub": "42"}, **named).user == ""
    with pytest.raises(TokenInvalid):
        connection({"email": 4.2}, **named)


def test_the_two_kinds_of_token_are_not_one() -> None:
    for claims in ({}, {"channel": ""}, {"channel": None}):
        assert connection(claims).user == ""
        with pytest.raises(TokenInvalid):
            subscription(claims)
    with pytest.raises(TokenInvalid):
        connection({"channel": "a"})


WRONG = [
    *({name: "1"} for name in ("exp", "expire_at", "nbf", "iat")),
    *({name: True} for name in ("exp", "expire_at", "nbf", "iat")),
    *({name: 1} for name in ("iss", "jti", "client", "b64info", "b64data", "channels")),
    *(
        {"subs": value}
        for value in (1, ["a"], {"a": 1}, {"a": {"info": 1, "b64info": 1}}, {"a": None})
    ),
    *({"override": value} for value in (1, {"presence": True}, {"presence": {"value": 1}})),
    {"channels": [1]},
    {"channels": "a"},
    {"meta": "a"},
    {"meta": []},
    {"b64info": b64("{")},
    {"b64info": "e30"},
    {"b64info": "e3 0="},
    {"b64info": "é"},
    {"b64info": base64.b64encode(b"\xff").decode()},
    {"b64info": base64.b64encode(b'"\xff"').decode()},
    {"b64info": base64.b64encode(b"[" * 5000).decode()},
]


@pytest.mark.parametrize("claims", WRONG, ids=lambda claims: str(claims)[:40])
def test_claim_of_another_type_is_refused(claims: Any) -> None:
    with pytest.raises(TokenInvalid):
        connection(claims)
    with pytest.raises(TokenInvalid):
        subscription({"channel": "a", "b64data": claims.get("b64info"), **claims})


@pytest.mark.parametrize("sub", [{"b64info": "e"}, {"b64data": b64("{")}])
def test_claim_about_a_room_that_cannot_be_read_is_refused(sub: Any) -> None:
    with pytest.raises(TokenInvalid):
        connection({"subs": {"a": {}, "b": sub}})


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b"1", b"{", b'{"exp":NaN}', b'{"exp":1e999}', b'{"sub":"\xff"}']
    + [b'{"sub":"\\ud800"}', b'{"exp":%b}' % (b"9" * 400), b'{"sub":%b}' % (b"9" * 5000)]
    + [b'{"info":%b}' % (b"[" * 50_000)],
    ids=lambda payload: str(payload[:20]),
)
def test_what_is_no_set_of_claims_is_refused(payload: bytes) -> None:
    with pytest.raises(TokenInvalid):
        connection(payload)


@pytest.mark.parametrize("info", [None, False, 0, "", [], {}, 1.5, "a\u2028b", 10**30])
def test_info_is_any_json_but_null(info: Any) -> None:
    wanted = b"" if info is None else json.dumps(info, ensure_ascii=False).encode()
    assert connection({"info": info}).info == wanted
    assert connection({"b64info": b64(json.dumps(info))}).info == wanted
    assert connection({"info": "beaten", "b64info": b64(json.dumps(info))}).info == wanted


# Signatures.


def only(alg: str) -> tuple[dict[str, Any], Key]:
    """Settings with one key alone, and the key that signs."""
    if alg in HS:
        return {"token_hmac_secret_key": "secret"}, secret()
    if alg in RS:
        return {"token_rsa_public_key": pem(rsa())}, rsa()
    if alg in ES:
        return {"token_ecdsa_public_key": pem(ec(ES[alg]))}, ec(ES[alg])
    return {"token_eddsa_public_key": pem(okp())}, okp()


ALL = [*HS, *RS, *ES, "EdDSA"]


@pytest.mark.parametrize("alg", ALL)
def test_algorithm_is_verified_with_its_own_key_and_no_other(alg: str) -> None:
    for other in ALL:
        settings, _ = only(other)
        _, key = only(alg)
        answer = Tokens(Settings(**settings)).connection(signed({"sub": "42"}, key, alg))
        if settings == only(alg)[0]:
            assert at_once(answer).user == "42"
        else:
            with pytest.raises(TokenInvalid):
                at_once(answer)


@pytest.mark.parametrize("alg", ALL)
def test_one_bit_makes_it_another_token(alg: str) -> None:
    settings, key = only(alg)
    good = signed({"sub": "42"}, key, alg)
    tokens = Tokens(Settings(**settings))
    head, body, signature = good.split(".")
    other = signed({"sub": "43"}, key, alg).split(".")[1]
    wrong = base64.urlsafe_b64decode(signature + "==")
    flipped = base64.urlsafe_b64encode(bytes([wrong[0] ^ 1]) + wrong[1:]).rstrip(b"=").decode()
    for bad in (f"{head}.{other}.{signature}", f"{head}.{body}.{flipped}", f"{head}.{body}."):
        with pytest.raises(TokenInvalid):
            at_once(tokens.connection(bad))


@pytest.mark.parametrize("alg", HS)
def test_public_key_is_no_secret(alg: str) -> None:
    """The confusion of algorithms: whoever has the public key signs with its text."""
    for name, key in (("rsa", rsa()), ("ecdsa", ec()), ("eddsa", okp())):
        text = pem(key)
        alone: dict[str, Any] = {f"token_{name}_public_key": text}
        for keys in (alone, {**alone, "token_hmac_secret_key": "secret"}):
            tokens = Tokens(Settings(**keys))
            for forged in (text, text.strip(), text.encode().hex()):
                with pytest.raises(TokenInvalid):
                    at_once(tokens.connection(signed({}, secret(forged), alg)))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "PS256", "ES256K", "HS1", "dir"])
def test_other_algorithms_are_refused(alg: str) -> None:
    good = signed({}).split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": alg}).encode()).rstrip(b"=").decode()
    tokens = verifier(token_rsa_public_key=pem(rsa()))
    for signature in ("", good[2]):
        with pytest.raises(TokenInvalid):
            at_once(tokens.connection(f"{head}.{good[1]}.{signature}"))
    if alg == "PS256":
        with pytest.raises(TokenInvalid):
            at_once(tokens.connection(signed({}, rsa(), alg)))


def test_algorithms_of_the_library_that_are_not_ours_are_not_there() -> None:
    for alg in ("none", "PS256", "ES256K", "Ed448"):
        with pytest.raises(JoseError):
            keyring.REGISTRY.get_alg(alg)


def test_without_keys_no_token_is_good() -> None:
    with pytest.raises(TokenInvalid):
        at_once(Tokens(Settings()).connection(signed({})))


def test_header_may_say_more_but_nothing_critical() -> None:
    tokens = verifier()
    harmless: list[dict[str, Any]] = [{"typ": "at+jwt"}, {"kid": "any"}, {"kid": ""}, {"mine": [1]}]
    for more in harmless:
        assert at_once(tokens.connection(signed({"sub": "1"}, **more))).user == "1"
    critical: list[dict[str, Any]] = [
        {"crit": ["b64"], "b64": False},
        {"crit": ["typ"], "typ": "a"},
    ]
    for more in critical:
        with pytest.raises(TokenInvalid):
            at_once(tokens.connection(signed({"sub": "1"}, **more)))


@pytest.mark.parametrize(
    "head",
    ["[]", '["alg"]', '"alg"', "1", "null", "{}", '{"alg":1}', '{"alg":["HS256"]}', '{"alg":{}}']
    + ['{"alg":"HS256","kid":1}', '{"alg":"HS256","crit":1}', '{"alg":"HS256","b64":false}']
    + ['{"alg":"HS256","jku":1}', '{"alg":null}', "[" * 380, "\ud800".encode("utf-8", "replace")],
)
def test_header_of_another_shape_is_refused(head: str | bytes) -> None:
    raw = head if isinstance(head, bytes) else head.encode()
    _, body, signature = signed({}).split(".")
    first = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(TokenInvalid):
        at_once(verifier().connection(f"{first}.{body}.{signature}"))


async def test_nothing_that_is_logged_or_told_holds_the_token(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    put(tmp_path / "keys.json", key_set(("r", rsa())))
    at = At(tmp_path / "keys.json", token_hmac_secret_key="secret")
    wrong = [signed({"channel": "a"}), signed({}, secret("b")), signed({}, rsa(1), "RS256")]
    wrong += [signed({"exp": 1}), signed({"sub": 1.5}), signed({}, rsa(1), "RS256", kid="k")]
    for token in [*wrong, f"{wrong[0]}.", "only"]:
        with pytest.raises((TokenInvalid, TokenExpired)) as error:
            await at.tokens.connection(token)
        for part in token.split("."):
            assert not part or part not in str(error.value) + caplog.text


# Any text at all.

TEXT = st.text(max_size=8)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
LISTS = st.lists(ATOMS, max_size=3)
JSON: st.SearchStrategy[Any] = (
    ATOMS | LISTS | st.dictionaries(TEXT, ATOMS | LISTS | st.just({}), max_size=3)
)
NAMES = ["sub", "exp", "expire_at", "nbf", "aud", "iss", "info", "b64info", "data", "b64data"]
NAMES += ["channels", "subs", "meta", "channel", "client", "override", "jti", "iat"]
ANY = verifier()


FEWER = settings(max_examples=40)


def either(token: str) -> None:
    for answer in (ANY.connection(token), ANY.subscription(token)):
        try:
            at_once(answer)
        except (TokenInvalid, TokenExpired) as error:
            assert not token or token not in str(error)


@FEWER
@given(st.text() | st.text(alphabet="eyJhbGciOi.-_=+/") | st.text(st.characters(codec=None)))
def test_garbage_is_invalid_and_nothing_worse(token: str) -> None:
    for answer in (ANY.connection(token), ANY.subscription(token)):
        with pytest.raises(TokenInvalid):
            at_once(answer)


@given(st.data())
def test_damaged_token_is_invalid_and_nothing_worse(data: st.DataObject) -> None:
    good = signed({"sub": "42", "info": {"a": 1}})
    start = data.draw(st.integers(0, len(good) - 1))
    end = data.draw(st.integers(start, len(good)))
    damaged = good[:start] + data.draw(st.text(max_size=5)) + good[end:]
    if damaged != good:
        with pytest.raises(TokenInvalid):
            at_once(ANY.connection(damaged))


@FEWER
@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_claims_of_any_shape_are_read_or_refused(claims: dict[str, Any]) -> None:
    either(signed(claims))


@FEWER
@given(st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ", "x5c", "z"]), JSON))
def test_headers_of_any_shape_are_read_or_refused(header: dict[str, Any]) -> None:
    first = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    either(".".join((first, *signed({}).split(".")[1:])))


@given(st.binary())
def test_any_bytes_as_claims_are_read_or_refused(payload: bytes) -> None:
    either(signed(payload))


# Keys in the settings.


def test_key_is_pem_text_or_the_path_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(rsa()))
    token = signed({"sub": "42"}, rsa(), "RS256")
    for given_as in (str(path), pem(rsa()), pem(rsa()).replace("\n", "\\n")):
        tokens = Tokens(Settings(token_rsa_public_key=given_as))
        assert at_once(tokens.connection(token)).user == "42"


PUBLIC = ["token_rsa_public_key", "token_ecdsa_public_key", "token_eddsa_public_key"]


@pytest.mark.parametrize("name", PUBLIC)
def test_key_that_cannot_be_read_is_told_by_its_setting(name: str, tmp_path: Path) -> None:
    armour = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    own = {"token_rsa_public_key": rsa(), "token_ecdsa_public_key": ec()}.get(name, okp())
    wrong = {
        str(tmp_path / "nowhere"): "No such file",
        str(tmp_path): "Is a directory",
        str(tmp_path / "binary"): "not a path of text",
        "x" * 5000: "File name too long",
        "a\0b": "not a path of text",
        armour: "is no public key in PEM for",
        pem(own, private=True): "is a private key: give the public one",
    }
    for key in (rsa(), rsa(0, 1024), ec(), ec("secp256k1"), okp(), okp("Ed448"), okp("X25519")):
        if key is not own:
            wrong[pem(key)] = "is no public key in PEM for"
    for given_as, told in wrong.items():
        with pytest.raises(ConfigurationError) as error:
            Tokens(Settings(**{name: given_as}))  # type: ignore[arg-type]
        assert str(error.value).startswith(name)
        assert told in str(error.value)
        assert given_as not in str(error.value), "keys are not for the log"


def test_public_key_as_the_secret_is_told() -> None:
    ssh = rsa().public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    for text in (pem(rsa()), pem(ec(), private=True), f"\n{pem(okp())}", ssh):
        with pytest.raises(ConfigurationError, match="_secret_key is half of a key pair"):
            Tokens(Settings(token_hmac_secret_key=text))  # type: ignore[arg-type]


# Key sets.


def key_set(*keys: tuple[str | None, Key], **more: Any) -> bytes:
    """A JSON Web Key Set of public keys by kid; `more` goes into each."""
    entries = [
        {**dict(key.as_dict()), **({"kid": kid} if kid else {}), **more} for kid, key in keys
    ]
    return json.dumps({"keys": entries}).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def put(path: Path, what: bytes | list[dict[str, Any]] | None) -> None:
    """Make it the file: a document, a list of keys, or no file at all."""
    if what is None:
        path.unlink()
    else:
        path.write_bytes(what if isinstance(what, bytes) else json.dumps({"keys": what}).encode())


class At:
    """A verifier with a key set, and the clock for its age."""

    def __init__(self, place: object, **more: Any) -> None:
        self.clock = Now()
        self.tokens = Tokens(Settings(token_jwks=str(place), **more), now=Now(), clock=self.clock)

    async def user(self, key: Key, alg: str, kid: str | None = None) -> str:
        header = {"kid": kid} if kid is not None else {}
        return (await self.tokens.connection(signed({"sub": "42"}, key, alg, **header))).user

    async def loaded(self) -> None:
        """Once what goes on behind the answers is done."""
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))


async def test_key_set_has_keys_of_all_kinds_by_name(path: Path) -> None:
    named: list[tuple[str, Key]] = [("r", rsa()), ("o", okp())]
    named += [(curve, ec(curve)) for curve in ES.values()]
    put(path, key_set(*named))
    at = At(path)
    for alg in RS:
        assert await at.user(rsa(), alg, "r") == "42"
    for alg, curve in ES.items():
        assert await at.user(ec(curve), alg, curve) == "42"
    assert await at.user(okp(), "EdDSA", "o") == "42"
    await refused(at.user(rsa(1), "RS256", "r"))
    await refused(at.user(rsa(), "RS256", "o"))
    await refused(at.user(rsa(), "RS256", "unknown"))
    await refused(at.user(ec("P-384"), "ES384", "P-256"))


async def test_known_key_costs_no_wait(path: Path) -> None:
    put(path, key_set(("r", rsa())))
    at = At(path)
    assert at_once(at.user(rsa(), "RS256", "r")) == "42"


async def test_without_a_kid_only_the_one_key_that_fits_counts(path: Path) -> None:
    put(path, key_set(("r", rsa()), ("e", ec()), (None, okp())))
    at = At(path)
    assert await at.user(rsa(), "RS256") == "42"
    assert await at.user(rsa(), "RS256", "") == "42"
    assert await at.user(okp(), "EdDSA") == "42"
    put(path, key_set(("r", rsa()), ("s", rsa(1))))
    two = At(path)
    await refused(two.user(rsa(), "RS256"))
    assert await two.user(rsa(1), "RS256", "s") == "42"


async def test_key_is_only_for_the_use_and_the_algorithm_that_it_names(path: Path) -> None:
    for more, good in (({"alg": "RS256"}, True), ({"use": "sig"}, True), ({}, True)):
        put(path, key_set(("r", rsa()), **more))
        assert (await At(path).user(rsa(), "RS256", "r") == "42") is good
    put(path, key_set(("r", rsa()), alg="RS256"))
    await refused(At(path).user(rsa(), "RS512", "r"))
    put(path, key_set(("r", rsa()), key_ops=["encrypt"]))
    await refused(At(path).user(rsa(), "RS256", "r"))


async def test_symmetric_keys_of_a_set_are_ignored(path: Path) -> None:
    shared = {"kty": "oct", "kid": "s", "k": base64.urlsafe_b64encode(b"x" * 32).decode()[:43]}
    entries = [shared, *json.loads(key_set(("r", rsa())))["keys"]]
    put(path, entries)
    at = At(path)
    for alg in HS:
        await refused(at.user(secret("x" * 32), alg, "s"))
        await refused(at.user(secret(pem(rsa())), alg, "r"))
    assert await at.user(rsa(), "RS256", "r") == "42"
    put(path, [shared])
    with pytest.raises(ConfigurationError, match="a secret goes into token_hmac_secret_key"):
        At(path)


async def test_key_that_cannot_be_read_does_not_take_the_others_with_it(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    strange: list[dict[str, Any]] = [{"kty": "RSA"}, {"kty": "EC", "crv": "P-1", "x": "", "y": ""}]
    strange += [{"kty": "ML-DSA"}, {}, {"kty": ["RSA"]}, {"kty": "OKP", "crv": "X25519", "x": "é"}]
    strange += json.loads(key_set(("small", rsa(0, 1024)), ("enc", rsa(1)), use="enc"))["keys"]
    put(path, [*strange, *json.loads(key_set(("r", rsa())))["keys"]])
    at = At(path)
    assert "cannot be read; the others are used" in caplog.text
    assert await at.user(rsa(), "RS256", "r") == "42"
    await refused(at.user(rsa(0, 1024), "RS256", "small"))
    await refused(at.user(rsa(1), "RS256", "enc"))


async def test_configured_keys_count_beside_the_set(path: Path) -> None:
    put(path, key_set(("r", rsa())))
    both = At(path, token_rsa_public_key=pem(rsa(1)), token_hmac_secret_key="secret")
    assert await both.user(rsa(), "RS256", "r") == "42"
    assert await both.user(rsa(1), "RS256") == "42"
    assert await both.user(rsa(1), "RS256", "elsewhere") == "42"
    assert at_once(both.user(secret(), "HS256", "r")) == "42"


async def test_file_is_read_again_when_it_changed(path: Path) -> None:
    put(path, key_set(("old", rsa())))
    at = At(path)
    assert await at.user(rsa(), "RS256", "old") == "42"
    await refused(at.user(rsa(1), "RS256", "new"))
    put(path, key_set(("new", rsa(1)), ("more", ec())))
    os.utime(path, (NOW, NOW))
    await at.loaded()
    at.clock.at += keyring.FILE_PAUSE_S
    assert await at.user(rsa(1), "RS256", "new") == "42"
    await refused(at.user(rsa(), "RS256", "old"))


async def test_file_that_did_not_change_is_only_looked_at(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, key_set(("r", rsa())))
    at = At(path)
    monkeypatch.setattr(keyring, "_limited", lambda _: b"read")
    for _ in range(3):
        at.clock.at += keyring.FILE_FRESH_S
        assert await at.user(rsa(), "RS256", "r") == "42"
        await at.loaded()
    with pytest.raises(TokenInvalid) as error:
        await at.user(rsa(), "RS256", "unknown")
    assert not isinstance(error.value, KeysUnavailable)


async def test_key_taken_out_of_the_file_is_forgotten(path: Path) -> None:
    put(path, key_set(("old", rsa()), ("new", rsa(1))))
    at = At(path)
    await at.user(rsa(), "RS256", "old")
    await at.loaded()
    put(path, key_set(("new", rsa(1))))
    at.clock.at += keyring.FILE_FRESH_S
    await at.user(rsa(), "RS256", "old")  # the one that has the file looked at
    await at.loaded()
    await refused(at.user(rsa(), "RS256", "old"))


async def test_file_that_is_broken_or_gone_leaves_the_keys(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(path, key_set(("r", rsa())))
    at = At(path)
    for broken in (b"{", b"[]", b'{"keys":1}', b"x" * (keyring.KEY_SET_BYTES + 1), None):
        caplog.clear()
        put(path, broken)
        at.clock.at += keyring.FILE_FRESH_S
        for _ in range(2):
            assert await at.user(rsa(), "RS256", "r") == "42"
            await at.loaded()
        assert f"the keys at {path} could not be loaded" in caplog.text
    with pytest.raises(KeysUnavailable):
        await at.user(rsa(1), "RS256", "unknown")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("ftp://127.0.0.1/keys", "token_jwks is a file or a URL of http or https"),
        ("file:///etc/passwd", "token_jwks is a file or a URL of http or https"),
        ("http://[::1", "token_jwks is no URL"),
        ("https://me:hidden@127.0.0.1/keys", "token_jwks has a name or password, which are not"),
        ("/nowhere/keys.json", "token_jwks cannot be read: No such file or directory"),
    ],
)
def test_place_that_cannot_hold_keys_is_told(place: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        At(place)


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b'{"keys":[]}', b'{"keys":[1]}', b"\xff"])
def test_file_without_keys_is_told(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match="token_jwks"):
        At(path)


# Key sets by URL.


class KeyServer:
    """Serves `body` with `status`, once `gate` is open, and counts."""

    def __init__(self) -> None:
        self.body, self.status, self.asked = b"", 200, 0
        self.gate = threading.Event()
        self.gate.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                outer.gate.wait(10)
                self.send_response(outer.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that went away, as one does that has a deadline."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"

    def stop(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = KeyServer()
    server.body = key_set(("r", rsa()))
    yield server
    server.stop()


async def test_url_is_fetched_when_a_token_asks_and_kept_for_an_hour(server: KeyServer) -> None:
    at = At(server.url)
    assert server.asked == 0
    assert await at.user(rsa(), "RS256", "r") == "42"
    at.clock.at += keyring.URL_FRESH_S - 1
    assert at_once(at.user(rsa(), "RS256", "r")) == "42"
    assert server.asked == 1
    at.clock.at += 1
    server.body = key_set(("new", rsa(1)))
    assert at_once(at.user(rsa(), "RS256", "r")) == "42"
    await at.loaded()
    assert server.asked == 2
    await refused(at.user(rsa(), "RS256", "r"))
    assert await at.user(rsa(1), "RS256", "new") == "42"


async def test_unknown_kid_fetches_at_most_once_per_ten_seconds(server: KeyServer) -> None:
    at = At(server.url)
    assert await at.user(rsa(), "RS256", "r") == "42"
    server.body = key_set(("r", rsa()), ("new", rsa(1)))
    for _ in range(3):
        await refused(at.user(rsa(1), "RS256", "new"))
    assert server.asked == 1
    at.clock.at += keyring.URL_PAUSE_S
    assert await at.user(rsa(1), "RS256", "new") == "42"
    for _ in range(3):
        await refused(at.user(rsa(1), "RS256", "never"))
    assert server.asked == 2


async def test_those_who_ask_together_share_one_fetch(server: KeyServer) -> None:
    server.gate.clear()
    at = At(server.url)
    asking = [asyncio.create_task(at.user(rsa(), "RS256", "r")) for _ in range(20)]
    await asyncio.sleep(0)
    gone = asking.pop(0)  # the first of them, who began the fetch
    gone.cancel()
    await asyncio.sleep(0)
    server.gate.set()
    assert await asyncio.gather(*asking) == ["42"] * 19
    assert gone.cancelled()
    assert server.asked == 1


async def test_hmac_does_not_wait_for_a_fetch(server: KeyServer) -> None:
    at = At(server.url, token_hmac_secret_key="secret")
    assert at_once(at.user(secret(), "HS256", "r")) == "42"
    with pytest.raises(TokenInvalid):
        at_once(at.user(secret("other"), "HS256", "r"))
    assert server.asked == 0


async def test_fetch_that_fails_is_told_without_the_query(
    server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    at = At(f"{server.url}?key=hidden")
    server.status = 500
    assert "hidden" not in await refused(at.user(rsa(), "RS256", "r"))
    told = f"the keys at {server.url} could not be loaded: HTTP Error 500"
    assert told in caplog.text
    assert "hidden" not in caplog.text


async def test_known_keys_outlive_a_server_that_fails(server: KeyServer) -> None:
    at = At(f"{server.url}?key=hidden")
    assert await at.user(rsa(), "RS256", "r") == "42"
    server.status = 500
    at.clock.at += keyring.URL_FRESH_S
    for asked in (2, 2, 2):
        assert at_once(at.user(rsa(), "RS256", "r")) == "42"
        await at.loaded()
        assert server.asked == asked
    with pytest.raises(KeysUnavailable):
        await at.user(rsa(1), "RS256", "new")
    at.clock.at += keyring.URL_PAUSE_S
    server.status, server.body = 200, key_set(("new", rsa(1)))
    assert at_once(at.user(rsa(), "RS256", "r")) == "42"
    await at.loaded()
    assert server.asked == 3
    assert await at.user(rsa(1), "RS256", "new") == "42"
    with pytest.raises(TokenInvalid) as error:
        await at.user(rsa(), "RS256", "r")
    assert not isinstance(error.value, KeysUnavailable), "the failure is over"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404])
async def test_redirect_is_not_followed(server: KeyServer, status: int) -> None:
    server.status = status
    with pytest.raises(KeysUnavailable):
        await At(server.url).user(rsa(), "RS256", "r")
    assert server.asked == 1


async def test_set_that_is_too_large_is_refused(
    server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.body = b" " * keyring.KEY_SET_BYTES + server.body
    with pytest.raises(KeysUnavailable):
        await At(server.url).user(rsa(), "RS256", "r")
    assert "could not be loaded: more than 1000000 bytes" in caplog.text


async def test_fetch_has_a_deadline(
    server: KeyServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keyring, "FETCH_S", 0.05)
    server.gate.clear()
    with pytest.raises(KeysUnavailable):
        await At(server.url).user(rsa(), "RS256", "r")
    assert "could not be loaded: " in caplog.text


async def test_fetch_that_does_not_even_begin_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As one that waits for a name to be resolved, which no timeout of a socket ends."""
    resolved = threading.Event()
    monkeypatch.setattr(keyring, "FETCH_S", 0.05)
    monkeypatch.setattr(keyring.KeySet, "_fetch", lambda _: (None, bytes(resolved.wait(10))))
    try:
        with pytest.raises(KeysUnavailable):
            await At("http://127.0.0.1:1/keys").user(rsa(), "RS256", "r")
    finally:
        resolved.set()
    assert "could not be loaded: TimeoutError" in caplog.text


def test_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    with pytest.raises(TimeoutError):
        keyring._limited(lambda _: b" ")
    assert next(ticks) < 10


async def test_url_that_http_cannot_say_is_told_without_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(KeysUnavailable):
        await At("http://127.0.0.1:1/a b?key=hidden").user(rsa(), "RS256", "r")
    assert "could not be loaded: InvalidURL" in caplog.text
    assert "hidden" not in caplog.text


async def test_empty_set_is_believed_and_told(
    server: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.body = b'{"keys": []}'
    await refused(At(server.url).user(rsa(), "RS256", "r"))
    assert f"the key set at {server.url} holds no key for tokens" in caplog.text


# Making them.


def test_token_that_was_made_is_good_until_its_end() -> None:
    settings = Settings(
        token_hmac_secret_key="secret",  # type: ignore[arg-type]
        token_audience="hub",
        token_issuer="me",
        token_user_id_claim="uid",
    )
    now = Now()
    tokens = Tokens(settings, now=now)
    connect = make_token(settings, "42", ttl=0.5, info={"name": "Ann"}, now=now)
    enter = make_token(settings, "42", "chat:1", now=now)
    said = at_once(tokens.connection(connect))
    assert (said.user, said.info, said.expires_at) == ("42", b'{"name":"Ann"}', NOW + 1)
    room = at_once(tokens.subscription(enter))
    assert (room.user, room.channel, room.expires_at) == ("42", "chat:1", NOW + 3600)
    never = at_once(tokens.connection(make_token(settings, "", ttl=0)))
    assert (never.user, never.expires_at) == ("", None)
    now.at += 3600
    for answer in (tokens.connection(connect), tokens.subscription(enter)):
        with pytest.raises(TokenExpired):
            at_once(answer)


def test_what_no_token_can_be_made_of_is_told() -> None:
    settings = Settings(token_hmac_secret_key="secret")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="HUBBUB_TOKEN_HMAC_SECRET_KEY"):
        make_token(Settings(token_rsa_public_key=pem(rsa())), "42")
    for info in (object(), "\ud800"):
        with pytest.raises(ConfigurationError, match="a token cannot hold this"):
            make_token(settings, "42", info=info)
    with pytest.raises(InvalidName):
        make_token(settings, "42", "")


def test_short_secret_is_one_under_32_bytes() -> None:
    for text, short in (("secret", True), ("é" * 15, True), ("é" * 16, False), ("x" * 32, False)):
        assert is_short(Settings(token_hmac_secret_key=text)) is short  # type: ignore[arg-type]
    assert not is_short(Settings())
