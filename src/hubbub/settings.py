"""Every knob, once: environment, TOML, command line and the reference page come from here.

The command line wins over the environment (`HUBBUB_…`), which wins over the TOML file.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from hubbub.errors import ConfigurationError
from hubbub.options import RoomOptions

ENV_PREFIX = "HUBBUB_"

NAMESPACE = re.compile(r"[-a-zA-Z0-9_]{2,}")
"""protocol.md section 11.1."""


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
        description="Let clients connect without a token, as nobody in particular; and let "
        "anyone into the built-in rooms on an address other than loopback, where the server "
        "refuses to start without it, because nothing asks who comes.",
    )
    asyncapi: bool = Field(
        default=True,
        description="Have `hub.router` serve /asyncapi.json, which says what rooms there are and "
        "what is said in them, and /asyncapi, the same as a page. An application with "
        "openapi_url=None has neither.",
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

    # The log of durable rooms.

    store: str = Field(
        default="",
        description="Where the log of durable rooms is: sqlite:///hubbub.db, or "
        "postgresql://user:password@host/database for several servers.",
    )
    migrate: bool = Field(
        default=False,
        description="Bring the tables in PostgreSQL up to date at the start; else "
        "`hubbub db upgrade` does. Those in SQLite always are.",
    )
    idempotency_window: float = Field(
        default=300.0,
        gt=0,
        description="Seconds in which a publication with the same key is the same publication.",
    )
    recovery_limit: int = Field(
        default=2_000,
        ge=1,
        description="Publications a client catches up with at most after a lost connection; so "
        "many of each live durable room are kept in memory for it.",
    )
    history_page_bytes: int = Field(
        default=1_048_576,
        ge=1,
        description="Bytes of data one page of a durable room's history, or one catching up, "
        "holds at most.",
    )
    journal_bytes: int = Field(
        default=67_108_864,
        ge=1,
        description="Bytes that wait to be stored; beyond it, publishing is turned down until "
        "the log has caught up.",
    )

    # The chat.

    files: str = Field(
        default="hubbub-files",
        description="Where the chat keeps what people attach: a folder, or "
        "s3://bucket/prefix?endpoint=https://….",
    )
    file_bytes: int = Field(
        default=26_214_400, ge=1, description="Bytes one attached file may have."
    )
    oidc_issuer: str = Field(
        default="",
        description="The address of an OpenID Connect provider whose people may sign in.",
    )
    oidc_client_id: str = Field(default="", description="What the provider knows this server by.")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="What it knows that it is this server by."
    )
    oidc_name: str = Field(default="OpenID", description="What people know the provider by.")
    oidc_sign_up: bool = Field(
        default=False,
        description="Let whoever comes from the provider have an account, whatever the chat says "
        "about signing up.",
    )

    # The Centrifuge protocol (protocol.md sections 11, 12, 19 and 21).

    namespaces: dict[str, RoomOptions] = Field(
        default={},
        description='Options of the rooms whose name begins with a word and ":", by that word.',
    )
    without_namespace: RoomOptions | None = Field(
        default=None, description='Options of the rooms without ":" in their name.'
    )
    rooms: dict[str, RoomOptions] = Field(
        default={},
        description='Options of the rooms that match a pattern, such as "chat:{room}"; they win '
        "over namespaces.",
    )
    client_ping_interval: float = Field(
        default=25.0, gt=0, description="Seconds between pings to a Centrifuge client."
    )
    client_pong_timeout: float = Field(
        default=8.0, gt=0, description="Seconds a Centrifuge client has to answer."
    )
    stale_seconds: float = Field(
        default=10.0, gt=0, description="Seconds a Centrifuge client has to say who it is."
    )
    expired_seconds: float = Field(
        default=25.0,
        ge=0,
        description="Seconds past the end of a token until its connection or subscription ends.",
    )
    channel_limit: int = Field(
        default=128,
        ge=1,
        description="Rooms one connection may be in at once; those of the chat: 5,000, if nobody "
        "says otherwise.",
    )
    channel_length: int = Field(
        default=255, ge=1, le=255, description="Characters of a room's name that clients may use."
    )
    user_connections: int = Field(
        default=0, ge=0, description="Connections one user may have at once; 0 for any number."
    )
    history_page: int = Field(
        default=300, ge=1, description="Publications one answer to a client holds at most."
    )
    history_meta_ttl: float = Field(
        default=2_592_000.0,
        gt=0,
        description="Seconds a room's position is kept after its last publication.",
    )
    personal_channel: bool = Field(
        default=False, description="Put every user into the room #USER of their own."
    )
    personal_namespace: str = Field(
        default="", description="The namespace of these rooms: NAMESPACE:#USER."
    )
    token_hmac_secret_key: SecretStr | None = Field(
        default=None, description="Secret for tokens signed with HS256, HS384 or HS512."
    )
    token_rsa_public_key: str | None = Field(
        default=None, description="PEM text or file of the key for RS256, RS384 and RS512."
    )
    token_ecdsa_public_key: str | None = Field(
        default=None, description="PEM text or file of the key for ES256, ES384 and ES512."
    )
    token_eddsa_public_key: str | None = Field(
        default=None, description="PEM text or file of the key for EdDSA (Ed25519)."
    )
    token_jwks: str | None = Field(
        default=None, description="File or URL of a JSON Web Key Set with the keys for tokens."
    )
    token_audience: str | None = Field(
        default=None, description="What a token's `aud` must be or hold."
    )
    token_issuer: str | None = Field(default=None, description="What a token's `iss` must be.")
    token_user_id_claim: str = Field(default="sub", description="The claim with the user's id.")
    disallow_anonymous_connection_tokens: bool = Field(
        default=False, description="Turn away whose token names no user."
    )
    api_keys: list[SecretStr] = Field(
        default=[], description="Keys for the server API; without one it answers nobody."
    )

    @field_validator("namespaces")
    @classmethod
    def _namespace_names(cls, namespaces: dict[str, RoomOptions]) -> dict[str, RoomOptions]:
        for name in namespaces:
            if not NAMESPACE.fullmatch(name):
                raise ValueError(
                    f"a namespace is two or more letters, digits, - or _, not {name!r}"
                )
        return namespaces

    @model_validator(mode="after")
    def _timeouts_within_intervals(self) -> Self:
        if self.ping_timeout >= self.ping_interval:
            raise ValueError("ping_timeout must be shorter than ping_interval")
        if self.client_pong_timeout >= self.client_ping_interval:
            raise ValueError("client_pong_timeout must be shorter than client_ping_interval")
        if self.personal_namespace and self.personal_namespace not in self.namespaces:
            raise ValueError(f"personal_namespace {self.personal_namespace!r} is no namespace")
        return self

    @property
    def verifies_tokens(self) -> bool:
        """Whether there is any key to verify tokens with."""
        return any(
            (
                self.token_hmac_secret_key,
                self.token_rsa_public_key,
                self.token_ecdsa_public_key,
                self.token_eddsa_public_key,
                self.token_jwks,
            )
        )

    def as_environment(self) -> dict[str, str]:
        """What is not left at its default, for a hub that reads the environment."""
        chosen = self.model_dump(mode="json", include=self.model_fields_set)
        for name in ("token_hmac_secret_key", "oidc_client_secret"):
            if (secret := getattr(self, name)) is not None:
                chosen[name] = secret.get_secret_value()
        if self.api_keys:
            chosen["api_keys"] = [key.get_secret_value() for key in self.api_keys]
        return {
            ENV_PREFIX + name.upper(): value if isinstance(value, str) else json.dumps(value)
            for name, value in chosen.items()
        }


def without_password(url: str) -> str:
    """The address of a store, to be shown."""
    return re.sub(r"(://[^/@]*?):[^@/]*@", r"\1:***@", url)


SECRETS = frozenset({"token_hmac_secret_key", "api_keys", "oidc_client_secret"})
"""Fields whose values are shown to nobody."""


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
                raise ConfigurationError(_unknown(field, name, Settings.model_fields, ENV_PREFIX))
    if config is not None and not config.is_file():
        raise ConfigurationError(f"no configuration file at {config}")
    try:
        return Loaded(**given)
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    except SettingsError as error:
        # Lists and tables are JSON there; what it says of the field is all that can be told.
        raise ConfigurationError(f"{error}: write it as JSON") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{config} is not TOML: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read {config}: {error.strerror}") from None


def _unknown(field: str, shown: str, known: Collection[str], prefix: str = "") -> str:
    near = difflib.get_close_matches(field, known, n=1)
    name = near[0] if near else ""
    hint = f"; did you mean {prefix + name.upper() if prefix else name}?" if near else ""
    return f"unknown setting {shown}{hint}"


def explain(error: ValidationError, model: type[BaseModel] = Settings) -> str:
    """What is wrong, in one line: unknown names with the nearest known one, no secrets."""
    texts = []
    for problem in error.errors():
        place = [str(part) for part in problem["loc"]]
        field = ".".join(place)
        if problem["type"] == "extra_forbidden":
            known = model.model_fields if len(place) == 1 else RoomOptions.model_fields
            texts.append(_unknown(place[-1], field, known))
        else:
            text = problem["msg"].removeprefix("Value error, ")
            # A whole table, or a secret, is not to be repeated.
            told = place and place[0] not in SECRETS and not isinstance(problem["input"], dict)
            given = f", not {problem['input']!r}" if told else ""
            texts.append(f"{field or 'settings'}: {text}{given}")
    return "; ".join(texts)
