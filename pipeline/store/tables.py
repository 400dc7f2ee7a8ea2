"""The tables of the event store. SQLAlchemy is imported when they are first asked for, not before."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table
    from sqlalchemy.types import TypeEngine

STORE_SCHEMA = 5
"""Number of the layout below; ``migrations/versions`` has one file for each, which leads there and back."""
KIND = ("camera", "rule", "name", "severity", "class_name", "region")
"""What makes a kind: columns of ``alarms`` and of ``kinds``, where no class is an empty one."""


@dataclass(frozen=True, slots=True)
class Tables:
    """``events``: one row per message. ``alarms``: one per event, from its start to its end. ``kinds``: one per
    combination of what events are filtered by. ``outbox``: one per message and sink. ``readers``: one per camera, how
    far the alert process has come. ``missed``: answers of classifiers that did not count. ``decisions``: the
    governor's, one per message and sink. ``digests``: messages of the governor's own, one row each. ``meta``: facts
    about the whole store, as text; its ``schema`` is what counts, ``versions`` the same in the words of Alembic."""

    metadata: "MetaData"
    events: "Table"
    alarms: "Table"
    kinds: "Table"
    outbox: "Table"
    readers: "Table"
    missed: "Table"
    decisions: "Table"
    digests: "Table"
    meta: "Table"
    versions: "Table"


def store_tables(*, on_server: bool = False) -> Tables:
    """Describe all tables, which are the same on SQLite and, ``on_server``, on PostgreSQL."""
    from sqlalchemy import MetaData

    metadata = MetaData(info={"dialect": "postgresql" if on_server else "sqlite"})
    tables = (_events, _alarms, _kinds, _outbox, _readers, _missed, _decisions, _digests, _meta, _versions)
    return Tables(metadata, *(table(metadata) for table in tables))


def _events(metadata: "MetaData") -> "Table":
    from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text

    return Table(
        "events",
        metadata,
        Column("number", number_type(), primary_key=True, autoincrement=True),
        Column("message_id", Text, nullable=False, unique=True),
        Column("event_id", Text, nullable=False, index=True),
        Column("type", Text, nullable=False),
        Column("camera", Text, nullable=False),
        Column("rule", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("severity", Text, nullable=False),
        Column("class_name", Text),
        Column("ordinal", Integer, nullable=False),
        Column("media_time", Double, nullable=False),
        Column("wall_time", Text),
        Column("committed_ns", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        Index("events_by_camera", "camera", "media_time", "ordinal"),
        sqlite_autoincrement=True,
    )


def _alarms(metadata: "MetaData") -> "Table":
    from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, Text, text

    dialect = metadata.info["dialect"]  # naming one loads it
    is_open: dict[str, Any] = {f"{dialect}_where": text("ended_ns IS NULL")}
    is_kept: dict[str, Any] = {f"{dialect}_where": text("protected" if dialect == "postgresql" else "protected = 1")}
    return Table(
        "alarms",
        metadata,
        Column("number", number_type(), primary_key=True, autoincrement=True),
        Column("event_id", Text, nullable=False, unique=True),
        Column("camera", Text, nullable=False),
        Column("rule", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("severity", Text, nullable=False),
        Column("class_name", Text),
        Column("region", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("started_ns", BigInteger, nullable=False),
        Column("started", Double, nullable=False),
        Column("ended_ns", BigInteger),
        Column("ended", Double),
        Column("ending", Text, nullable=False),
        Column("messages", Integer, nullable=False),
        Column("protected", Boolean, nullable=False),
        Column("kind", BigInteger, nullable=False, server_default=text("0")),
        Index("alarms_by_time", "started_ns", "number", "kind"),
        Index("alarms_by_kind", "kind", "started_ns", "number"),
        Index("alarms_open", "started_ns", "number", **is_open),
        Index("alarms_protected", "started_ns", "number", **is_kept),
        sqlite_autoincrement=True,
    )


def _kinds(metadata: "MetaData") -> "Table":
    from sqlalchemy import Column, Table, Text, UniqueConstraint

    return Table(
        "kinds",
        metadata,
        Column("number", number_type(), primary_key=True, autoincrement=True),
        *(Column(name, Text, nullable=False) for name in KIND),
        UniqueConstraint(*KIND),
        sqlite_autoincrement=True,
    )


def _outbox(metadata: "MetaData") -> "Table":
    from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

    return Table(
        "outbox",
        metadata,
        Column("number", number_type(), primary_key=True, autoincrement=True),
        Column("message_id", Text, ForeignKey("events.message_id"), nullable=False),
        Column("sink", Text, nullable=False),
        Column("camera", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("first_attempt_ns", BigInteger),
        Column("next_attempt_ns", BigInteger, nullable=False),
        Column("settled_ns", BigInteger),
        Column("last_error", Text, nullable=False),
        UniqueConstraint("message_id", "sink"),
        Index("outbox_by_state", "sink", "state", "camera", "number"),
        sqlite_autoincrement=True,
    )


def _readers(metadata: "MetaData") -> "Table":
    from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, Table, Text

    return Table(
        "readers",
        metadata,
        Column("camera", Text, primary_key=True),
        Column("generation", BigInteger, nullable=False),
        Column("state", LargeBinary, nullable=False),
        Column("log_offset", BigInteger, nullable=False),
        Column("log_records", BigInteger, nullable=False),
        Column("spool_offset", BigInteger, nullable=False),
        Column("last_index", BigInteger, nullable=False),
        Column("counts", Text, nullable=False),
        Column("ended", Boolean, nullable=False),
    )


def _missed(metadata: "MetaData") -> "Table":
    from sqlalchemy import BigInteger, Column, Table, Text

    return Table(
        "missed",
        metadata,
        Column("camera", Text, primary_key=True),
        Column("index", BigInteger, primary_key=True),
        Column("track_id", BigInteger, primary_key=True),
        Column("classifier", Text, primary_key=True),
        Column("reason", Text, nullable=False),
    )


def _decisions(metadata: "MetaData") -> "Table":
    from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

    return Table(
        "decisions",
        metadata,
        Column("number", number_type(), primary_key=True, autoincrement=True),
        Column("sink", Text, nullable=False),
        Column("message_id", Text, ForeignKey("events.message_id"), nullable=False),
        Column("event_id", Text, nullable=False),
        Column("verdict", Text, nullable=False),
        Column("role", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("episode", Text, nullable=False),
        Column("digest", Integer),
        Column("decided_ns", BigInteger, nullable=False),
        UniqueConstraint("message_id", "sink"),
        Index("decisions_by_sink", "sink", "number"),
        Index("decisions_by_event", "sink", "event_id"),
        Index("decisions_by_digest", "sink", "digest"),
        sqlite_autoincrement=True,
    )


def _digests(metadata: "MetaData") -> "Table":
    from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

    return Table(
        "digests",
        metadata,
        Column("number", number_type(), primary_key=True, autoincrement=True),
        Column("message_id", Text, nullable=False, unique=True),
        Column("sink", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("first_attempt_ns", BigInteger),
        Column("next_attempt_ns", BigInteger, nullable=False),
        Column("settled_ns", BigInteger),
        Column("last_error", Text, nullable=False),
        Column("made_ns", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        Index("digests_by_state", "sink", "state", "number"),
        sqlite_autoincrement=True,
    )


def _meta(metadata: "MetaData") -> "Table":
    from sqlalchemy import Column, Table, Text

    return Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))


def _versions(metadata: "MetaData") -> "Table":
    from sqlalchemy import Column, PrimaryKeyConstraint, String, Table

    key = PrimaryKeyConstraint("version_num", name="alembic_version_pkc")
    return Table("alembic_version", metadata, Column("version_num", String(32), nullable=False), key)


def number_type() -> "TypeEngine[Any]":
    """Of numbers that the database gives: 64 bits; SQLite has them under another name."""
    from sqlalchemy import BigInteger, Integer

    return BigInteger().with_variant(Integer(), "sqlite")
