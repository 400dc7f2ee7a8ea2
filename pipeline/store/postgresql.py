"""The event store on PostgreSQL: a schema for each run, one writer at a time, as on SQLite.

Whoever writes takes an advisory lock at the beginning of the transaction, which SQLite's ``BEGIN IMMEDIATE`` is too:
so messages are numbered in the order of their commits, and a twin that was frozen cannot slip in between.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pipeline.errors import CannotStart, StoreError
from pipeline.redaction import register_secret
from pipeline.store.address import NAME, StoreAddress

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_CONNECT_S = 4
"""Shorter than the supervisor waits for an answer."""
_SERVER_OPTIONS = (
    "-c timezone=UTC -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s -c client_min_messages=warning"
    " -c jit=off"
)
"""A process that was frozen inside a transaction lets go of it; nobody waits for it for longer than on SQLite. Nothing
is compiled: it took 0.4 s to compile the choice of the next 500 events to delete, and 0.01 s to make it."""
_QUERY: dict[str, str] = {
    "connect_timeout": str(_CONNECT_S),
    "application_name": "bartizan",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "tcp_user_timeout": "8000",
}
"""Of libpq; a server that vanished is noticed within ten seconds. The URL may say otherwise."""
_LARGE_BYTES = 1 << 20
_UNKNOWN = f"""
    SELECT quote_ident(relname) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND pg_relation_size(oid) >= {_LARGE_BYTES}
    AND NOT EXISTS (SELECT FROM pg_stats WHERE schemaname = current_schema() AND tablename = relname)
    AND pg_has_role(relowner, 'USAGE')
    AND NOT pg_is_in_recovery() AND NOT current_setting('default_transaction_read_only')::boolean
"""
HOPELESS = (
    (r"password authentication failed", "refuses the password of {user}"),
    (r"no password supplied", "wants a password of {user}: write it into the URL, PGPASSWORD or ~/.pgpass"),
    (r'role "[^"]*" does not exist', "knows no {user}"),
    (r'database "[^"]*" does not exist', "has no database {database!r}: make it (createdb {database}) or name another"),
    (r"no pg_hba\.conf entry", "lets nobody in from here as {user} (pg_hba.conf)"),
    (r"read-only transaction", "takes nothing that is written: it is a stand-by, or read-only ({text})"),
    (r"permission denied", "refuses it to {user}: {text}"),
    (r"server does not support SSL|SSL error|certificate verify failed", "cannot be reached safely: {text}"),
    (r"invalid (?:connection option|URI query parameter|sslmode value)", "cannot be asked like that: {text}"),
)
"""What will be said again however often one asks."""
AWAY = (
    (r"could not translate host name|failed to resolve host|Name or service not known", "is not found: no such host"),
    (r"Connection refused", "does not answer: connection refused (is it running?)"),
    (r"timeout expired|timed out|connection timeout", "does not answer"),
    (r"No route to host|Network is unreachable", "cannot be reached: {text}"),
    (r"starting up|shutting down|in recovery mode", "is starting or stopping"),
    (r"too many (?:clients|connections)|remaining connection slots", "takes no more connections"),
    (r"terminating connection|server closed the connection|connection is lost|SSL SYSCALL", "broke off the connection"),
    (r"lock timeout", "lets another process write, which has been at it for more than 10 s; try again"),
    (r"consuming input failed|could not (?:send|receive) data|connection is closed|reset by peer", "broke it off"),
)
"""What may be over in a while."""


def postgresql_engine(address: StoreAddress) -> "Engine":
    """Connections to one schema of the database that a URL names.

    Raises ``StoreError`` for a URL that says nothing, ``CannotStart`` where the driver is missing.
    """
    from sqlalchemy import create_engine, event

    url = _url(address.text)
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise CannotStart(
            "store.url names PostgreSQL, whose driver is not installed: pip install 'bartizan[postgres]'"
        ) from error
    if address.name and not NAME.fullmatch(address.name):
        raise StoreError(f"{address.name!r} is no name of a store: small letters, digits and _, a letter first")
    query = {**_QUERY, "options": _SERVER_OPTIONS, **url.query}
    engine = create_engine(url.set(query=query), pool_pre_ping=True, pool_size=2, max_overflow=4)
    if address.name:
        event.listen(engine, "connect", lambda connection, _record: _enter(connection, address.name), insert=True)
    event.listen(engine, "begin", _Begin(lock_key(address.name)))
    return engine


def reading(engine: "Engine") -> "Engine":
    """The same connections, whose transactions see one state of the data and change nothing."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def unknown_tables(connection: "Connection") -> list[str]:
    """Large tables of which there are no statistics, and of which this user may make some."""
    return list(connection.exec_driver_sql(_UNKNOWN).scalars())


def make_statistics(connection: "Connection", tables: Sequence[str]) -> None:
    """Of these tables. The server lets go of them for it; a ``VACUUM`` of somebody's own is waited for."""
    connection.exec_driver_sql(f"ANALYZE {', '.join(tables)}")


def title(address: StoreAddress) -> str:
    """For messages: user, host, database and schema; no password."""
    url = _url(address.text)
    where = f"{url.username + '@' if url.username else ''}{url.host or 'localhost'}:{url.port or 5432}/{url.database}"
    return f"{where} ({address.name})" if address.name else where


def explain(text: str, address: StoreAddress) -> tuple[str, bool]:
    """What the server said, in words; and whether it may be over in a while."""
    url = _url(address.text)
    words = {"user": f"user {url.username!r}" if url.username else "this user", "database": url.database, "text": text}
    for table, passes in ((HOPELESS, False), (AWAY, True)):
        for pattern, told in table:
            if re.search(pattern, text, re.IGNORECASE):
                return f"the server {told.format(**words)}", passes
    return text, True


def lock_key(name: str) -> int:
    """Of the advisory lock that the writers of a schema take."""
    return int.from_bytes(sha256(f"bartizan:{name}".encode()).digest()[:8], signed=True)


def _url(text: str) -> "URL":
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StoreError("event store cannot be opened: its URL is none") from error
    if url.drivername not in _SCHEMES or not url.database:
        raise StoreError(
            f"event store cannot be opened: {url.drivername}:// in its URL; write postgresql://USER@HOST/DATABASE"
        )
    for secret in (url.password, url.query.get("password")):
        if isinstance(secret, str):
            register_secret(secret)
    return url.set(drivername="postgresql+psycopg")


class _Begin:
    """Takes the writers' lock at the beginning of a transaction that writes."""

    def __init__(self, key: int) -> None:
        self._statement = f"SELECT pg_advisory_xact_lock({key})"

    def __call__(self, connection: "Connection") -> None:
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql(self._statement)


def _enter(connection: Any, name: str) -> None:
    """Have names of tables mean those of this schema, for as long as the connection lasts."""
    before = connection.autocommit
    connection.autocommit = True
    connection.execute(f'SET search_path TO "{name}"')
    connection.autocommit = before
