"""Everything the environment may decide. Read once at the start and passed on, never imported."""

import re
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from onsale.graphql.allowances import (
    ADDRESS_COST_PER_MINUTE,
    BUYER_COST_PER_MINUTE,
    CONNECTIONS_PER_ADDRESS_MAX,
    COST_MAX,
)

DATABASE_SCHEMES = {"postgresql", "postgres", "postgresql+asyncpg"}
REDIS_SCHEMES = {"redis", "rediss", "unix", "redis+cluster", "rediss+cluster"}
POSTGRES_EXAMPLE = "postgresql://user:password@host:5432/database"
REDIS_EXAMPLE = "redis://host:6379/0"
PAYMENTS_SCHEMES = {"http", "https"}
PAYMENTS_EXAMPLE = "http://127.0.0.1:8001"
PORT_MAX = 65_535
#: Of one server; PostgreSQL has to have 12 connections for each.
WORKERS_MAX = 64
PORT = re.compile(r"[0-9]{1,5}")
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


#: At least a minute, for what happens now to be seen to; the least that makes sense is more.
Kept = Annotated[timedelta, Field(ge=timedelta(minutes=1))]


#: Late money is looked for a day long, and what it was for has to be in the books then.
KeptWeeks = Annotated[timedelta, Field(ge=timedelta(days=7))]


def _allows_any(cost: int) -> int:
    """Refuse a budget that no operation of the dearest kind could ever be paid from."""
    if 0 < cost < COST_MAX:
        raise ValueError(f"must be 0, for no limit, or at least {COST_MAX}: the dearest operation")
    return cost


CostPerMinute = Annotated[int, Field(ge=0), AfterValidator(_allows_any)]


class StartError(Exception):
    """Why a command cannot start, in words for whoever typed it; no traceback tells more."""


class EmbeddedSource(StrEnum):
    """Where the embedded PostgreSQL and Valkey may come from."""

    WHEEL = "wheel"
    SYSTEM = "system"
    AUTO = "auto"


