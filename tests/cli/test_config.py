"""`hubbub config`, as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.commands import HUBBUB

from hubbub.cli import main
from hubbub.options import RoomOptions
from hubbub.settings import Settings

SECRET = "not to be shown to anybody, ever"
Typed = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Exit code, standard output and standard error of `hubbub config ...`."""
    for name in [name for name in os.environ if name.startswith("HUBBUB_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["hubbub", "config", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "hubbub.toml"


def told(typed: Typed, toml: Path, text: str) -> list[str]:
    """The warnings about a file with `text`."""
    toml.write_text(text)
    code, out, err = typed("check", "--config", str(toml))
    assert code == 0, err
    assert out.startswith(f"{toml} is valid: ")
    assert out.count("\n") == 1
    return [line.removeprefix("warning: ") for line in err.splitlines()]


# Check.


def test_good_file_is_one_line(typed: Typed, toml: Path) -> None:
    toml.write_text(
        f'token_hmac_secret_key = "{SECRET}"\napi_keys = ["{SECRET}"]\n'
        "[namespaces.chat]\nhistory_size = 10\n[namespaces.news]\n"
    )
    code, out, err = typed("check", "--config", str(toml))
    assert (code, err) == (0, "")
    assert out == (
        f"{toml} is valid: 2 namespaces, 0 patterns of rooms, 1 API key, "
        "tokens: HS256, HS384, HS512\n"
    )


def test_without_a_file_the_environment_is_checked(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, toml: Path
) -> None:
    code, out, err = typed("check")
    assert (code, err) == (0, "")
    assert out == (
        "the environment is valid: 0 namespaces, 0 patterns of rooms, 0 API keys, tokens: none\n"
    )
    monkeypatch.setenv("HUBBUB_CONFIG", str(toml))
    assert typed("check")[0] == 2
    toml.write_text("[without_namespace]\n")
    assert typed("check")[1].startswith(f"{toml} is valid")


ENTER = "allow_subscribe_for_client = true\nallow_subscribe_for_anonymous = true\n"
CHAT = "anonymous = true\n[namespaces.chat]\n" + ENTER


@pytest.mark.parametrize(
    ("text", "warning", "what_to_do"),
    [
        ('token_hmac_secret_key = "short"', "token_hmac_secret_key is short", "32 random bytes"),
        ('host = "0.0.0.0"\nanonymous = true', "anonymous on 0.0.0.0: anyone", "on 127.0.0.1"),
        ('origins = ["*"]', 'origins has "*": any web page may', "list the origins of your own"),
        ('api_keys = ["123456789012345"]', "api_keys has a key of fewer than 16", "take one of"),
        (
            "[namespaces.chat]\nallow_subscribe_for_client = true",
            "nothing says who connects, so `hubbub serve` on its own refuses to start",
            "`anonymous = true`",
        ),
        (
            "anonymous = true\n[namespaces.chat]",
            "namespaces.chat: nobody can enter: ",
            "set allow_subscribe_for_client, or configure a key for tokens",
        ),
        (
            "anonymous = true\n[without_namespace]\nallow_subscribe_for_client = true",
            "without_namespace: nobody can enter, because without a key for tokens everyone",
            "set allow_subscribe_for_anonymous",
        ),
        (
            f"{CHAT}allow_presence_for_subscriber = true",
            "namespaces.chat: allow_presence_for_subscriber has no effect",
            "set presence = true",
        ),
        (
            f'anonymous = true\n[rooms."chat:{{x}}"]\n{ENTER}allow_history_for_client = true',
            'rooms."chat:{x}": allow_history_for_client has no effect',
            "set history_size",
        ),
        (
            f"{CHAT}force_push_join_leave = true",
            "namespaces.chat: force_push_join_leave has no effect",
            "set join_leave = true",
        ),
        (
            f'{CHAT}latest_key = "symbol"',
            "namespaces.chat: latest_key has no effect",
            "set latest_only = true",
        ),
        (
            f"{CHAT}allow_publish_for_client = true\nallow_publish_for_anonymous = true",
            "namespaces.chat: anyone may publish, without being in the room",
            "say allow_publish_for_subscriber",
        ),
    ],
)
def test_what_is_risky_or_has_no_effect_is_told_with_what_to_do(
    typed: Typed, toml: Path, text: str, warning: str, what_to_do: str
) -> None:
    warnings = told(typed, toml, text)
    (found,) = (line for line in warnings if line.startswith(warning))
    assert what_to_do in found
    assert "123456789012345" not in found


@pytest.mark.parametrize(
    "text",
    [
        "",
        'anonymous = true\nhost = "::1"',
        'origins = ["https://a.example"]',
        'api_keys = ["1234567890123456"]',
        CHAT,
        f'token_hmac_secret_key = "{SECRET}"\n[namespaces.chat]',
        f"{CHAT}presence = true\nallow_presence_for_client = true",
        f"{CHAT}allow_publish_for_client = true",
        f'{CHAT}latest_only = true\nlatest_key = "symbol"\nbatch_interval = 0.1',
    ],
)
def test_what_is_not_risky_is_not_told(typed: Typed, toml: Path, text: str) -> None:
    assert told(typed, toml, text) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "[namespaces.chat]\nhistory_sise = 1",
            "unknown setting namespaces.chat.history_sise; did you mean history_size?",
        ),
        (
            "[without_namespace]\npresense = true",
            "unknown setting without_namespace.presense; did you mean presence?",
        ),
        (
            '[rooms."chat:{x}"]\njoin_leaves = true',
            "unknown setting rooms.chat:{x}.join_leaves; did you mean join_leave?",
        ),
        ("prot = 1", "unknown setting prot; did you mean port?"),
        ("port = = 1", "{toml} is not TOML: "),
        ('[rooms."chat:{x"]', "'chat:{x' is no pattern of rooms: write it as chat:{room}"),
        ('token_rsa_public_key = "x"', "token_rsa_public_key is neither PEM text nor the path"),
    ],
)
def test_file_that_cannot_be_used_is_told(typed: Typed, toml: Path, text: str, error: str) -> None:
    toml.write_text(text)
    code, out, err = typed("check", "--config", str(toml))
    assert (code, out) == (2, "")
    assert err.startswith("hubbub: " + error.replace("{toml}", str(toml)))
    assert "Traceback" not in err


