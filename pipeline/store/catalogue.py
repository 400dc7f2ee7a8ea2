"""Events as a user looks at them: one row each from start to end, filtered, in pages, with all that belongs to one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import StoreError
from pipeline.store.choice import is_one_of, is_one_of_many
from pipeline.store.database import Database
from pipeline.store.rows import StoredEvent
from pipeline.store.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection, FromClause, Select

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 500
_FEW = 20
_SEEKS = 2500
"""Events that may be looked up for a page, kind by kind, to take the first of them; where it would be more, all events
are gone through in the order of their start."""

Order = Literal["newest", "oldest"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One event."""

    number: int
    event_id: str
    camera: str
    rule: str
    name: str
    severity: str
    """Of its most severe message."""
    class_name: str | None
    region: str
    """``zone``, ``line``, or empty."""
    reason: str
    """Of its last message but for the end."""
    started_ns: int
    """UTC of its first message: its wall time, else the moment at which it was stored."""
    started: float
    """Media time in seconds."""
    ended_ns: int | None
    ended: float | None
    ending: str
    """How it ended; empty while it is open."""
    messages: int
    protected: bool
    """Not to be pruned."""

    @property
    def began(self) -> datetime:
        """UTC, aware."""
        return moment(self.started_ns)

    @property
    def over(self) -> datetime | None:
        """UTC, aware; None while it is open."""
        return None if self.ended_ns is None else moment(self.ended_ns)

    @property
    def seconds(self) -> float | None:
        """How long it lasted, in media time; None while it is open."""
        return None if self.ended is None else self.ended - self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events are meant: those that fit every filter. An empty one fits all."""

    cameras: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """Kinds of rules, or the user's names for them."""
    zones: tuple[str, ...] = ()
    """Names of rules that have a zone."""
    severities: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    since_ns: int | None = None
    """Started at this UTC or later."""
    until_ns: int | None = None
    """Started before this UTC."""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message at a sink."""

    message_id: str
    type: str
    sink: str
    state: str
    attempts: int
    settled_ns: int | None
    last_error: str
    verdict: str
    """Of the governor; empty without one."""
    why: str
    """Its reason."""


class Catalogue:
    """Reads the events of one store."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        self._tables = tables

    def page(self, wanted: Wanted, *, limit: int, after: Alarm | None = None, order: Order = "newest") -> list[Alarm]:
        """At most ``limit`` events in the order of their start, those that come after ``after``."""
        of_kinds = fitting_kinds(self._tables, wanted)
        with self._database.reading() as connection:
            kinds = self._kinds(connection, of_kinds) if of_kinds else None
            if kinds == []:
                return []
            statement = self._page(wanted, limit, after, order, kinds)
            return [Alarm(*row) for row in connection.execute(statement).all()]

    def all(self, wanted: Wanted) -> Iterator[Alarm]:
        """All events that are wanted, the oldest first, a page at a time."""
        page = self.page(wanted, limit=_PAGE, order="oldest")
        while page:
            yield from page
            page = self.page(wanted, limit=_PAGE, order="oldest", after=page[-1])

    def find(self, name: str) -> list[Alarm]:
        """The events that an id, the id of a message, or the beginning of one means; a few, if they are many."""
        from sqlalchemy import select

        alarms, events = self._tables.alarms, self._tables.events
        of_event, of_message = (alarms.c.event_id, alarms.c.event_id), (events.c.event_id, events.c.message_id)
        for begins in (False, True):  # one statement each, so that each goes along one index
            for event_id, column in (of_event, of_message) if name else ():
                fits = self._begins(column, name) if begins else column == name
                ids = alarms.c.event_id.in_(select(event_id).where(fits).limit(_FEW))
                if found := self._alarms(self._select().where(ids).order_by(alarms.c.number)):
                    return found
        return []

    def _begins(self, column: "Column[Any]", name: str) -> "ColumnElement[bool]":
        """Along the index on SQLite, which compares letter by letter; PostgreSQL may sort as people do."""
        from sqlalchemy import and_

        if self._database.is_file:
            return and_(column >= name, column < name + "\U0010ffff")
        return column.startswith(name, autoescape=True)

    def messages(self, event_id: str) -> list[StoredEvent]:
        """All messages of an event, in order."""
        from sqlalchemy import select

        columns = self._tables.events.c
        statement = select(columns.number, columns.message_id, columns.body, columns.committed_ns)
        with self._database.reading() as connection:
            rows = connection.execute(statement.where(columns.event_id == event_id).order_by(columns.number)).all()
        return [StoredEvent(*row) for row in rows]

    def bodies(self, event_ids: Sequence[str]) -> list[str]:
        """All messages of these events as ``events.jsonl`` has them, event by event, in order."""
        from sqlalchemy import select

        columns = self._tables.events.c
        statement = select(columns.event_id, columns.body).where(is_one_of_many(columns.event_id, event_ids))
        found: dict[str, list[str]] = {event_id: [] for event_id in event_ids}
        with self._database.reading() as connection:
            for event_id, body in connection.execute(statement.order_by(columns.number)).all():
                found[event_id].append(body)
        return [body for bodies in found.values() for body in bodies]

    def deliveries(self, event_id: str) -> list[Delivery]:
        """What became of the messages of an event at each sink."""
        from sqlalchemy import and_, func, select

        events, outbox, decisions = self._tables.events, self._tables.outbox, self._tables.decisions
        decided = and_(decisions.c.message_id == outbox.c.message_id, decisions.c.sink == outbox.c.sink)
        columns = outbox.c
        statement = (
            select(columns.message_id, events.c.type, columns.sink, columns.state, columns.attempts)
            .add_columns(columns.settled_ns, columns.last_error)
            .add_columns(func.coalesce(decisions.c.verdict, ""), func.coalesce(decisions.c.reason, ""))
            .select_from(outbox.join(events).outerjoin(decisions, decided))
            .where(events.c.event_id == event_id)
            .order_by(events.c.number, columns.sink)
        )
        with self._database.reading() as connection:
            return [Delivery(*row) for row in connection.execute(statement)]

    def values(self, column: Literal["camera", "rule", "name", "severity", "class_name"]) -> list[str]:
        """What stands in a column, each once."""
        from sqlalchemy import select

        found = self._tables.kinds.c[column]
        with self._database.reading() as connection:
            return sorted(value for value in connection.execute(select(found).distinct()).scalars() if value)

    def protect(self, event_id: str, *, protected: bool) -> None:
        """Keep an event from being pruned, or no longer. Raises ``StoreError`` if there is none."""
        from sqlalchemy import update

        alarms = self._tables.alarms
        with self._database.writing() as connection:
            change = update(alarms).where(alarms.c.event_id == event_id).values(protected=protected)
            if not connection.execute(change).rowcount:
                raise StoreError(f"event store {self._database.name}: has no event {event_id}")

    def _kinds(self, connection: "Connection", fits: "list[ColumnElement[bool]]") -> list[int]:
        from sqlalchemy import select

        return list(connection.execute(select(self._tables.kinds.c.number).where(*fits)).scalars())

    def _page(
        self, wanted: Wanted, limit: int, after: Alarm | None, order: Order, kinds: list[int] | None
    ) -> "Select[Any]":
        """``kinds``: those that fit; None: all do."""
        from sqlalchemy import literal, tuple_

        def cut(statement: "Select[Any]", alarms: "FromClause") -> "Select[Any]":
            """What lies in this time, behind ``after``, in order."""
            columns = (alarms.c.started_ns, alarms.c.number)
            statement = statement.where(*in_time(alarms, wanted))
            if after is not None:
                key, last = tuple_(*columns), tuple_(literal(after.started_ns), literal(after.number))
                statement = statement.where(key < last if order == "newest" else key > last)
            return statement.order_by(*(each.desc() if order == "newest" else each for each in columns)).limit(limit)

        alarms = self._tables.alarms
        statement = self._select()
        if kinds is None:
            return cut(statement, alarms)
        if len(kinds) * limit > _SEEKS or wanted.is_open:
            return cut(statement.where((alarms.c.kind + 0).in_(kinds)), alarms)  # an index by time, not one by kind
        return cut(self._of_few_kinds(statement, kinds, cut), alarms)

    def _of_few_kinds(
        self, statement: "Select[Any]", kinds: list[int], cut: "Callable[[Select[Any], FromClause], Select[Any]]"
    ) -> "Select[Any]":
        """A page of each of them, along the index by kind."""
        from sqlalchemy import select, true

        alarms, of = self._tables.alarms, self._tables.kinds
        line = alarms.alias("line")
        page = cut(select(line.c.number).where(line.c.kind == of.c.number).correlate(of), line)
        if self._database.is_file:  # SQLite has no LATERAL, and looks numbers up by their index
            joined = of.join(alarms, alarms.c.number.in_(page))
            statement = statement.with_hint(alarms, "NOT INDEXED", "sqlite")  # but by number
        else:
            pages = page.lateral("page")
            joined = of.join(pages, true()).join(alarms, alarms.c.number == pages.c.number)
        return statement.select_from(joined).where(is_one_of(of.c.number, kinds))

    def _select(self) -> "Select[Any]":
        from sqlalchemy import select

        return select(*(self._tables.alarms.c[name] for name in Alarm.__slots__))

    def _alarms(self, statement: "Select[Any]") -> list[Alarm]:
        with self._database.reading() as connection:
            return [Alarm(*row) for row in connection.execute(statement).all()]