class LogFormat(StrEnum):
    """How a line of the log looks."""

    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """One frozen answer to every question the environment may decide."""

    model_config = SettingsConfigDict(
        env_prefix="ONSALE_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,  # A wrong URL may hold a right password.
    )

    #: None: an own PostgreSQL is started, with its data in `data_dir`.
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    #: None beside a DATABASE_URL: no Redis; screens of other servers are up to one second late.
    redis_url: str | None = Field(default=None, validation_alias="REDIS_URL")
    host: str = "127.0.0.1"
    #: 0: any that is free.
    port: int = 8000
    #: How many processes serve behind that port.
    workers: Annotated[int, Field(ge=1, le=WORKERS_MAX)] = 1
    data_dir: Path = Path(".onsale")
    embedded: EmbeddedSource = EmbeddedSource.AUTO
    #: A folder with `postgres` and `initdb`, looked at before all others.
    pg_bin: Path | None = None
    #: The Ed25519 key that signs buyers' tokens: a path, or the text of a private JWK or PEM.
    token_key: SecretStr | None = None
    #: Browser origins that may use a buyer's cookie, besides the server's own.
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    #: Addresses or networks of proxies before us, whose X-Forwarded-For and -Proto are believed.
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    #: What one buyer, and one address, may ask in a minute; 0: as much as they like.
    cost_per_buyer: CostPerMinute = BUYER_COST_PER_MINUTE
    cost_per_address: CostPerMinute = ADDRESS_COST_PER_MINUTE
    #: How many sockets and event streams one address may hold open; 0: as many as it likes.
    connections_per_address: Annotated[int, Field(ge=0)] = CONNECTIONS_PER_ADDRESS_MAX
    #: Whether the schema may be asked for.
    introspection: bool = True
    #: Whether documents are compiled; if not, graphql-core runs every operation.
    compiled_documents: bool = True
    #: Whether there is a page at /graphiql to try the API with.
    graphiql: bool = True
    #: A manifest of known documents, by their hash.
    trusted_documents: Path | None = None
    #: Run nothing but those documents.
    locked: bool = False
    log_format: LogFormat = LogFormat.CONSOLE
    #: The payment provider; None: a pretending one is started, with its record in `data_dir`.
    payments_url: str | None = None
    #: What the provider knows us by, and signs its webhooks with.
    payments_key: SecretStr | None = None
    #: How long rows are kept: seconds, or ISO 8601 (P30D). None: as `box_office.retention` says.
    keep_seat_changes: Kept | None = None
    keep_reservations: KeptWeeks | None = None
    keep_idempotency_keys: Kept | None = None
    keep_payment_hints: Kept | None = None
    keep_audits: Kept | None = None
    #: For tests of recovery: a point of `box_office.crash_points` at which the process dies.
    crash_at: str | None = None

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Read the environment; what is given wins over it. Raises StartError with every fault."""
        try:
            settings = cls(**given)
        except ValidationError as faults:
            raise StartError("\n".join(map(_fault_line, faults.errors()))) from None
        if settings.payments_url is not None and settings.payments_key is None:
            raise StartError("ONSALE_PAYMENTS_KEY: give the key of the provider you named")
        if settings.locked and settings.trusted_documents is None:
            raise StartError("ONSALE_TRUSTED_DOCUMENTS: name the documents to be locked to")
        return settings

    @property
    def serves_graphiql(self) -> bool:
        """Whether there is a GraphiQL: where only known documents run, it could do nothing."""
        return self.graphiql and not self.locked

    def kept(self) -> dict[str, timedelta]:
        """Give how long rows of which table are kept, where the environment says."""
        given = {
            "seat_changes": self.keep_seat_changes,
            "reservations": self.keep_reservations,
            "idempotency_keys": self.keep_idempotency_keys,
            "payment_hints": self.keep_payment_hints,
            "audits": self.keep_audits,
        }
        return {table: kept for table, kept in given.items() if kept is not None}

    @field_validator("database_url")
    @classmethod
    def _names_a_postgresql(cls, url: str | None) -> str | None:
        return _with_scheme(url, DATABASE_SCHEMES, POSTGRES_EXAMPLE)

    @field_validator("redis_url")
    @classmethod
    def _names_a_redis(cls, url: str | None) -> str | None:
        return _with_scheme(url, REDIS_SCHEMES, REDIS_EXAMPLE)

    @field_validator("payments_url")
    @classmethod
    def _names_a_provider(cls, url: str | None) -> str | None:
        return _with_scheme(url, PAYMENTS_SCHEMES, PAYMENTS_EXAMPLE)

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if not HOST_NAME.fullmatch(host):
            try:
                ip_address(host)
            except ValueError:
                raise ValueError("must be a host name or an address, such as 127.0.0.1") from None
        return host

    @field_validator("port", mode="before")
    @classmethod
    def _is_a_port(cls, port: Any) -> int:
        text = str(port).strip()
        if not PORT.fullmatch(text) or int(text) > PORT_MAX:
            raise ValueError(f"{text!r} is no port number from 1 to {PORT_MAX}")
        return int(text)

    @field_validator("data_dir")
    @classmethod
    def _is_no_file(cls, data_dir: Path) -> Path:
        with suppress(OSError):  # Who may not look is told so by whoever needs the folder.
            if data_dir.is_file():
                raise ValueError(f"{data_dir} is a file; name a folder")
        return data_dir

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, several: Any) -> Any:
        return tuple(several.replace(",", " ").split()) if isinstance(several, str) else several

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"{proxy!r} is no address and no network; one looks like 10.0.0.7 or 10.0.0.0/8"
                ) from None
        return proxies

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in {"http", "https"}
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} is no origin; one looks like https://tickets.example")
        return origins


def _with_scheme(url: str | None, schemes: set[str], example: str) -> str | None:
    if url is not None and urlsplit(url).scheme not in schemes:
        raise ValueError(f"must look like {example}")
    return url


def _fault_line(fault: Any) -> str:
    """Name the variable as the environment does; the value stays unsaid, it may be a secret."""
    name = str(fault["loc"][0])
    variable = name if name.isupper() else f"ONSALE_{name.upper()}"
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{variable}: {message[0].lower()}{message[1:]}"
