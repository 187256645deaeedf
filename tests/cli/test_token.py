"""`hubbub token`, as it is typed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.commands import HUBBUB

from hubbub.cli import main
from hubbub.embed.tokens import ConnectionClaims, SubscriptionClaims, Tokens
from hubbub.settings import load

LONG = "x" * 32
Typed = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Exit code, standard output and standard error of `hubbub token ...`."""
    for name in [name for name in os.environ if name.startswith("HUBBUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HUBBUB_TOKEN_HMAC_SECRET_KEY", LONG)

    def run(*arguments: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["hubbub", "token", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    return run


def lines(typed: Typed, *arguments: str) -> list[str]:
    code, out, err = typed(*arguments)
    assert (code, err) == (0, "")
    return out.splitlines()


def connection(token: str) -> ConnectionClaims:
    return asyncio.run(Tokens(load()).connection(token))


def subscription(token: str) -> SubscriptionClaims:
    return asyncio.run(Tokens(load()).subscription(token))


def test_token_connects_for_an_hour(typed: Typed) -> None:
    before = time.time()
    (token,) = lines(typed, "--user", "42")
    said = connection(token)
    assert said.user == "42"
    assert said.expires_at is not None
    assert before + 3600 <= said.expires_at <= time.time() + 3601


def test_token_for_each_room_is_on_a_line_of_its_own(typed: Typed) -> None:
    first, second = lines(typed, "--user", "42", "--room", "chat:1", "--room", "$b")
    assert (subscription(first).user, subscription(first).channel) == ("42", "chat:1")
    assert subscription(second).channel == "$b"


def test_info_is_json(typed: Typed) -> None:
    (token,) = lines(typed, "--user", "", "--info", ' {"name": "Zoë"}')
    said = connection(token)
    assert (said.user, said.info) == ("", '{"name":"Zoë"}'.encode())


@pytest.mark.parametrize(
    ("ttl", "seconds"),
    [("30s", 30), ("15m", 900), ("1h", 3600), ("7d", 604_800), ("90", 90), ("0", 0), ("0d", 0)],
)
def test_ttl_is_a_number_and_a_unit(typed: Typed, ttl: str, seconds: int) -> None:
    before = time.time()
    (token,) = lines(typed, "--user", "42", "--ttl", ttl)
    expires_at = connection(token).expires_at
    if not seconds:
        assert expires_at is None
    else:
        assert expires_at is not None
        assert before + seconds <= expires_at <= time.time() + seconds + 1


@pytest.mark.parametrize("ttl", ["", "h", "1w", "-1h", "1.5h", "1 h", "1h30m", "1" * 10, "٣h"])
def test_ttl_that_is_none_is_told(typed: Typed, ttl: str) -> None:
    code, out, err = typed("--user", "42", f"--ttl={ttl}")
    assert (code, out) == (2, "")
    assert err == f"hubbub: --ttl is 30s, 15m, 1h, 7d, seconds or 0 for ever, not {ttl!r}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--user", "42", "--info", "{"], 'hubbub: --info is JSON, such as \'{"name": "Ann"}\''),
        (["--user", "42", "--room", ""], "hubbub: a room needs a name"),
        (["--user", "\udcff"], "hubbub: a token cannot hold this"),
        (["--user", "42", "--config", "/nowhere"], "hubbub: no configuration file at /nowhere"),
        ([], "--user"),
    ],
)
def test_what_cannot_work_is_told(typed: Typed, arguments: list[str], told: str) -> None:
    code, out, err = typed(*arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_without_a_secret_it_is_told_what_to_do(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUBBUB_TOKEN_HMAC_SECRET_KEY")
    code, out, err = typed("--user", "42")
    assert (code, out) == (2, "")
    assert err == (
        "hubbub: there is no secret to sign tokens with: set token_hmac_secret_key in the "
        "configuration file, or HUBBUB_TOKEN_HMAC_SECRET_KEY\n"
    )


def test_short_secret_works_and_is_told(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBBUB_TOKEN_HMAC_SECRET_KEY", "secret")
    code, out, err = typed("--user", "42")
    assert code == 0
    assert connection(out.strip()).user == "42"
    assert err.startswith("hubbub: token_hmac_secret_key is short")
    assert "32 random bytes" in err
    assert err.count("\n") == 1


def test_settings_come_from_the_file_too(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HUBBUB_TOKEN_HMAC_SECRET_KEY")
    file = tmp_path / "hubbub.toml"
    file.write_text(
        f'token_hmac_secret_key = "{LONG}"\ntoken_audience = "hub"\ntoken_issuer = "me"\n'
    )
    (by_option,) = lines(typed, "--user", "42", "--config", str(file))
    monkeypatch.setenv("HUBBUB_CONFIG", str(file))
    (by_environment,) = lines(typed, "--user", "42")
    for token in (by_option, by_environment):
        assert asyncio.run(Tokens(load(file)).connection(token)).user == "42"


def test_as_it_is_typed() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB_")}
    done = subprocess.run(
        [*HUBBUB, "token", "--user", "42"],
        env={**kept, "HUBBUB_TOKEN_HMAC_SECRET_KEY": LONG},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(".") == 2
    assert done.stdout.count("\n") == 1
