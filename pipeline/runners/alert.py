"""The alert process: follows every camera's log, and commits events, state and position in one transaction.

Frames that led to no event are passed at once: should this process die, they are read again and lead to none again.
A frame with an event is passed after its commit, and its picture asked for in between.
"""

import logging
from collections import Counter

from pipeline.clock import SECOND
from pipeline.configuration.config import PipelineConfig
from pipeline.control import CameraConsumed, Consumed
from pipeline.histogram import Histogram
from pipeline.journal.log import LogReader
from pipeline.messages import EndRecord, Event, FrameRecord, Keep, Passed, ReaderHello, Record, Status
from pipeline.spec import RunSpec
from pipeline.spool import Spool
from pipeline.stage import Alert, Outcome
from pipeline.store.event_store import EventStore, Route
from pipeline.store.rows import Position
from pipeline.wire.keys import Role
from pipeline.wire.links import open_dealer
from pipeline.wire.transport import Dealer, Waiter
from pipeline.worker import Child, Every

logger = logging.getLogger(__name__)

BATCH = 6
"""Records read at a time: fewer than the slots that dispatch keeps for snapshots."""
HELLO_S = 0.25
COMMIT_S = 2.0
"""Between commits without events: what is read again after a restart, at most."""
TELL_S = 0.5
STALE_BOOT_NS = 600 * SECOND


def run(child: Child, spec: RunSpec) -> None:
    """Run until drained; then export the tracks."""
    from pipeline.build import build_alert, route

    config = PipelineConfig.from_spec(spec.config)
    alert = build_alert(config)
    with (
        EventStore.open(spec.store_path, analysis_sha256=spec.analysis_sha256) as store,
        open_dealer(config.links, spec.endpoint, Role.FOLLOWER) as link,
    ):
        loop = AlertLoop(child, spec, link, alert, store, route(config))
        try:
            loop.run()
        finally:
            loop.close()


class Follower:
    """One camera's place in its log."""

    def __init__(self, spec: RunSpec, camera: str, alert: Alert, store: EventStore) -> None:
        self.camera = camera
        self.reader = LogReader(spec.log_path(camera))
        position = store.position(camera)
        if position is None:
            position = Position(state=b"", log_offset=0, log_records=0)
        else:
            alert.restore(camera, position.state)
            self.reader.seek(position.log_offset)
        self.offset = position.log_offset
        self.records = position.log_records
        self.last_index = position.last_index
        self.counts = Counter(dict(position.counts))
        self.ended = position.ended
        self.spool = Spool(spec.spool_path(camera), position.spool_offset)
        self.events = 0
        self.dirty = False

    def note(self, batch: list[tuple[Record, int]]) -> None:
        """Count the records of a batch."""
        for record, _ in batch:
            match record:
                case FrameRecord(frame, status):
                    self.ended = False
                    self.last_index = frame.index
                    self.counts[status.value] += 1
                case EndRecord():
                    self.ended = True
        self.offset = batch[-1][1]
        self.records += len(batch)
        self.dirty = True

    def position(self, state: bytes) -> Position:
        """What to commit."""
        return Position(
            state=state,
            log_offset=self.offset,
            log_records=self.records,
            spool_offset=self.spool.length,
            last_index=self.last_index,
            counts=dict(self.counts),
            ended=self.ended,
        )


class AlertLoop:
    """The alert process's work loop."""

    def __init__(
        self, child: Child, spec: RunSpec, link: Dealer, alert: Alert, store: EventStore, route: Route
    ) -> None:
        self._child = child
        self._spec = spec
        self._route = route
        self._link = link
        self._alert = alert
        self._store = store
        self._waiter = Waiter(link, child)
        self._followers = [Follower(spec, camera, alert, store) for camera in spec.cameras]
        self._hello_due = Every(HELLO_S, child.clock)
        self._commit_due = Every(COMMIT_S, child.clock)
        self._tell_due = Every(TELL_S, child.clock)
        self._latency = Histogram()

    def run(self) -> None:
        """Until drained and everything in the logs is committed."""
        self._child.started()
        idle = False
        while not (idle and self._child.draining):
            self._child.answer()
            if self._hello_due.due():
                self._link.send(ReaderHello(self._child.incarnation))
            if idle:
                self._waiter.wait(0.1)
            self._link.receive(1024)  # wakes say only that there is something to read
            idle = not sum(self._follow(follower) for follower in self._followers)
            if self._commit_due.due() or (idle and self._child.draining):
                self._commit_dirty()
            if self._tell_due.due():
                self._child.tell(self._consumed())
        self._export()
        self._child.tell(self._consumed())

    def close(self) -> None:
        """Close logs and spools."""
        for follower in self._followers:
            follower.reader.close()
            follower.spool.close()

    def _follow(self, follower: Follower) -> bool:
        """Read one batch of a camera's log; False when there is nothing."""
        batch = follower.reader.read(BATCH)
        if not batch:
            return False
        outcome = self._alert.process(follower.camera, [record for record, _ in batch])
        follower.note(batch)
        follower.spool.append(outcome.tracked)
        if outcome.events:
            self._commit(follower, outcome)
            self._measure(batch, outcome.events)
        if follower.last_index >= 0:
            self._link.send(Passed(follower.camera, follower.last_index))
        if follower.ended:
            self._commit_dirty()
            self._child.tell(self._consumed())
        return True

    def _commit(self, follower: Follower, outcome: Outcome) -> None:
        events = outcome.events
        follower.reader.sync()
        follower.spool.sync()
        position = follower.position(self._alert.state(follower.camera))
        self._store.commit(follower.camera, events, position, self._route)
        follower.dirty = False
        follower.events += len(events)
        for event in events:
            if "snapshot" in event.evidence:
                self._link.send(Keep(follower.camera, event.frame - 1, event.message_id))

    def _commit_dirty(self) -> None:
        for follower in self._followers:
            if follower.dirty:
                self._commit(follower, Outcome([], []))

    def _measure(self, batch: list[tuple[Record, int]], events: list[Event]) -> None:
        """Latency from a deciding frame's arrival in its slot to the committed event."""
        deciding = {event.frame - 1 for event in events}
        now = self._child.clock.monotonic_ns()
        for record, _ in batch:
            if isinstance(record, FrameRecord) and record.frame.index in deciding and record.frame.arrived_ns:
                age = now - record.frame.arrived_ns
                if 0 <= age < STALE_BOOT_NS:
                    self._latency.add(age / 1e6)

    def _consumed(self) -> Consumed:
        return Consumed(
            {
                f.camera: CameraConsumed(sum(f.counts.values()), dict(f.counts), f.ended, f.events)
                for f in self._followers
            },
            self._latency,
        )

    def _export(self) -> None:
        from pipeline.build import export_tracks

        for follower in self._followers:
            if follower.counts[Status.ANALYSED] or follower.ended:
                export_tracks(self._spec, follower.camera)
            self._child.answer()
