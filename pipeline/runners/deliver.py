"""The deliver process: sends what lies in the outbox until each receiver has acknowledged it, and writes
``events.jsonl`` as events are committed. Each sink has a thread of its own; this loop looks after them."""

import logging
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.configuration.config import PipelineConfig
from pipeline.control import Backlog, Metrics
from pipeline.courier import Courier, end_all
from pipeline.spare_room import FULL_DISK
from pipeline.spec import RunSpec
from pipeline.stats import Stats
from pipeline.store.census import Census
from pipeline.store.event_store import EventStore
from pipeline.store.rendering import EventAppender
from pipeline.worker import Child, Every

if TYPE_CHECKING:
    from pipeline.build import BuiltSink

logger = logging.getLogger(__name__)

POLL_S = 0.1
POLL_RECORDED_S = 0.5
"""Of recordings nobody waits for the next alert."""
TELL_S = 0.5


def run(child: Child, spec: RunSpec) -> None:
    """Run until drained and the outbox is empty (or the supervisor loses patience)."""
    from pipeline.build import build_sinks

    config = PipelineConfig.from_spec(spec.config)
    sinks = build_sinks(config, child.clock, Path(spec.out))
    with spec.open_store(child.answer) as store, Record(store, spec.events_path) as record:
        live = any(config.is_live(camera) for camera in spec.cameras)
        loop = DeliverLoop(child, store, record, sinks, poll_s=POLL_S if live else POLL_RECORDED_S)
        try:
            loop.run()
        finally:
            loop.close()


class Record:
    """``events.jsonl``, which goes on when there is room again: on a full disk alerts go out nevertheless."""

    def __init__(self, store: EventStore, path: Path) -> None:
        self._store = store
        self._path = path
        self._appender: EventAppender | None = EventAppender(store, path)
        self._is_full = False

    def catch_up(self) -> int:
        """Append what was committed since, as far as there is room; gives the number of lines."""
        try:
            if self._appender is None:
                self._appender = EventAppender(self._store, self._path)
            lines = self._appender.catch_up()
        except OSError as error:
            with suppress(OSError):
                self.close()  # it does not know how much of its last line is there: the next one looks
            if error.errno not in FULL_DISK:
                raise
            if not self._is_full:
                logger.warning("%s cannot be written: %s; it is tried again", self._path, error.strerror)
            self._is_full = True
            return 0
        self._is_full = False
        return lines

    def close(self) -> None:
        """Close the file; safe to call twice."""
        appender, self._appender = self._appender, None
        if appender is not None:
            appender.close()

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._is_full:
            logger.warning("%s lacks events, because its disk is full; the next run adds them", self._path)


class DeliverLoop:
    """The deliver process's work loop."""

    def __init__(
        self, child: Child, store: EventStore, record: Record, sinks: "list[BuiltSink]", *, poll_s: float
    ) -> None:
        self._poll_s = poll_s
        self._child = child
        self._store = store
        self._record = record
        self._sinks = sinks
        self._couriers = [Courier(sink, store, child.clock, poll_s=poll_s) for sink in sinks]
        self._census = Census(store, [sink.name for sink in sinks], child.clock)
        self._tell_due = Every(TELL_S, child.clock)
        self._stats = Stats("deliver")

    def run(self) -> None:
        """Until drained and nothing waits."""
        from pipeline.wire.transport import Waiter

        waiter = Waiter(None, self._child)
        self._tell_of_strangers()
        for courier in self._couriers:
            courier.start()
        self._child.started()
        while True:
            self._child.answer()
            if self._child.draining:
                for courier in self._couriers:
                    courier.hurry()
            appended = self._record.catch_up()
            for courier in self._couriers:
                courier.check()
                if appended:
                    courier.wake()
            if self._tell_due.due() or self._child.draining:
                backlog = self._backlog()
                self._child.tell(backlog)
                over = self._child.draining and not backlog.waiting and not appended
                if over and not self._flush():
                    return
            waiter.wait(min(self._poll_s, POLL_S) if self._child.draining else self._poll_s)

    def close(self) -> None:
        """End the threads; each closes its sink."""
        end_all(self._couriers)

    def _tell_of_strangers(self) -> None:
        """What waits for a sink that was renamed or taken out since: nobody else would say it while the run goes on."""
        mine, waits = {sink.name for sink in self._sinks}, Counter[str]()
        for left in self._store.letters.left():
            if left.sink not in mine and left.state == "pending":
                waits[left.sink] += left.count
        for name, count in sorted(waits.items()):
            said = "%d messages wait for sink %s, which the configuration does not have any more"
            logger.warning(said, count, name)

    def _flush(self) -> bool:
        """Have every governor tell what it kept back; False if there is nothing left to tell."""
        told = [courier.flush() for courier in self._couriers]
        return any(told)

    def _backlog(self) -> Backlog:
        outbox, digests = self._census.counts(), self._store.digests.counts()
        waits = any(rows.get(sink.name, {}).get("pending") for sink in self._sinks for rows in (outbox, digests))
        if self._child.draining and not waits:
            outbox = self._census.counts(exact=True)  # these may be the last that are told
        total: Counter[str] = Counter()
        found = {"bartizan_deliveries_total": outbox, "bartizan_digests_total": digests}
        for metric, by_sink in found.items():
            for sink in self._sinks:
                counts = by_sink.get(sink.name, {})
                total.update(counts)
                for state in counts.keys() - {"pending"}:
                    self._stats.count_to(metric, counts[state], sink=sink.name, state=state)
        self._child.tell(Metrics(self._stats.snapshot()))
        done = total["delivered"] + total["merged"] + total["held"]
        return Backlog(total["pending"], done, total["dead"])
