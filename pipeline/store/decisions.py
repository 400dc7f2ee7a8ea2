"""The governor's log of decisions in the event store, and the digests that it sends.

Written by the deliver process alone. A decision and what it does to the message's row in the outbox are one
transaction, and so are a digest and the note of what it tells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pipeline.clock import Clock
from pipeline.messages import Event
from pipeline.store.database import Database
from pipeline.store.outbox import Counts
from pipeline.store.rows import OutboxRow, decoded
from pipeline.store.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Join, Select

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_UNGOVERNED = "sent without a governor"
_COUNTED = ("events", "delivered", "merged", "held", "pending", "dead", "risen", "digests")
_RECENT = 20_000
"""Decisions, and notifications among them, that a process which starts goes by, whatever else still waits."""
_PAGE = 500


class Decision(Protocol):
    """What the governor decided about a message."""

    @property
    def verdict(self) -> str: ...  # noqa: D102  # as in the table
    @property
    def role(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def episode(self) -> str: ...  # noqa: D102
    @property
    def kept_from_user(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision as it lies in the store."""

    verdict: str
    """``pass``, ``merged`` or ``held``."""
    role: str
    """``opening``: the first message of its event at this sink; ``rise``: judged again; ``follow``."""
    reason: str
    episode: str
    """Id of the event whose notification stands for it; empty where it is held back."""
    decided_ns: int
    digest: int | None
    """The digest that told of it; 0: none needs to; None: not yet."""
    state: str
    """Of the message in the outbox."""
    body: str

    @property
    def event(self) -> Event:
        """The message itself. Raises ``DamagedEvent``."""
        return decoded(self.body, "of a decision")

    @property
    def digested(self) -> bool:
        """A digest told of it, or none needs to."""
        return self.digest is not None


