"""`hubbub.settings`: one model for environment, TOML and command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hubbub.errors import ConfigurationError
from hubbub.settings import ENV_PREFIX, Settings, load


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "hubbub.toml"


def test_defaults_serve_this_machine_only() -> None:
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert not settings.anonymous
    assert settings.origins == []


def test_a_vanished_peer_is_out_of_its_rooms_within_thirty_seconds_by_default() -> None:
    settings = load()
    assert settings.ping_interval + settings.ping_timeout <= 30


def test_every_field_says_what_it_is_and_those_with_a_dimension_their_unit() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        if name.endswith("_bytes"):
            assert "Bytes" in field.description, name
        if name.endswith("_seconds") or name.startswith("ping_"):
            assert "Seconds" in field.description, name


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        load().port = 1


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBBUB_PORT", "9001")
    monkeypatch.setenv("HUBBUB_ORIGINS", '["https://a.example", "https://b.example"]')
    monkeypatch.setenv("HUBBUB_ANONYMOUS", "true")
    settings = load()
    assert settings.port == 9001
    assert settings.origins == ["https://a.example", "https://b.example"]
    assert settings.anonymous


def test_file_is_read(toml: Path) -> None:
    toml.write_text('port = 9002\norigins = ["https://a.example"]\nping_interval = 4.5\n')
    settings = load(toml, ping_timeout=2)
    assert (settings.port, settings.ping_interval) == (9002, 4.5)
    assert settings.origins == ["https://a.example"]


def test_what_is_given_wins_over_the_environment_and_that_over_the_file(
    toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml.write_text("port = 1001\nmessage_bytes = 1001\noutbox_bytes = 1001\n")
    monkeypatch.setenv("HUBBUB_PORT", "1002")
    monkeypatch.setenv("HUBBUB_MESSAGE_BYTES", "1002")
    settings = load(toml, port=1003)
    assert (settings.port, settings.message_bytes, settings.outbox_bytes) == (1003, 1002, 1001)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("HUBBUB_PROT", "HUBBUB_PORT"),
        ("HUBBUB_OUTBOX_BYTE", "HUBBUB_OUTBOX_BYTES"),
        ("HUBBUB_PING_INTERVALL", "HUBBUB_PING_INTERVAL"),
    ],
)
def test_unknown_environment_name_is_refused_with_the_nearest(
    name: str, nearest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert str(caught.value) == f"unknown setting {name}; did you mean {nearest}?"


def test_unknown_name_that_resembles_none_is_refused_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HUBBUB_QQQ", "1")
    with pytest.raises(ConfigurationError, match=r"^unknown setting HUBBUB_QQQ$"):
        load()


def test_the_path_of_the_file_may_stand_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HUBBUB_CONFIG", "hubbub.toml")
    load()


def test_unknown_key_in_the_file_is_refused_with_the_nearest(toml: Path) -> None:
    toml.write_text("prot = 9000\n")
    with pytest.raises(ConfigurationError, match="unknown setting prot; did you mean port"):
        load(toml)


def test_every_mistake_is_told_at_once(toml: Path) -> None:
    toml.write_text('prot = 9000\nmessage_bytes = "many"\n')
    with pytest.raises(ConfigurationError) as caught:
        load(toml, port=70_000)
    for part in ("prot", "message_bytes", "'many'", "port", "70000"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", 65_536),
        ("port", -1),
        ("message_bytes", 124),
        ("outbox_seconds", 0),
        ("ping_interval", -1),
        ("anonymous", "perhaps"),
    ],
)
def test_value_out_of_range_is_refused_with_its_field_and_the_value(field: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(**{field: value})
    assert str(caught.value).startswith(f"{field}: ")
    assert repr(value) in str(caught.value)


def test_ping_timeout_has_to_be_shorter_than_the_interval() -> None:
    with pytest.raises(ConfigurationError, match="ping_timeout must be shorter"):
        load(ping_interval=5, ping_timeout=5)


def test_missing_file_is_told_by_its_name(toml: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"no configuration file at {toml}"):
        load(toml)


@pytest.mark.parametrize("content", [b"port = = 1\n", b"\xff\xfe\n"])
def test_file_that_is_not_toml_is_told_by_its_name(toml: Path, content: bytes) -> None:
    toml.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"{toml} is not TOML"):
        load(toml)


def test_table_in_the_file_where_a_value_is_due_is_refused(toml: Path) -> None:
    toml.write_text("[port]\nhttp = 8000\n")
    with pytest.raises(ConfigurationError, match=r"^port: "):
        load(toml)


def test_settings_for_a_hub_in_code_refuse_unknown_names_too() -> None:
    with pytest.raises(ValidationError, match="prot"):
        Settings(prot=1)  # type: ignore[call-arg]


def test_settings_pass_through_the_environment_unchanged(
    toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml.write_text(
        'origins = ["https://a.example"]\nanonymous = true\nhost = "::1"\n'
        'token_hmac_secret_key = "a secret"\napi_keys = ["a key"]\n'
        "[namespaces.chat]\nhistory_size = 7\n"
    )
    settings = load(toml, outbox_seconds=2.5, port=0)
    environment = settings.as_environment()
    assert len(environment) == 8, "only what was set"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert dict(load()) == dict(settings)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read")
def test_file_that_cannot_be_read_is_told_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read /proc/self/mem: "):
        load(Path("/proc/self/mem"))
