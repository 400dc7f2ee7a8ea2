"""The alert process: follows every camera's log, and commits events, state and position in one transaction.

Frames that led to no event are passed at once: should this process die, they are read again and lead to none again.
A frame with an event is passed after its commit, and its picture asked for in between. Where there are classifiers,
a frame's crops are wished for before it is passed, and answers that are due are taken in before the next frame.
"""

import logging

from pipeline.candidate_pictures import PATIENCE
from pipeline.clock import SECOND
from pipeline.configuration.config import PipelineConfig
from pipeline.control import CameraConsumed, ClassifyLost, Consumed
from pipeline.desk import JOINED, Desk
from pipeline.errors import CannotStart, LogError
from pipeline.follower import Follower
from pipeline.histogram import Histogram
from pipeline.messages import (
    AnswersHeader,
    Candidates,
    Event,
    FrameRecord,
    Keep,
    Missed,
    Passed,
    ReaderHello,
    Record,
    Status,
    Wish,
    Wishes,
)
from pipeline.spec import RunSpec
from pipeline.stage import Alert, Outcome
from pipeline.store.event_store import EventStore, Route
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
WISH_S = 0.5
"""Between two words to dispatch on all wishes that are open."""
STALE_BOOT_NS = 600 * SECOND
_NOTHING = Outcome([], [])


def run(child: Child, spec: RunSpec) -> None:
    """Run until drained; then export the tracks."""
    from pipeline.build import build_alert, route

    config = PipelineConfig.from_spec(spec.config)
    alert = build_alert(config)
    with (
        spec.open_store(child.answer) as store,
        open_dealer(config.links, spec.endpoint, Role.FOLLOWER) as link,
    ):
        loop = AlertLoop(child, spec, config, link, alert, store, route(config, store))
        try:
            loop.run()
        finally:
            loop.close()