# Show.


def test_every_setting_has_its_value_and_where_it_comes_from(
    typed: Typed, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml.write_text(
        'port = 9000\norigins = ["https://a.example"]\n[namespaces.chat]\npresence=true'
    )
    monkeypatch.setenv("HUBBUB_PORT", "9001")
    monkeypatch.setenv("HUBBUB_NAMESPACES", '{"news": {"history_size": 5}}')
    code, out, err = typed("show", "--config", str(toml), "--json")
    assert (code, err) == (0, "")
    tree = json.loads(out)
    assert set(tree) == set(Settings.model_fields)
    assert tree["port"] == {"value": 9001, "from": "environment"}
    assert tree["origins"] == {"value": ["https://a.example"], "from": "file"}
    assert tree["host"] == {"value": "127.0.0.1", "from": "default"}
    assert set(tree["namespaces"]) == {"chat", "news"}
    assert set(tree["namespaces"]["chat"]) == set(RoomOptions.model_fields)
    assert tree["namespaces"]["chat"]["presence"] == {"value": True, "from": "file"}
    assert tree["namespaces"]["chat"]["history_size"] == {"value": 0, "from": "default"}
    assert tree["namespaces"]["news"]["history_size"] == {"value": 5, "from": "environment"}


def test_changed_shows_only_what_is_not_at_its_default(typed: Typed, toml: Path) -> None:
    toml.write_text(
        f'host = "::1"\ntoken_hmac_secret_key = "{SECRET}"\napi_keys = ["{SECRET}", "b"]\n'
        "[without_namespace]\npresence = true\n[namespaces.chat]\nhistory_ttl = 5\n"
        '[rooms."news:{x}"]\njoin_leave = true\n'
    )
    code, out, _ = typed("show", "--config", str(toml), "--changed")
    assert code == 0
    assert out == (
        'host = "::1"  # file\n'
        'token_hmac_secret_key = "********"  # file\n'
        'api_keys = ["********", "********"]  # file\n'
        "\n[namespaces.chat]\nhistory_ttl = 5.0  # file\n"
        "\n[without_namespace]\npresence = true  # file\n"
        '\n[rooms."news:{x}"]\njoin_leave = true  # file\n'
    )
    assert typed("show", "--changed")[1].strip() == ""
    assert json.loads(typed("show", "--changed", "--json")[1]) == {}


def test_text_is_toml_with_the_same_values(typed: Typed, toml: Path) -> None:
    toml.write_text('token_issuer = "a \\"b\\" ü\\n"\n[namespaces.chat]\nhistory_size = 5\n')
    plain = tomllib.loads(typed("show", "--config", str(toml))[1])
    assert plain["token_issuer"] == 'a "b" ü\n'
    assert plain["namespaces"]["chat"]["history_size"] == 5
    assert plain["port"] == 8000


@pytest.mark.parametrize("more", [[], ["--json"], ["--changed"]])
def test_secrets_are_shown_to_nobody(
    typed: Typed, toml: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    toml.write_text(f'token_hmac_secret_key = "{SECRET}"\n')
    monkeypatch.setenv("HUBBUB_API_KEYS", json.dumps([SECRET]))
    _, out, err = typed("show", "--config", str(toml), *more)
    assert "********" in out
    assert SECRET not in out + err
    _, out, err = typed("check", "--config", str(toml))
    assert SECRET not in out + err


def test_as_it_is_typed() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUBBUB_")}
    for command, begins in (("check", "the environment is valid"), ("show", 'host = "127.0.0.1"')):
        done = subprocess.run(
            [*HUBBUB, "config", command], env=kept, capture_output=True, text=True, timeout=30
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(begins)
