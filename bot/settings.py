"""The settings: environment variables that begin with REFEREE_, or a .env file."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSettings

from bot.errors import SettingsError

PREFIX = "REFEREE_"


class Settings(BaseSettings):
    """Every setting with its default; a description says what it does."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", protected_namespaces=(), frozen=True
    )

    database_url: str = Field(
        "sqlite+aiosqlite:///referee.db",
        description="Where incidents are kept: a SQLite file, made when missing, or postgresql+asyncpg://USER:PASSWORD@HOST/NAME.",
        repr=False,
    )
    content_keys: SecretStr | None = Field(
        None,
        description="Keys that encrypt content, separated by commas, the first in use. Unset: a key file is used.",
    )
    content_key_file: Path | None = Field(
        None, description="The key file, made when missing. Unset: referee.key beside the database."
    )
    content_days: int = Field(30, ge=1, le=3650, description="Days after which an incident's text is dropped.")
    incident_days: int = Field(90, ge=1, le=3650, description="Days after which a whole incident is dropped.")
    model: Path | None = Field(None, description="The folder of the classifier. Unset: the shipped one.")
    policy: Path | None = Field(None, description="The policy file. Unset: the shipped one.")
    threads: int | None = Field(
        None, ge=1, le=256, description="Processor threads for scoring and speech. Unset: all of them."
    )
    waiting_texts: int = Field(
        2048, ge=1, le=1_000_000, description="Texts that may wait for a score; more are counted as not scored."
    )
    deadline_s: float = Field(
        5.0, gt=0, le=600, description="Seconds a text may wait for a score; later it is counted as not scored."
    )
    speech: bool = Field(True, description="Whether clips are transcribed and judged.")
    speech_model: str = Field(
        "offline",
        description="The speech model: offline (that of the extra speech-model), a folder, or a faster-whisper name.",
    )
    speech_precision: Literal["int8", "int8_float16", "int8_float32", "float16", "float32", "auto"] = Field(
        "int8", description="How the speech model calculates; float16 is for GPUs, float32 is slow and exact."
    )
    speech_device: Literal["cpu", "cuda", "auto"] = Field("cpu", description="Where the speech model runs.")
    speech_idle_minutes: float = Field(
        0.0, ge=0, le=1440, description="Minutes without a clip after which the speech model is unloaded; 0 keeps it."
    )
    languages: str = Field(
        "en", description="Languages that the classifier knows, as codes; clips in others are marked where heard."
    )
    clip_seconds: float = Field(600.0, gt=0, le=7200, description="How much of a clip is heard, in seconds.")
    clip_megabytes: int = Field(25, ge=1, le=500, description="The largest clip that is read, in megabytes.")
    discord_token: SecretStr | None = Field(None, description="The token of the Discord bot, for `referee run`.")
    watch_names: bool = Field(
        False, description="Whether nicknames and names are judged; needs the privileged Server Members Intent."
    )
    watch_bots: bool = Field(False, description="Whether what other bots write on their own is judged.")
    watch_webhooks: bool = Field(
        False, description="Whether what webhooks write is judged, such as a bridged game chat."
    )
    actions_per_minute: int = Field(
        30, ge=1, le=10_000, description="Automatic actions a minute in a server; more stop acting and call a human."
    )
    catch_up_messages: int = Field(
        100, ge=0, le=10_000, description="Messages read per channel of what came while Referee was away; 0 reads none."
    )
    catch_up_hours: float = Field(
        24.0, ge=0, le=720, description="How old a message may be that is still read after a time away, in hours."
    )
    attachment_hosts: str = Field(
        "cdn.discordapp.com,media.discordapp.net",
        description="Hosts that clips are fetched from, by https; http://HOST:PORT is for tests.",
    )
    discord_api: str = Field(
        "https://discord.com/api/v10", description="Where the Discord API is; another one is for tests."
    )
    discord_gateway: str = Field(
        "wss://gateway.discord.gg/", description="Where the Discord gateway is; another one is for tests."
    )
    status_port: int | None = Field(
        None, ge=1, le=65535, description="The port of /healthz, /readyz and /metrics. Unset: there is none."
    )
    status_host: str = Field(
        "127.0.0.1", description="The address of /healthz, /readyz and /metrics; anybody who reaches it may read them."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="How the log is written: text for people, json for programs, one object a line."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="How much is logged; content never is."
    )


def read_settings() -> Settings:
    """Read the settings; raise SettingsError, naming each variable that makes no sense, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"{PREFIX}{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError("; ".join(faults) + " (see .env.example)") from None
    except (UnreadableSettings, OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings cannot be read: {error}; see .env.example") from error
