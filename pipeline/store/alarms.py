"""One row for each event, told from its messages in the transaction that keeps them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.messages import Event
from pipeline.store.kinds import name_kinds
from pipeline.store.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 500
SEVERITIES = ("low", "medium", "high", "critical")
"""An event is as severe as its most severe message."""
_CHANGING = ("severity", "kind", "messages", "reason", "ended_ns", "ended", "ending")


def take_in(connection: "Connection", tables: Tables, events: Sequence[Event], now_ns: int) -> None:
    """Write what these messages, which are new and in order, say of their events."""
    from sqlalchemy import bindparam, insert, update

    alarms = tables.alarms
    known = _known(connection, tables, sorted({event.id for event in events}))
    kept = dict(known)
    for event in events:
        kept[event.id] = _told(kept.get(event.id) or _began(event, now_ns), event, now_ns)
    name_kinds(connection, tables, kept.values())
    fresh = [row for event_id, row in kept.items() if event_id not in known]
    changed = [{**_changes(kept[event_id]), "_id": event_id} for event_id in known]
    if fresh:
        connection.execute(insert(alarms), fresh)
    if changed:
        values: dict[str, Any] = {name: bindparam(name) for name in _CHANGING}
        connection.execute(update(alarms).where(alarms.c.event_id == bindparam("_id")).values(values), changed)


def happened_ns(event: Event, now_ns: int) -> int:
    """UTC in ns since 1970 of a message: its wall time, else the moment at which it was committed."""
    if event.wall_time is None:
        return now_ns
    return (datetime.fromisoformat(event.wall_time) - _EPOCH) // timedelta(microseconds=1) * 1000


def _known(connection: "Connection", tables: Tables, ids: list[str]) -> dict[str, dict[str, Any]]:
    from sqlalchemy import select

    alarms, found = tables.alarms, dict[str, dict[str, Any]]()
    for start in range(0, len(ids), _PAGE):
        wanted = select(alarms).where(alarms.c.event_id.in_(ids[start : start + _PAGE]))
        found |= {row.event_id: dict(row._mapping) for row in connection.execute(wanted)}
    return found


def _began(event: Event, now_ns: int) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "camera": event.camera,
        "rule": event.rule,
        "name": event.name,
        "class_name": None if event.object is None else event.object.class_name,
        "region": next(iter(event.region), ""),
        "started_ns": happened_ns(event, now_ns),
        "started": event.started,
        "ended_ns": None,
        "ended": None,
        "ending": "",
        "messages": 0,
        "protected": False,
    }


def _told(row: dict[str, Any], event: Event, now_ns: int) -> dict[str, Any]:
    severity = max(row.get("severity", ""), event.severity, key=_rank)
    if severity != row.get("severity"):
        row = {name: value for name, value in row.items() if name != "kind"}  # it is of another one now
    row = {**row, "severity": severity, "messages": row["messages"] + 1}
    if event.type != "end":
        return {**row, "reason": event.reason}
    over = {"ended_ns": happened_ns(event, now_ns), "ended": event.media_time, "ending": event.ended}
    return {"reason": event.reason, **row, **over}


def _changes(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _CHANGING}


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1
