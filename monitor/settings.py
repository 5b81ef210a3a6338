"""The settings: one typed object, read once from the environment and `.env`."""

from __future__ import annotations

import difflib
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from monitor.errors import SettingsError

PREFIX = "MONITOR_"
ENCODING = "utf-8-sig"  # UTF-8, with the mark that some editors put before it or without


class Settings(BaseSettings):
    """Everything a user can set, each by `MONITOR_` and the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding=ENCODING, frozen=True, extra="ignore"
    )

    database_url: str = Field(
        "sqlite:///monitor.db", description="where everything is kept: `sqlite:///path` or `postgresql://…`"
    )
    seeds: Path = Field(Path("seeds"), description="folder with stories (`*.toml`) and `feeds.opml`")
    telegram_token: SecretStr | None = Field(
        None, description="bot token from @BotFather; without it alerts are printed"
    )
    telegram_channel: str = Field("", description="channel to post to: its id (-100…) or @name")
    telegram_admins: Annotated[tuple[int, ...], NoDecode] = Field(
        (), description="user ids of the people in charge, separated by commas"
    )
    telegram_api_url: str = Field("https://api.telegram.org", description="base of the Bot API, http allowed")
    poll_interval_min: int = Field(
        300, ge=1, le=86_400, description="shortest time between two polls of a feed, seconds"
    )
    allow_private_addresses: bool = Field(default=False, description="let feeds live on loopback and private networks")
    web_bind: str = Field("127.0.0.1:8080", description="host:port of the status page, empty = off (not served yet)")
    model_threads: int = Field(1, ge=1, le=64, description="threads that one judgement may use")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="how much is logged")

    @field_validator("telegram_token", mode="before")
    @classmethod
    def _no_token(cls, value: Any) -> Any:
        """Read an empty value, as `.env.example` has it, as none."""
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("telegram_admins", mode="before")
    @classmethod
    def _split_admins(cls, value: Any) -> Any:
        """Read `123, 456`."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("telegram_api_url")
    @classmethod
    def _http_only(cls, value: str) -> str:
        """Refuse anything but an http or https address."""
        if not value.startswith(("http://", "https://")):
            message = "must be an http or https address"
            raise ValueError(message)
        return value.rstrip("/")

    @model_validator(mode="after")
    def _channel_needs_token(self) -> Self:
        """Refuse a channel that nothing could post to."""
        if self.telegram_channel and self.telegram_token is None:
            message = "MONITOR_TELEGRAM_CHANNEL is set but MONITOR_TELEGRAM_TOKEN is not; set both or neither"
            raise ValueError(message)
        return self

    @property
    def poll_interval(self) -> timedelta:
        """The shortest time between two polls of a feed."""
        return timedelta(seconds=self.poll_interval_min)


def known_names() -> tuple[str, ...]:
    """Give the names of all settings."""
    return tuple(f"{PREFIX}{field.upper()}" for field in Settings.model_fields)


def _names_in_use(env_file: Path) -> list[str]:
    """Give every `MONITOR_…` name in the environment and in the `.env` file."""
    try:
        lines = env_file.read_text(encoding=ENCODING).splitlines() if env_file.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file}: cannot be read as UTF-8 text: {error}") from error
    in_file = [line.split("=", 1)[0].removeprefix("export ").strip() for line in lines if "=" in line]
    return sorted({name for name in (*os.environ, *in_file) if name.upper().startswith(PREFIX)})


def read_settings(env_file: Path = Path(".env")) -> Settings:
    """Read the settings. Raises SettingsError naming each unknown or malformed one; never shows a value."""
    known = known_names()
    for name in _names_in_use(env_file):
        if name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known settings: {', '.join(known)}"
            raise SettingsError(f"unknown setting {name}; {hint}")
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(problem) for problem in error.errors(include_input=False))) from None


def _explain(problem: Any) -> str:
    """Say which setting is wrong and why."""
    field = "_".join(str(part) for part in problem["loc"][:1])
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{field.upper()}: {reason}" if field else reason
