"""One row for each event beside its messages, so that a million of them are quick to page through."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.store.migration import say_schema
from pipeline.store.tables import number_type

if TYPE_CHECKING:
    from sqlalchemy import Connection

revision = "4"
down_revision = "3"
_FILTERED = ("camera", "rule", "name", "severity", "class_name")
_COLUMNS = (
    *("number", "event_id", "camera", "rule", "name", "severity", "class_name", "region", "reason", "started_ns"),
    *("started", "ended_ns", "ended", "ending", "messages", "protected"),
)
_SEVERITIES = ("low", "medium", "high", "critical")
_PAGE = 1000
_INSTEAD = ("events_by_rule", "events_by_severity", "events_by_time")


def upgrade() -> None:
    """Adds the table ``alarms``, filled from the messages, which lose three indexes."""
    import sqlalchemy as sa
    from alembic import op

    op.create_table(
        "alarms",
        sa.Column("number", number_type(), primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("class_name", sa.Text),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended_ns", sa.BigInteger),
        sa.Column("ended", sa.Double),
        sa.Column("ending", sa.Text, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("protected", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    _fill(op.get_bind())
    op.create_index("alarms_by_time", "alarms", ["started_ns", "number"])
    for name in _FILTERED:
        op.create_index(f"alarms_by_{name}", "alarms", [name, "started_ns", "number"])
    is_open = sa.text("ended_ns IS NULL")
    columns = ["started_ns", "number"]
    op.create_index("alarms_open", "alarms", columns, sqlite_where=is_open, postgresql_where=is_open)
    for name in _INSTEAD:
        op.drop_index(name, "events", if_exists=True)
    # What versions of schema 3 differed in.
    op.drop_index("ix_digests_sink", "digests", if_exists=True)
    op.create_index("digests_by_state", "digests", ["sink", "state", "number"], if_not_exists=True)
    say_schema(4)


def downgrade() -> None:
    """Forgets which events were protected; everything else is still in the messages."""
    from alembic import op

    op.drop_table("alarms")
    op.create_index("events_by_rule", "events", ["rule", "media_time"])
    op.create_index("events_by_severity", "events", ["severity", "media_time"])
    op.create_index("events_by_time", "events", ["wall_time"])
    say_schema(3)


def _fill(connection: "Connection") -> None:
    """Tell the alarms from the messages, in the order of their commits."""
    import sqlalchemy as sa

    events = sa.table("events", *(sa.column(name) for name in ("number", "wall_time", "committed_ns", "body")))
    after, page = 0, sa.select(events.c.number, events.c.wall_time, events.c.committed_ns, events.c.body)
    while rows := connection.execute(page.where(events.c.number > after).order_by(events.c.number).limit(_PAGE)).all():
        _take_in(connection, [(json.loads(row.body), _utc_ns(row.wall_time) or row.committed_ns) for row in rows])
        after = rows[-1].number


def _take_in(connection: "Connection", messages: list[tuple[dict[str, Any], int]]) -> None:
    import sqlalchemy as sa

    alarms = sa.table("alarms", *(sa.column(name) for name in _COLUMNS))
    ids = list({message["id"] for message, _ in messages})
    kept = {
        row.event_id: dict(row._mapping)
        for row in connection.execute(sa.select(alarms).where(alarms.c.event_id.in_(ids)))
    }
    old = set(kept)
    for message, at_ns in messages:
        alarm = kept.setdefault(message["id"], _new(message, at_ns))
        severity = max(alarm["severity"], message["severity"], key=_SEVERITIES.index)
        alarm |= {"severity": severity, "messages": alarm["messages"] + 1}
        if message["type"] != "end":
            alarm["reason"] = message["reason"]
        else:
            alarm |= {"ended_ns": at_ns, "ended": message["media_time"], "ending": message["ended"]}
    for event_id in sorted(old):
        changed = {key: value for key, value in kept[event_id].items() if key not in ("number", "event_id")}
        connection.execute(sa.update(alarms).where(alarms.c.event_id == event_id).values(**changed))
    fresh = [alarm for event_id, alarm in kept.items() if event_id not in old]
    if fresh:
        connection.execute(sa.insert(alarms), fresh)


def _new(message: dict[str, Any], at_ns: int) -> dict[str, Any]:
    about = message.get("object") or {}
    return {
        **{name: message[name] for name in ("camera", "rule", "name", "severity", "reason", "started")},
        "event_id": message["id"],
        "class_name": about.get("class"),
        "region": next(iter(message.get("region") or {}), ""),
        "started_ns": at_ns,
        "ended_ns": None,
        "ended": None,
        "ending": "",
        "messages": 0,
        "protected": False,
    }


def _utc_ns(text: str | None) -> int | None:
    if text is None:
        return None
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
