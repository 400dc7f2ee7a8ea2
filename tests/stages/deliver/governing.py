"""Events for the governor, and an outbox and log of decisions in memory with the rules of the event store's."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipeline.clock import ManualClock
from pipeline.configuration.settings import GovernorOptions
from pipeline.errors import DeliveryError, DeliveryRefused
from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.deliver.decision import Decision
from stages.deliver.governed import GovernedOutbox
from stages.deliver.options import RetryOptions
from stages.deliver.outbox import deliver_due

OBJECT = sample_event().object
_DECODE = msgspec.json.Decoder(Event)


def limits(**changes: Any) -> GovernorOptions:
    return GovernorOptions.model_validate({"enabled": True, **changes})


def event(number: int, seconds: float, *, x: float = 0.5, track_id: int | None = None, **changes: Any) -> Event:
    """A message of event ``number``; ``x``: where its object is."""
    assert OBJECT is not None
    seen = msgspec.structs.replace(OBJECT, box=(x, 0.4, x, 0.6), track_id=number if track_id is None else track_id)
    camera, kind = changes.pop("camera", "gate"), changes.pop("type", "start")
    ordinal = changes.pop("ordinal", number)
    values = {"id": f"{camera}-{number}", "type": kind, "media_time": seconds, "severity": "medium", "object": seen}
    name = f"{camera}-{number}-{kind}-{ordinal}"
    return msgspec.structs.replace(sample_event(camera, ordinal), **{**values, "message_id": name, **changes})


@dataclass
class MemoryRow:
    number: int
    event: Event
    attempts: int = 0
    first_attempt_ns: int | None = None
    state: str = "pending"
    due_ns: int = 0

    @property
    def camera(self) -> str:
        return self.event.camera

    @property
    def message_id(self) -> str:
        return self.event.message_id


@dataclass
class Kept:
    """A decision in the log."""

    row: MemoryRow
    decision: Decision
    decided_ns: int
    digested: bool

    event = property(lambda self: self.row.event)
    state = property(lambda self: self.row.state)
    verdict = property(lambda self: str(self.decision.verdict))
    role = property(lambda self: str(self.decision.role))
    reason = property(lambda self: self.decision.reason)
    episode = property(lambda self: self.decision.episode)


@dataclass
class MemoryStore:
    """One sink's rows, decisions and digests. All in one, so every change is a transaction."""

    rows: list[MemoryRow] = field(default_factory=list)
    log: list[Kept] = field(default_factory=list)
    sent: list[Event] = field(default_factory=list)
    """Digests."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> "MemoryStore":
        return cls([MemoryRow(number, one) for number, one in enumerate(events, 1)])

    def pending(self, sink: str, now_ns: int, limit: int) -> list[MemoryRow]:
        found: list[MemoryRow] = []
        waiting: set[str] = set()
        for row in self.rows:
            if row.state == "pending" and row.camera not in waiting:
                if row.due_ns > now_ns:
                    waiting.add(row.camera)
                else:
                    found.append(row)
        return found[:limit]

    def delivered(self, row: MemoryRow) -> None:
        row.state = "delivered"

    def failed(self, row: MemoryRow, error: str, next_attempt_ns: int) -> None:
        row.due_ns = next_attempt_ns

    def dead(self, row: MemoryRow, error: str) -> None:
        row.state = "dead"

    def recent(self, sink: str) -> list[Kept]:
        return list(self.log)

    def of_event(self, sink: str, event_id: str) -> list[Kept]:
        return [kept for kept in self.log if kept.event.id == event_id]

    def keep(self, sink: str, decided: Sequence[tuple[MemoryRow, Decision]], decided_ns: int) -> None:
        for row, decision in decided:
            self.log.append(Kept(row, decision, decided_ns, not decision.kept_from_user))
            if decision.verdict != "pass":
                row.state = str(decision.verdict)

    def digests(self, sink: str) -> int:
        return len(self.sent)

    def digest(self, sink: str, event: Event) -> None:
        self.sent.append(_DECODE.decode(msgspec.json.encode(event)))
        for kept in self.log:
            kept.digested = True

    # ---- what tests ask

    def states(self) -> list[str]:
        return [row.state for row in self.rows]

    def verdicts(self) -> list[tuple[str, str, str]]:
        return [(kept.row.message_id, kept.verdict, kept.reason) for kept in self.log]

    def openings(self) -> Counter[str]:
        return Counter(kept.verdict for kept in self.log if kept.role == "opening")

    def told_in_digests(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for digest in self.sent:
            for line in digest.why:
                found[{"held_back": "held", "merged": "merged"}[line["predicate"]]] += line["value"]
        return found


@dataclass
class ScriptedSink:
    """Fails or refuses as the script says, by message id; notes what it acknowledged."""

    down: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    got: list[str] = field(default_factory=list)

    def send(self, event: Event, *, key: str) -> None:
        if key in self.refused:
            raise DeliveryRefused("never")
        if key in self.down:
            raise DeliveryError("not now")
        self.got.append(key)

    def close(self) -> None:
        pass


def governed(store: MemoryStore, options: GovernorOptions, clock: ManualClock | None = None) -> GovernedOutbox[Any]:
    return GovernedOutbox(store, store, "hook", options, clock=clock or ManualClock(), live=False)


def deliver(outbox: Any, sink: ScriptedSink, clock: ManualClock | None = None, *, limit: int = 4) -> bool:
    """One round of the delivery loop."""
    tally = deliver_due(
        outbox, "hook", sink, retry=RetryOptions(), live=False, clock=clock or ManualClock(),
        random=lambda: 0.5, limit=limit,
    )  # fmt: skip
    return bool(tally.delivered or tally.failed or tally.dead)


def run(events: Iterable[Event], options: GovernorOptions, sink: ScriptedSink | None = None) -> MemoryStore:
    """Deliver everything to a sink that takes it, and the digest at the end."""
    store, sink = MemoryStore.of(events), sink or ScriptedSink()
    outbox = governed(store, options)
    while deliver(outbox, sink):
        pass
    outbox.flush()
    return store
