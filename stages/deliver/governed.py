"""The outbox of one sink, seen through the governor: only what it lets pass is pending.

Each decision is kept in the event store before anything goes by it, together with what it does to the message's row.
A process that is killed at any moment finds the same decisions again, and takes none twice.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from pipeline.clock import Clock
from pipeline.errors import DamagedEvent
from pipeline.messages import Event
from pipeline.schedule import Schedule
from stages.deliver.decision import Decision, Limits, Role, Verdict
from stages.deliver.digest import Digest
from stages.deliver.governor import Fate, Governor
from stages.deliver.outbox import Outbox, Waiting

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Waiting)

FIRST_LOOK, LONGEST_LOOK, MOST_A_CALL = 16, 1024, 4096
"""Rows read at a time, from few to many while none passes; and most that one call decides on."""


class Past(Protocol):
    """A decision as the event store gives it."""

    @property
    def event(self) -> Event: ...  # noqa: D102
    @property
    def verdict(self) -> str: ...  # noqa: D102
    @property
    def role(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def episode(self) -> str: ...  # noqa: D102
    @property
    def state(self) -> str:
        """Of the message in the outbox: ``pending``, ``delivered``, ``dead``, or the verdict."""
        ...

    @property
    def decided_ns(self) -> int: ...  # noqa: D102
    @property
    def digested(self) -> bool:
        """A digest told of it, or need not."""
        ...


RowT = TypeVar("RowT", bound=Waiting, contravariant=True)


class Decisions(Protocol[RowT]):
    """The governor's own log in the event store."""

    def recent(self, sink: str) -> Iterable[Past]:
        """What was decided of late, in order."""
        ...

    def of_event(self, sink: str, event_id: str) -> Iterable[Past]:
        """All decisions about the messages of one event, in order."""
        ...

    def keep(self, sink: str, decided: Sequence[tuple[RowT, Decision]], decided_ns: int) -> None:
        """Write these decisions, and settle the rows that do not pass: all, or nothing."""
        ...

    def digests(self, sink: str) -> int:
        """How many there were."""
        ...

    def digest(self, sink: str, event: Event) -> None:
        """Send this digest of all events that no digest has told of yet."""
        ...


