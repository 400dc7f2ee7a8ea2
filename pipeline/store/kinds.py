"""The kinds of events that there are: each combination of what events are filtered by, once.

There are few, however many events there are. So a filter is answered by them first, and then only events of the kinds
that fit are looked at; where none fits, no event is.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pipeline.store.tables import KIND, Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection


def name_kinds(connection: "Connection", tables: Tables, alarms: Iterable[dict[str, Any]]) -> None:
    """Write into each of these rows of ``alarms`` that lacks it the number of its kind, which is made if there is
    none. Within a transaction that writes."""
    found: dict[tuple[str, ...], int] = {}
    for alarm in alarms:
        if "kind" not in alarm:
            told = tuple(alarm[name] or "" for name in KIND)
            if told not in found:
                found[told] = _number_of(connection, tables, dict(zip(KIND, told, strict=True)))
            alarm["kind"] = found[told]


def forget_unused(connection: "Connection", tables: Tables) -> None:
    """Remove kinds that no event has any more. Within a transaction that writes."""
    from sqlalchemy import delete, exists

    kinds, alarms = tables.kinds, tables.alarms
    connection.execute(delete(kinds).where(~exists().where(alarms.c.kind == kinds.c.number)))


def _number_of(connection: "Connection", tables: Tables, told: dict[str, str]) -> int:
    from sqlalchemy import bindparam, insert, select

    kinds = tables.kinds
    if "same" not in kinds.info:  # made once: making it takes several times as long as asking, in every commit
        same = (kinds.c[name] == bindparam(name) for name in KIND)
        kinds.info["same"] = select(kinds.c.number).where(*same)
    found: int | None = connection.execute(kinds.info["same"], told).scalar()
    if found is None:
        made = connection.execute(insert(kinds), told).inserted_primary_key
        assert made is not None
        found = made[0]
    return found
