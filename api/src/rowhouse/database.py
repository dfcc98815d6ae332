"""The way to PostgreSQL: one engine a process, made from the settings."""

from collections.abc import Mapping

from sqlalchemy import URL, Engine, NullPool, create_engine

from rowhouse.settings import Settings

# libpq's least. A database that is away must not hold a request for longer.
_CONNECT_TIMEOUT_SECONDS = 2
_UNACKNOWLEDGED_DATA_TIMEOUT_MS = 5000

# A load or export that was killed, or whose machine is gone, must not hold its locks until a long statement ends or TCP
# gives up.
_LOST_CLIENT = {
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "10s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
}


def serving_engine(settings: Settings) -> Engine:
    """Make the engine that answers requests: autocommit, bounded in connections and in time for each statement."""
    options = {
        "statement_timeout": f"{settings.statement_timeout_ms}ms",
        "timezone": "UTC",
        "datestyle": "ISO",
        # Only what has one best plan is prepared: see rowhouse.steady.
        "plan_cache_mode": "force_generic_plan",
    }
    return create_engine(
        _url(settings),
        connect_args=_connect_args(settings, "rowhouse-api", options),
        isolation_level="AUTOCOMMIT",
        pool_size=settings.database_pool_size,
        max_overflow=0,
    )


def exporting_engine(settings: Settings) -> Engine:
    """Make the engine that exports: a new connection each, which only reads, and statements that may take their time.

    The time that one may take is that of its client. When that is gone, so is the connection, which PostgreSQL looks
    for even while it sends nothing. Locks are another matter: what waits for one is waited for by others.
    """
    options = {
        "statement_timeout": "0",
        "lock_timeout": f"{settings.statement_timeout_ms}ms",
        "default_transaction_read_only": "on",
        "timezone": "UTC",
        "datestyle": "ISO",
        "client_encoding": "UTF8",
        # All rows will be fetched, not only the first ones.
        "cursor_tuple_fraction": "1.0",
        # What it takes to compile a statement with many expressions is waited for before the first row.
        "jit": "off",
        **_LOST_CLIENT,
    }
    return create_engine(
        _url(settings), connect_args=_connect_args(settings, "rowhouse-export", options), poolclass=NullPool
    )


def loading_engine(settings: Settings) -> Engine:
    """Make the engine that loads: transactions, and statements that may take their time.

    Dates are read as ISO writes them, so that 03/04/2025 is refused instead of guessed; times without a zone are UTC.
    """
    options = {"datestyle": "ISO,YMD", "timezone": "UTC", **_LOST_CLIENT}
    return create_engine(_url(settings), connect_args=_connect_args(settings, "rowhouse-load", options))


def _url(settings: Settings) -> URL:
    return URL.create(
        "postgresql+psycopg2",
        username=settings.database_user,
        password=settings.database_password or None,
        host=settings.database_host,
        port=settings.database_port,
        database=settings.database_name,
    )


def _connect_args(settings: Settings, application: str, options: Mapping[str, str]) -> dict[str, object]:
    return {
        "sslmode": settings.database_sslmode,
        "sslrootcert": settings.database_sslrootcert,
        "application_name": application,
        "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "tcp_user_timeout": _UNACKNOWLEDGED_DATA_TIMEOUT_MS,
    }