class GovernedOutbox(Generic[Row]):
    """What ``deliver_due`` sees instead of the outbox."""

    def __init__(
        self,
        outbox: Outbox[Row],
        decisions: Decisions[Row],
        sink: str,
        limits: Limits,
        *,
        clock: Clock,
        live: bool,
        schedule: Schedule | None = None,
    ) -> None:
        """Goes on where the log of decisions ends. ``live``: digests also come due by the wall clock, and only when the
        sink's schedule is open. Those of recordings tell of hours that were in it."""
        self._outbox = outbox
        self._decisions = decisions
        self._sink = sink
        self._clock = clock
        self._live = live
        self._schedule = schedule
        self._limits = limits
        self._governor = Governor(limits, self._recall)
        self._digest = Digest(limits)
        self._passed: dict[str, Decision] = {}
        self.sifted = 0
        """Messages decided on so far by this process."""
        for past, event in _intact(decisions.recent(sink)):
            self._go_by(past, event)

    def pending(self, sink: str, now_ns: int, limit: int) -> Sequence[Row]:
        """Decide on what is due to this sink, in order, until the fate of a message depends on one that passed before
        it: so at most one message of each camera passes in a call."""
        if self._digest.due(now_ns if self._live else None):
            self.flush()
        passed: list[Row] = []
        look, seen = FIRST_LOOK, 0
        while not passed and seen < MOST_A_CALL:
            rows = self._outbox.pending(self._sink, now_ns, look)
            passed, decided = self._sift(rows)
            seen += decided
            if not decided:
                break
            look = min(4 * look, LONGEST_LOOK)
        return passed[:limit]

    def delivered(self, row: Row) -> None:
        """It was acknowledged: what it spends is spent."""
        self._outbox.delivered(row)
        self._settle(row, delivered=True)

    def failed(self, row: Row, error: str, next_attempt_ns: int) -> None:
        """It was not; nothing is spent."""
        self._outbox.failed(row, error, next_attempt_ns)

    def dead(self, row: Row, error: str) -> None:
        """It is given up: it spends nothing."""
        self._outbox.dead(row, error)
        self._settle(row, delivered=False)

    def flush(self) -> bool:
        """Send the digest now; False if there is nothing to tell, or not at this hour."""
        if not self._digest.kept or not self._on_duty():
            return False
        self._decisions.digest(self._sink, self._digest.close(self._sink, self._decisions.digests(self._sink) + 1))
        return True

    @property
    def untold(self) -> int:
        """Events that were kept from the receiver and that no digest tells of, since the schedule is closed."""
        return 0 if self._on_duty() else len(self._digest.kept)

    # ---- inside

    def _on_duty(self) -> bool:
        return self._schedule is None or not self._live or self._schedule.armed(self._clock.wall_ns())

    def _sift(self, rows: Sequence[Row]) -> tuple[list[Row], int]:
        """Those of the rows that pass, and how many were decided on just now."""
        passed: list[Row] = []
        blocked: set[str] = set()
        decided: list[tuple[Row, Decision]] = []
        count = 0
        for row in rows:
            if row.camera in blocked:
                break  # whatever is killed or slow, decisions are taken in the order of the log
            event = self._event(row)
            if event is None:
                count += 1
                continue
            decision = self._passed.get(row.message_id) or (self._earlier(row, event) if row.attempts else None)
            if decision is None:
                decision = self._governor.decide(event)
                decided.append((row, decision))
                self._governor.note(event, decision)
                self._digest.note(event, decision, self._clock.wall_ns())
                count += 1
            if decision.verdict is Verdict.PASS:
                self._passed[row.message_id] = decision
                passed.append(row)
                blocked.add(row.camera)
            if self._digest.due(None) and self._on_duty():
                self._keep(decided)
                self.flush()
        self._keep(decided)
        return passed, count

    def _event(self, row: Row) -> Event | None:
        """What is to be decided on; one that was altered in the store is given up."""
        try:
            return row.event
        except DamagedEvent as error:
            logger.warning("sink %s: message %s is a dead letter: %s", self._sink, row.message_id, error)
            self._outbox.dead(row, str(error))
            return None

    def _earlier(self, row: Row, event: Event) -> Decision | None:
        """That by which a message passed that was given up since, and is to be sent again."""
        for past, told in _intact(self._decisions.of_event(self._sink, event.id)):
            if told.message_id == row.message_id:
                decision = Decision(Verdict(past.verdict), Role(past.role), past.reason, past.episode)
                self._governor.note(event, decision)  # as it would after a restart
                return decision
        return None

    def _keep(self, decided: list[tuple[Row, Decision]]) -> None:
        if decided:
            self._decisions.keep(self._sink, decided, self._clock.wall_ns())
            self.sifted += len(decided)
            decided.clear()

    def _settle(self, row: Row, *, delivered: bool) -> None:
        self._governor.settle(row.event, self._passed.pop(row.message_id), delivered=delivered)

    def _go_by(self, past: Past, event: Event) -> None:
        """Take in what was decided, and what came of it."""
        decision = _replay(past, event, self._governor)
        if not past.digested or not decision.kept_from_user:
            self._digest.note(event, decision, past.decided_ns)
        if past.state == "pending":
            self._passed[event.message_id] = decision

    def _recall(self, event_id: str) -> Fate | None:
        """What became of an event, from the log."""
        alone = Governor(self._limits)
        for past, event in _intact(self._decisions.of_event(self._sink, event_id)):
            _replay(past, event, alone)
        return alone.fate(event_id)


def _intact(found: Iterable[Past]) -> Iterator[tuple[Past, Event]]:
    """Those whose messages can be read, with these; what was altered in the store is lost to the digest, too."""
    for past in found:
        try:
            event = past.event
        except DamagedEvent:
            continue
        yield past, event


def _replay(past: Past, event: Event, governor: Governor) -> Decision:
    """Bring a governor to where it was after this decision and what came of it."""
    decision = Decision(Verdict(past.verdict), Role(past.role), past.reason, past.episode)
    governor.note(event, decision)
    if past.state in ("delivered", "dead"):
        governor.settle(event, decision, delivered=past.state == "delivered")
    return decision