class AlertLoop:
    """The alert process's work loop."""

    def __init__(
        self,
        child: Child,
        spec: RunSpec,
        config: PipelineConfig,
        link: Dealer,
        alert: Alert,
        store: EventStore,
        route: Route,
    ) -> None:
        self._child = child
        self._spec = spec
        self._route = route
        self._link = link
        self._alert = alert
        self._store = store
        self._waiter = Waiter(link, child)
        self._followers = [Follower(spec, config, camera, alert, store) for camera in spec.cameras]
        self._hello_due = Every(HELLO_S, child.clock)
        self._commit_due = Every(COMMIT_S, child.clock)
        self._tell_due = Every(TELL_S, child.clock)
        self._wish_due = Every(WISH_S, child.clock)
        self._latency = Histogram()

    def run(self) -> None:
        """Until drained and everything in the logs is committed."""
        self._child.started()
        idle = False
        while not (idle and self._child.draining):
            self._child.answer()
            self._obey()
            if self._hello_due.due():
                self._link.send(ReaderHello(self._child.incarnation))
            if self._wish_due.due():
                self._tell_wishes()
                self._tell_candidates()
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
            if follower.desk is not None:
                follower.desk.close()

    def _follow(self, follower: Follower) -> bool:
        """Take in a few records of a camera's log; False when there is nothing, or an answer is waited for."""
        if not follower.backlog:
            follower.backlog.extend(follower.reader.read(BATCH))
        batch, outcome = self._take_in(follower)
        if not batch:
            return False
        follower.note(batch)
        follower.spool.append(outcome.tracked)
        if outcome.wishes and follower.desk is not None:
            self._wish(follower, follower.desk.unanswered(outcome.wishes), complete=False)
        if follower.live:
            self._ask_candidates(follower, outcome.events)
        if outcome.events:
            self._commit(follower, outcome)
            self._measure(batch, outcome.events)
        if follower.last_index >= 0:
            self._link.send(Passed(follower.camera, follower.last_index))
        if follower.ended:
            self._commit_dirty()
            self._child.tell(self._consumed())
        return True

    def _take_in(self, follower: Follower) -> tuple[list[tuple[Record, int]], Outcome]:
        """What could be taken in of the backlog: all of it, or, with classifiers, up to the first frame that has to
        wait for an answer."""
        backlog, desk = follower.backlog, follower.desk
        if desk is None:
            batch = list(backlog)
            backlog.clear()
            return batch, self._alert.process(follower.camera, [record for record, _ in batch]) if batch else _NOTHING
        taken: list[tuple[Record, int]] = []
        whole = Outcome([], [])
        while backlog and self._is_answered(follower, desk, backlog[0][0]):
            taken.append(backlog.popleft())
            outcome = self._alert.process(follower.camera, [taken[-1][0]])
            whole.events.extend(outcome.events)
            whole.tracked.extend(outcome.tracked)
            whole.wishes.extend(outcome.wishes)
        return taken, whole

    # ---- classifiers

    def _is_answered(self, follower: Follower, desk: Desk, record: Record) -> bool:
        """Have the alert stage learn what is due before this record; False while a recording has to wait for it."""
        if not isinstance(record, FrameRecord):
            return True
        camera, frame = follower.camera, record.frame
        due = [wish for wish in self._alert.wishes(camera) if wish.due_ns <= frame.media_ns]
        if desk.lacks(due):
            self._poll(follower, desk, frame.index)
        facts = desk.settle(due) if desk.is_complete() else None
        if facts is None:
            return False
        follower.missed += [fact for fact in facts if isinstance(fact, Missed)]
        self._alert.learn(camera, facts)
        desk.passed(frame.index)
        return True

    def _poll(self, follower: Follower, desk: Desk, index: int) -> None:
        """Read what classifiers have said; ``index``: the next frame."""
        try:
            headers = desk.poll(self._alert.wishes(follower.camera))
        except LogError as error:
            raise CannotStart(str(error)) from error
        for header in headers:
            self._join(follower, header, index)

    def _join(self, follower: Follower, header: AnswersHeader, index: int) -> None:
        self._alert.learn(follower.camera, [header])
        if follower.live and follower.desk is not None and follower.desk.joins(header.classifier):
            follower.missed.append(Missed(index, -1, header.classifier, JOINED))

    def _obey(self) -> None:
        for order in self._child.orders:
            if isinstance(order, ClassifyLost):
                for follower in self._followers:
                    if follower.desk is not None:
                        follower.desk.lose(order.process, order.reason)
        self._child.orders.clear()

    def _tell_wishes(self) -> None:
        """Say which crops are wanted, all of them: what got lost on the way is made up for."""
        for follower in self._followers:
            if follower.desk is not None:
                self._poll(follower, follower.desk, follower.last_index + 1)
                wishes = follower.desk.unanswered(self._alert.wishes(follower.camera))
                if wishes or follower.told_wishes:
                    self._wish(follower, wishes, complete=True)

    def _wish(self, follower: Follower, wishes: list[Wish], *, complete: bool) -> None:
        follower.told_wishes = bool(wishes) or (follower.told_wishes and not complete)
        if wishes or complete:
            self._link.send(Wishes(follower.camera, wishes, complete))

    # ---- candidates for best pictures

    def _ask_candidates(self, follower: Follower, events: list[Event]) -> None:
        """Have the pictures of these frames kept while they lie in their slots, those of events that have just ended
        included."""
        found = set(self._alert.candidates(follower.camera))
        wanted = found | {best.frame - 1 for event in events for best in event.best}
        if wanted - follower.candidates:
            self._link.send(Candidates(follower.camera, sorted(wanted)))
        follower.candidates = found

    def _tell_candidates(self) -> None:
        """Say which frames may still be wanted: what got lost on the way is made up for, the others can go."""
        for follower in self._followers:
            if follower.candidates:
                follower.forgets = PATIENCE + 1
            if follower.forgets:
                self._link.send(Candidates(follower.camera, sorted(follower.candidates)))
                follower.forgets -= 1

    # ---- what is kept

    def _commit(self, follower: Follower, outcome: Outcome) -> None:
        events = outcome.events
        follower.reader.sync()
        follower.spool.sync()
        position = follower.position(self._alert.state(follower.camera))
        self._store.commit(follower.camera, events, position, self._route, missed=follower.missed)
        follower.dirty = False
        follower.missed = []
        follower.events += len(events)
        for event in events:
            if "snapshot" in event.evidence or (follower.live and "best" in event.evidence):
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
                f.camera: CameraConsumed(
                    sum(f.counts.values()),
                    dict(f.counts),
                    f.ended,
                    f.events,
                    self._alert.classified(f.camera) if f.desk is not None else {},
                )
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