def in_time(alarms: "FromClause", wanted: Wanted) -> "list[ColumnElement[bool]]":
    """The filters that are not answered by kinds."""
    found: list[ColumnElement[bool]] = []
    if wanted.since_ns is not None:
        found.append(alarms.c.started_ns >= wanted.since_ns)
    if wanted.until_ns is not None:
        found.append(alarms.c.started_ns < wanted.until_ns)
    if wanted.is_open:
        found.append(alarms.c.ended_ns.is_(None))
    return found


def fitting_kinds(tables: Tables, wanted: Wanted) -> "list[ColumnElement[bool]]":
    """The filters that are answered by kinds; none: every kind fits."""
    from sqlalchemy import or_

    columns = tables.kinds.c
    by_column = {"camera": wanted.cameras, "severity": wanted.severities, "class_name": wanted.classes}
    found = [is_one_of(columns[name], values) for name, values in by_column.items() if values]
    if wanted.rules:
        found.append(or_(is_one_of(columns.rule, wanted.rules), is_one_of(columns.name, wanted.rules)))
    if wanted.zones:
        found += [is_one_of(columns.name, wanted.zones), columns.region == "zone"]
    return found


def conditions(tables: Tables, wanted: Wanted) -> "list[ColumnElement[bool]]":
    """All filters, on table ``alarms``."""
    from sqlalchemy import select

    found, fits = in_time(tables.alarms, wanted), fitting_kinds(tables, wanted)
    if fits:
        kinds = select(tables.kinds.c.number).where(*fits)
        found.append((tables.alarms.c.kind + 0).in_(kinds))  # an index by time, not one by kind
    return found


def moment(utc_ns: int) -> datetime:
    """UTC in ns since 1970 as an aware time, to the microsecond."""
    return _EPOCH + timedelta(microseconds=utc_ns // 1000)
