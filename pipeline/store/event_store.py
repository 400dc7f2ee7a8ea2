"""The event store: events, what is still to be delivered, and how far the alert process has come.

The three change in one transaction, so a restart is "load, continue". Two processes work on one store at the same
time: *alert* calls ``commit``; *deliver* calls ``pending``, ``delivered``, ``failed`` and ``dead``, and writes the
governor's ``decisions`` and ``digests``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from pipeline.clock import Clock, SystemClock
from pipeline.errors import StoreError
from pipeline.messages import Event, Missed
from pipeline.spare_room import make_room
from pipeline.store.address import StoreAddress
from pipeline.store.alarms import take_in
from pipeline.store.catalogue import Catalogue, Wanted
from pipeline.store.database import Database, Patience
from pipeline.store.decisions import Decisions
from pipeline.store.digests import DigestBox
from pipeline.store.keeping import Keeping
from pipeline.store.letters import Letters
from pipeline.store.opening import Opening
from pipeline.store.outbox import Counts, Outbox
from pipeline.store.pruning import PRUNED, Pruning
from pipeline.store.readers import Readers
from pipeline.store.rows import OutboxRow, Position, StoredEvent, event_row, outbox_row, readable
from pipeline.store.tables import Tables, store_tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

Route = Callable[[Event], Iterable[str]]
"""Names of the sinks that want an event."""
_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_PAGE = 500


class EventStore:
    """One store, opened by one process. Made by ``open``."""

    def __init__(self, database: Database, tables: Tables, clock: Clock) -> None:
        self._database = database
        self._tables = tables
        self._clock = clock
        self._outbox = Outbox(database, tables, clock)
        self.decisions = Decisions(database, tables, clock)
        """The governor's log."""
        self.digests = DigestBox(database, tables, clock, table=tables.digests)
        """The governor's own messages."""
        self._readers = Readers(database, tables)
        self.letters = Letters(database, tables)
        """What lies in the outbox, to look at and to send again."""
        self.catalogue = Catalogue(database, tables)
        """Events to look at, one row each."""
        self.keeping = Keeping(database, tables)
        """What evidence must stay."""
        self.analysis_sha256 = ""
        """The analysis whose events lie here."""
        self.source_order: list[str] = []
        """Cameras in the order in which the user named them."""
        self.is_pruned = False
        """Messages were deleted here: what others know of may be gone."""

    @classmethod
    def open(
        cls,
        place: StoreAddress | Path | str,
        *,
        analysis_sha256: str | None,
        source_order: Sequence[str] = (),
        overwrite: bool = False,
        clock: Clock | None = None,
        patience: Patience | None = None,
    ) -> Self:
        """Open a store, or make it; one of an older schema is led on to this version's.

        ``place``: an address, a path, or a URL. ``analysis_sha256`` None takes whatever is there, but makes nothing.
        ``source_order`` is remembered when given. ``overwrite`` erases what is there first, so only the process that
        starts a run may say it. ``patience``: with a server that does not answer, now and later.

        Raises ``UsageError`` when the store belongs to another analysis, ``StoreError`` when it is damaged, has
        a newer schema, or is gone, ``CannotStart`` when it was never reached.
        """
        database = Database.connect(place, patience)
        if database.address.folder is not None:
            make_room(database.address.folder)
        store = cls(database, store_tables(on_server=not database.is_file), clock or SystemClock())
        opening = Opening(database, store._tables, analysis_sha256, source_order)
        try:
            if overwrite:
                opening.refuse_strangers()
                database.erase()
            if analysis_sha256 is None and database.path is not None and not _is_there(database.path):
                raise StoreError(f"event store {database.name}: there is none")
            facts = opening.settle()
        except BaseException:
            database.close()
            raise
        store.analysis_sha256 = facts["analysis_sha256"]
        store.is_pruned = PRUNED in facts
        store.source_order = msgspec.json.decode(facts["source_order"], type=list[str])
        return store

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- the alert process

    def commit(
        self,
        camera: str,
        events: Sequence[Event],
        position: Position,
        route: Route,
        *,
        missed: Sequence[Missed] = (),
    ) -> None:
        """Keep the events, their outbox rows, the answers that were missed and the new position: all, or nothing.

        An event that is there already, with the same content, is passed over together with its outbox rows.

        Raises ``StoreError`` when a message is there with other content, or when another process has moved this
        camera since this one last read or wrote it (a frozen twin that woke up).
        """
        bodies = {event.message_id: _ENCODE(event).decode() for event in events}
        if len(bodies) < len(events) or any(event.camera != camera for event in events):
            raise ValueError(f"a commit of camera {camera!r} takes its own events, each once")
        with self._database.writing() as connection:
            known = self._known(connection, bodies)
            fresh = {event.message_id: event for event in events if event.message_id not in known}
            if fresh:
                self._insert(connection, list(fresh.values()), bodies, route)
            if missed:
                self._readers.miss(connection, camera, missed)
            generation = self._readers.move(connection, camera, position)
        self._readers.moved(camera, generation)

    def position(self, camera: str) -> Position | None:
        """How far the camera has come, or None before its first commit."""
        return self._readers.position(camera)

    def missed(self, camera: str) -> list[Missed]:
        """Answers of classifiers that did not count, so that the same can be said when the log is read again."""
        return self._readers.missed(camera)

    def positions(self) -> dict[str, Position]:
        """How far each camera has come; for reports, does not take part in ``commit``'s check."""
        return self._readers.positions()

    def reached(self) -> tuple[dict[str, Position], int]:
        """``positions``, and the number of the last message committed by then, both of one moment: where a run goes
        on, messages with a greater number came after these positions."""
        return self._readers.reached()

    # ---- reading

    def events(
        self, order: Literal["content", "commit"] = "content", *, after: int = 0, source_order: Sequence[str] = ()
    ) -> Iterator[StoredEvent]:
        """All messages.

        ``content``: by source order (the store's own unless given), media time and ordinal, whatever order they were
        committed in. ``commit``: in the order of commits, those with a number greater than ``after``.
        """
        if order == "commit":
            yield from self._by_commit(after)
            return
        for camera in self._cameras(source_order or self.source_order):
            yield from self._by_time(camera)

    def event(self, message_id: str) -> StoredEvent | None:
        """One message, or None if it is not here."""
        events = self._tables.events
        with self._database.reading() as connection:
            row = connection.execute(self._select_events().where(events.c.message_id == message_id)).one_or_none()
        return None if row is None else StoredEvent(*row)

    def messages(self, event_id: str) -> list[Event]:
        """The messages of one event, from its start on, as far as they can be read."""
        events = self._tables.events
        statement = self._select_events().where(events.c.event_id == event_id).order_by(events.c.ordinal)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        return list(readable(StoredEvent(*row) for row in rows))

    # ---- housekeeping

    @property
    def address(self) -> StoreAddress:
        """Where it is."""
        return self._database.address

    @property
    def name(self) -> str:
        """For messages; holds no password."""
        return self._database.name

    def pruning(self, wanted: Wanted, *, before_ns: int, with_dead: bool = False) -> Pruning:
        """Deletes events that ended before this UTC."""
        return Pruning(self._database, self._tables, wanted, before_ns=before_ns, with_dead=with_dead)

    def survey(self) -> list[str]:
        """Before very much is read or deleted: have PostgreSQL look at large tables that it does not know, which may
        take seconds; gives their names."""
        return self._database.survey()

    def shrink(self) -> None:
        """Have SQLite give the room of what was deleted back to the disk; nobody can write meanwhile. PostgreSQL does
        so by itself."""
        self._database.shrink()

    # ---- the deliver process

    def pending(self, sink: str, now_ns: int, limit: int = 100) -> list[OutboxRow]:
        """What may be sent to the sink now, oldest first; at most ``limit``.

        The order of each camera is kept: while its oldest message waits for its next attempt, the camera's later
        ones wait too, and no other camera does.
        """
        return self._outbox.pending(sink, now_ns, limit)

    def delivered(self, row: OutboxRow) -> None:
        """The receiver acknowledged it."""
        self._outbox.delivered(row)

    def failed(self, row: OutboxRow, error: str, next_attempt_ns: int) -> None:
        """It was not acknowledged; try again then (UTC)."""
        self._outbox.failed(row, error, next_attempt_ns)

    def dead(self, row: OutboxRow, error: str) -> None:
        """Give it up. It stays in the outbox as ``dead``, with the reason."""
        self._outbox.dead(row, error)

    def hasten(self, sink: str) -> None:
        """Have what waits for its next attempt at this sink tried now, digests included."""
        self._outbox.hasten(sink)
        self.digests.hasten(sink)

    def outbox_counts(self) -> Counts:
        """Rows by sink and state; a sink without a row is absent. Digests are not among them."""
        return self._outbox.counts()

    def outbox_waiting(self, sinks: Sequence[str]) -> dict[str, int]:
        """Rows of each of these sinks that are still on their way; cheap however many are settled."""
        return self._outbox.waiting(sinks)

    # ---- inside

    def _known(self, connection: "Connection", bodies: dict[str, str]) -> set[str]:
        from sqlalchemy import select

        events, wanted, known = self._tables.events, list(bodies), set[str]()
        for start in range(0, len(wanted), _PAGE):
            page = wanted[start : start + _PAGE]
            statement = select(events.c.message_id, events.c.body).where(events.c.message_id.in_(page))
            for message_id, body in connection.execute(statement):
                if body != bodies[message_id]:
                    raise StoreError(
                        f"event store {self._database.name}: message {message_id} is there with other content; "
                        "the analysis did not repeat itself, or another one writes here"
                    )
                known.add(message_id)
        return known

    def _insert(self, connection: "Connection", events: list[Event], bodies: dict[str, str], route: Route) -> None:
        from sqlalchemy import insert

        now = self._clock.wall_ns()
        rows: list[dict[str, object]] = []
        outbox: list[dict[str, object]] = []
        for event in events:
            rows.append(event_row(event, bodies[event.message_id], now))
            outbox.extend(outbox_row(event, sink) for sink in route(event))
        connection.execute(insert(self._tables.events), rows)
        take_in(connection, self._tables, events, now)
        if outbox:
            connection.execute(insert(self._tables.outbox), outbox)

    def _select_events(self) -> "Select[Any]":
        from sqlalchemy import select

        columns = self._tables.events.c
        return select(columns.number, columns.message_id, columns.body, columns.committed_ns)

    def _by_commit(self, after: int) -> Iterator[StoredEvent]:
        number = self._tables.events.c.number
        while True:
            page = self._page(self._select_events().where(number > after).order_by(number))
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].number

    def _by_time(self, camera: str) -> Iterator[StoredEvent]:
        from sqlalchemy import tuple_

        columns = self._tables.events.c
        key = (columns.media_time, columns.ordinal)
        statement = self._select_events().add_columns(*key).where(columns.camera == camera).order_by(*key)
        after = statement
        while True:
            with self._database.reading() as connection:
                page = connection.execute(after.limit(_PAGE)).all()
            for number, message_id, body, committed_ns, *_ in page:
                yield StoredEvent(number, message_id, body, committed_ns)
            if len(page) < _PAGE:
                return
            after = statement.where(tuple_(*key) > tuple_(*page[-1][-2:]))

    def _page(self, statement: "Select[Any]") -> list[StoredEvent]:
        with self._database.reading() as connection:
            return [StoredEvent(*row) for row in connection.execute(statement.limit(_PAGE))]

    def _cameras(self, source_order: Sequence[str]) -> list[str]:
        found = self._readers.cameras()
        named = [camera for camera in source_order if camera in found]
        return named + sorted(found.difference(named))


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
