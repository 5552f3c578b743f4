"""Settings: environment variables that begin with WATTBOOK_, each with a default that works on one machine.

    WATTBOOK_HOME=/srv/wattbook WATTBOOK_SERVE_PORT=9100 wattbook serve

The home folder holds everything: `wattbook.db` (log, states and books), `vault.json` (the keys of contract holders: back it up
apart from the database), `reference/` (what people write) and `out/` (documents). The port is WATTBOOK_SERVE_PORT and not
WATTBOOK_PORT, which Kubernetes sets to an address of its own beside any service called wattbook.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX = "WATTBOOK_"


class SettingsError(Exception):
    """A setting cannot be used; each line names its variable and what to write."""


def _only_sqlite(value: object) -> object:
    if value != "sqlite":
        raise ValueError("is not available in this version: write sqlite, or leave it out")
    return value


Sqlite = Annotated[Literal["sqlite"], BeforeValidator(_only_sqlite)]


class Settings(BaseSettings):
    """What is given by name comes before the environment, and that before the default."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    home: Path = Path()
    """The folder that holds everything else."""

    log: Sqlite = "sqlite"
    """Where the log is kept."""

    database: Sqlite = "sqlite"
    """Where states and books are kept."""

    serve_host: str = "127.0.0.1"
    """The address that `wattbook serve` listens on: this machine alone; 0.0.0.0 is every network it is in."""

    serve_port: Annotated[int, Field(ge=0, le=65535)] = 9000
    """The TCP port that `wattbook serve` listens on; 0 is any that is free."""

    heartbeat_interval_s: Annotated[int, Field(ge=10, le=86400)] = 300
    """Seconds between heartbeats, as stations are told when they boot."""

    cost_update_interval_s: Annotated[int, Field(ge=5, le=86400)] = 60
    """Seconds between two running costs that are sent to a station during a session."""

    batch_size: Annotated[int, Field(ge=1, le=100_000)] = 500
    """Records that are folded and committed in one database transaction."""

    @property
    def database_path(self) -> Path:
        return self.home / "wattbook.db"

    @property
    def vault_path(self) -> Path:
        return self.home / "vault.json"

    @property
    def reference_path(self) -> Path:
        return self.home / "reference"

    @property
    def out_path(self) -> Path:
        return self.home / "out"


def read_settings(**given: Any) -> Settings:
    """The settings of this process; `given` are those of its command line. Raises SettingsError."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_sentence, error.errors(include_url=False)))) from None


def _sentence(detail: ErrorDetails) -> str:
    variable = _PREFIX + str(detail["loc"][0]).upper()
    if detail["type"] == "extra_forbidden":
        return f"{variable}: there is no such setting"
    why = detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return f"{variable}: `{detail['input']}` {why}"
