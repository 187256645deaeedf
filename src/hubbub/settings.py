"""Every knob, once: environment, TOML, command line and the reference page come from here.

The command line wins over the environment (`HUBBUB_…`), which wins over the TOML file.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hubbub.errors import ConfigurationError

ENV_PREFIX = "HUBBUB_"


class Settings(BaseSettings):
    """What a hub and its server may be told. Times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    origins: list[str] = Field(
        default=[],
        description="Web origins whose pages may connect, beside the server's own, such as "
        'https://app.example.com; "*" for all. A browser sends any page\'s socket with the '
        "user's cookies, so the default is the same origin only.",
    )
    anonymous: bool = Field(
        default=False,
        description="Let anyone into the built-in rooms on an address other than loopback. "
        "Without it the server refuses to start there, because nothing asks who comes.",
    )
    message_bytes: int = Field(
        default=65_536, ge=125, description="Bytes. The largest message taken from a member."
    )
    inbox_bytes: int = Field(
        default=262_144,
        ge=1,
        description="Bytes. Unread messages of one member; beyond it, its socket is not read "
        "until its handler has caught up.",
    )
    outbox_bytes: int = Field(
        default=1_048_576,
        ge=1,
        description="Bytes. A member further behind will not catch up by waiting: it is cut.",
    )
    outbox_seconds: float = Field(
        default=10.0, gt=0, description="Seconds. A member that takes no bytes for so long is cut."
    )
    ping_interval: float = Field(
        default=20.0, gt=0, description="Seconds between pings to a member."
    )
    ping_timeout: float = Field(
        default=10.0,
        gt=0,
        description="Seconds a member has to answer. Interval and timeout together are how long "
        "a peer that vanished can stay in its rooms.",
    )
    handshake_seconds: float = Field(
        default=10.0, gt=0, description="Seconds a client has to send a whole request head."
    )
    close_seconds: float = Field(
        default=5.0, gt=0, description="Seconds a peer has to answer a close, before it is dropped."
    )
    shutdown_seconds: float = Field(
        default=30.0, gt=0, description="Seconds a stop may take: closing, flushing, last handlers."
    )

    @model_validator(mode="after")
    def _timeout_within_interval(self) -> Self:
        if self.ping_timeout >= self.ping_interval:
            raise ValueError("ping_timeout must be shorter than ping_interval")
        return self

    def as_environment(self) -> dict[str, str]:
        """What is not left at its default, for a hub that reads the environment."""
        chosen = self.model_dump(mode="json", include=self.model_fields_set)
        return {
            ENV_PREFIX + name.upper(): value if isinstance(value, str) else json.dumps(value)
            for name, value in chosen.items()
        }


def load(config: Path | None = None, **given: Any) -> Settings:
    """Settings from `given`, the environment and the file `config`, in this order of weight.

    Raises `ConfigurationError` for an unknown name (with the nearest known one), a value out of
    range, or a file that cannot be read.
    """

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            if config is None:
                return init_settings, env_settings
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config)

    for name in os.environ:
        if name.startswith(ENV_PREFIX):
            field = name.removeprefix(ENV_PREFIX).lower()
            if field != "config" and field not in Settings.model_fields:
                raise ConfigurationError(_unknown(field, name, ENV_PREFIX))
    if config is not None and not config.is_file():
        raise ConfigurationError(f"no configuration file at {config}")
    try:
        return Loaded(**given)
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{config} is not TOML: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read {config}: {error.strerror}") from None


def _unknown(field: str, shown: str, prefix: str = "") -> str:
    near = difflib.get_close_matches(field, Settings.model_fields, n=1)
    name = near[0] if near else ""
    hint = f"; did you mean {prefix + name.upper() if prefix else name}?" if near else ""
    return f"unknown setting {shown}{hint}"


def _explain(error: ValidationError) -> str:
    texts = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            texts.append(_unknown(field, field))
        else:
            given = f", not {problem['input']!r}" if field else ""
            texts.append(f"{field or 'settings'}: {problem['msg']}{given}")
    return "; ".join(texts)