class Decisions:
    """Reads and writes both tables."""

    def __init__(self, database: Database, tables: Tables, clock: Clock) -> None:
        self._database = database
        self._tables = tables
        self._clock = clock

    def recent(self, sink: str) -> Iterator[StoredDecision]:
        """What a governor goes by that starts again, in order: the last decisions, the last notifications, and, however
        old, what no digest has told of and what is still on its way. Read as it is asked for."""
        from sqlalchemy import or_, select

        columns, outbox = self._tables.decisions.c, self._tables.outbox.c
        mine = columns.sink == sink
        last = select(columns.number).where(mine).order_by(columns.number.desc()).limit(_RECENT)
        told = last.where(columns.verdict == "pass", columns.role != "follow")
        untold = select(columns.number).where(mine, columns.digest.is_(None))
        waits = select(columns.number).select_from(self._with_rows()).where(outbox.sink == sink)
        waits = waits.where(outbox.state == "pending")
        wanted = or_(*(columns.number.in_(some) for some in (last, told, untold, waits)))
        with self._database.reading() as connection:
            for row in connection.execute(self._select().where(wanted).execution_options(yield_per=_PAGE)):
                yield StoredDecision(*row)

    def of_event(self, sink: str, event_id: str) -> list[StoredDecision]:
        """All decisions about the messages of one event, in order; before them what was sent without a governor."""
        from sqlalchemy import select

        columns, outbox, events = self._tables.decisions.c, self._tables.outbox, self._tables.events
        decided = select(columns.message_id).where(columns.sink == sink, columns.event_id == event_id)
        sent = select(outbox.c.state, events.c.body).select_from(outbox.join(events)).order_by(outbox.c.number)
        sent = sent.where(events.c.event_id == event_id, outbox.c.sink == sink, outbox.c.message_id.not_in(decided))
        with self._database.reading() as connection:
            rows = connection.execute(sent.where(outbox.c.state.in_(("delivered", "dead")))).all()
        free = [StoredDecision("pass", "rise", _UNGOVERNED, event_id, 0, 0, state, body) for state, body in rows]
        return free + self._read(self._select().where(columns.sink == sink, columns.event_id == event_id))

    def all(self, sink: str) -> list[StoredDecision]:
        """All decisions of a sink, in order."""
        return self._read(self._select().where(self._tables.decisions.c.sink == sink))

    def keep(self, sink: str, decided: Sequence[tuple[OutboxRow, Decision]], decided_ns: int) -> None:
        """Write these decisions, and settle the rows that do not pass: all, or nothing."""
        from sqlalchemy import bindparam, insert, update

        outbox = self._tables.outbox
        rows = [self._row(sink, row, decision, decided_ns) for row, decision in decided]
        stopped = [
            {"row": row.number, "verdict": str(decision.verdict), "now": decided_ns}
            for row, decision in decided
            if decision.verdict != "pass"
        ]
        settle = update(outbox).where(outbox.c.number == bindparam("row"), outbox.c.state == "pending")
        with self._database.writing() as connection:
            connection.execute(insert(self._tables.decisions), rows)
            if stopped:
                connection.execute(settle.values(state=bindparam("verdict"), settled_ns=bindparam("now")), stopped)

    def digests(self, sink: str) -> int:
        """How many digests there were."""
        from sqlalchemy import func, select

        columns = self._tables.digests.c
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).where(columns.sink == sink)).scalar_one()

    def digest(self, sink: str, event: Event) -> None:
        """Send this digest of everything that no digest has told of yet."""
        from sqlalchemy import insert, update

        decisions, digests = self._tables.decisions, self._tables.digests
        row = {
            "message_id": event.message_id,
            "sink": sink,
            "state": "pending",
            "attempts": 0,
            "next_attempt_ns": 0,
            "last_error": "",
            "made_ns": self._clock.wall_ns(),
            "body": _ENCODE(event).decode(),
        }
        with self._database.writing() as connection:
            made = connection.execute(insert(digests), row)
            assert made.inserted_primary_key is not None
            told = update(decisions).where(decisions.c.sink == sink, decisions.c.digest.is_(None))
            connection.execute(told.values(digest=made.inserted_primary_key[0]))

    def counts(self) -> Counts:
        """Events by sink and what became of them, by their first message: ``events`` are the sum of ``delivered``,
        ``merged``, ``held``, ``pending`` and ``dead``. ``risen``: delivered later, for they came to matter more;
        ``digests``: how many were sent about those that were not."""
        from sqlalchemy import func, select

        columns, digests = self._tables.decisions.c, self._tables.digests.c
        states = self._tables.outbox.c.state
        joined = select(columns.sink, columns.role, states, func.count()).select_from(self._with_rows())
        by_state = joined.where(columns.role != "follow").group_by(columns.sink, columns.role, states)
        with self._database.reading() as connection:
            rows = connection.execute(by_state).all()
            undecided = connection.execute(self._select_undecided()).all()
            made = connection.execute(select(digests.sink, func.count()).group_by(digests.sink)).all()
        counts: Counts = {}
        for sink, role, state, count in rows:
            mine = counts.setdefault(sink, dict.fromkeys(_COUNTED, 0))
            if role == "opening":
                mine[state] += count
                mine["events"] += count
            elif state == "delivered":
                mine["risen"] += count
        for sink, count in undecided:
            if sink in counts:
                counts[sink]["pending"] += count
                counts[sink]["events"] += count
        for sink, count in made:
            counts.setdefault(sink, dict.fromkeys(_COUNTED, 0))["digests"] = count
        return counts

    # ---- inside

    def _row(self, sink: str, row: OutboxRow, decision: Decision, decided_ns: int) -> dict[str, object]:
        return {
            "sink": sink,
            "message_id": row.message_id,
            "event_id": row.event.id,
            "verdict": str(decision.verdict),
            "role": str(decision.role),
            "reason": decision.reason,
            "episode": decision.episode,
            "digest": None if decision.kept_from_user else 0,
            "decided_ns": decided_ns,
        }

    def _select(self) -> "Select[Any]":
        from sqlalchemy import select

        columns, events = self._tables.decisions.c, self._tables.events
        return (
            select(columns.verdict, columns.role, columns.reason, columns.episode, columns.decided_ns, columns.digest)
            .add_columns(self._tables.outbox.c.state, events.c.body)
            .select_from(self._with_rows().join(events, events.c.message_id == columns.message_id))
            .order_by(columns.number)
        )

    def _select_undecided(self) -> "Select[Any]":
        """Events by sink of which no message has come before the governor yet."""
        from sqlalchemy import exists, func, select

        columns, outbox, events = self._tables.decisions.c, self._tables.outbox.c, self._tables.events
        decided = exists().where(columns.sink == outbox.sink, columns.event_id == events.c.event_id)
        counted = select(outbox.sink, func.count(events.c.event_id.distinct()))
        joined = counted.select_from(self._tables.outbox.join(events)).where(outbox.state == "pending", ~decided)
        return joined.group_by(outbox.sink)

    def _with_rows(self) -> "Join":
        """Decisions beside the rows of the outbox that they are about."""
        from sqlalchemy import and_

        decisions, outbox = self._tables.decisions, self._tables.outbox
        same = and_(outbox.c.message_id == decisions.c.message_id, outbox.c.sink == decisions.c.sink)
        return decisions.join(outbox, same)

    def _read(self, statement: "Select[Any]") -> list[StoredDecision]:
        with self._database.reading() as connection:
            return [StoredDecision(*row) for row in connection.execute(statement).all()]
