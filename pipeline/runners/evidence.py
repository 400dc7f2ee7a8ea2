"""The evidence process: a snapshot for each event that wants one.

People whom the event is not about are hidden in it, so what was seen in its frame is looked up in what the run has
written of it. The picture as it was goes to ``originals/``.

Usually the frame still lies in its slot. If it does not (a restart, a slow disk), a recording is decoded again, masks
applied, which gives the same picture; for a live camera a note says why there is none. An alert never waits for it.

The end of an event names frames that show its object well: the best of them becomes a second picture. A recording is
decoded once more for that, when it is over; of a live camera such frames are kept while they lie in their slots.
"""

import logging
from pathlib import Path

from pipeline.best_picture import BestPicture, Made
from pipeline.bystanders import Bystanders
from pipeline.candidate_pictures import CandidatePictures
from pipeline.configuration.config import PipelineConfig
from pipeline.control import Backlog
from pipeline.custody import Custody
from pipeline.errors import RingError
from pipeline.integrity.release import ORIGINALS
from pipeline.live_best import LiveBest
from pipeline.messages import CANDIDATE, Candidates, Cut, CutDone, Event, EvidenceHello, Wire
from pipeline.picture_files import PictureFiles, picture_of
from pipeline.recorded_best import RecordedBest
from pipeline.recorded_snapshots import RecordedSnapshots
from pipeline.rings import RingReader
from pipeline.spec import RunSpec
from pipeline.stage import Capture, Evidence, Picture
from pipeline.store.event_store import EventStore
from pipeline.store.rows import readable
from pipeline.unwritten import Unwritten
from pipeline.wire.keys import Role
from pipeline.wire.links import open_dealer
from pipeline.wire.transport import Dealer, Waiter
from pipeline.worker import Child, Every

logger = logging.getLogger(__name__)

HELLO_S = 0.5
SCAN_S = 2.0
ROOM_S = 5.0
"""How long a drained process waits for room on the disk."""
MESSAGES = 256
"""Taken in at a time."""
FEW = 1000
"""Stored messages that are looked at between two answers to the supervisor."""


def run(child: Child, spec: RunSpec) -> None:
    """Run until drained and no snapshot is missing without a reason."""
    from pipeline.build import build_evidence

    config = PipelineConfig.from_spec(spec.config)
    spec.media_path.mkdir(parents=True, exist_ok=True)
    (Path(spec.out) / ORIGINALS).mkdir(mode=0o700, exist_ok=True)
    with (
        spec.open_store(child.answer) as store,
        open_dealer(config.links, spec.endpoint, Role.FOLLOWER) as link,
    ):
        loop = EvidenceLoop(child, spec, config, link, build_evidence(config), store)
        if config.integrity.enabled:
            loop.take_custody(Custody.open(Path(spec.out), config, store, child.clock, child.answer))
        try:
            loop.run()
        finally:
            loop.close()


class EvidenceLoop:
    """The evidence process's work loop."""

    def __init__(
        self,
        child: Child,
        spec: RunSpec,
        config: PipelineConfig,
        link: Dealer,
        evidence: Evidence,
        store: EventStore,
    ) -> None:
        self._child = child
        self._config = config
        self._link = link
        self._evidence = evidence
        self._store = store
        self._rings = RingReader()
        self._bystanders = Bystanders(spec, child.answer)
        self._waiter = Waiter(link, child)
        self._hello_due = Every(HELLO_S, child.clock)
        self._scan_due = Every(SCAN_S, child.clock)
        self._seen = 0
        self._files = PictureFiles(Path(spec.out), config.integrity.recipients)
        self._late = RecordedSnapshots(
            self._capture, is_settled=self._files.is_settled, draw=self._draw, give_up=self._give_up
        )
        self._recorded = RecordedBest(self._capture, look=self._look, settle=self._settle)
        self._unwritten = Unwritten(self._files, config.is_live, self._miss)
        self._stuck_ns = 0
        """When the process was drained and all that was left could not be written; 0: it is not so."""
        self._kept = CandidatePictures(spec.candidates_path)
        self._crowded = False
        """It has been said that there is no room for candidates."""
        self._live = LiveBest(self._kept, evidence, look=self._look, settle=self._settle)
        self._asked: dict[str, tuple[int, Event]] = {}
        """Events whose cut has not come yet, with the time they were first seen."""
        self._custody: Custody | None = None

    def take_custody(self, custody: Custody) -> None:
        """Hold the chain, too, for as long as this runs."""
        self._custody = custody
        self._files.witness = custody.witness

    def run(self) -> None:
        """Until drained and nothing is missing."""
        self._child.started()
        while True:
            self._child.answer()
            if self._hello_due.due():
                self._link.send(EvidenceHello(self._child.incarnation))
                self._child.tell(Backlog(self._waiting, self._files.written, self._files.missing, self._recorded.steps))
            for message in sorted(self._link.receive(MESSAGES), key=_urgency):
                if isinstance(message, Cut):
                    self._cut(message)
                    self._child.answer()
                elif isinstance(message, Candidates):
                    self._kept.named(message.camera, message.indexes, self._needed)
            if self._scan_due.due() or (self._child.draining and not self._recorded.is_decoding):
                self._scan()
                self._unwritten.try_again()
                if self._custody is not None:
                    self._custody.take_note()
                    if not self._child.draining:
                        self._custody.sweep()
            is_deleting = self._custody is not None and not self._child.draining and self._custody.step()
            if self._decode_some() or is_deleting:
                continue
            if self._child.draining and (not self._waiting or self._is_stuck()):
                break
            self._waiter.wait(HELLO_S)
        self._child.tell(Backlog(0, self._files.written, self._files.missing))

    def close(self) -> None:
        """Unmap the rings, and close what is being decoded, and the chain."""
        self._rings.close()
        self._bystanders.close()
        self._recorded.close()
        self._late.close()
        if self._custody is not None:
            self._custody.close()

    @property
    def _waiting(self) -> int:
        return len(self._late) + len(self._asked) + len(self._recorded) + len(self._live) + len(self._unwritten)

    def _is_stuck(self) -> bool:
        """Whether a full disk has kept a drained process for long enough: the next run makes what is not settled."""
        if self._waiting > len(self._unwritten):
            return False
        now = self._child.clock.monotonic_ns()
        self._stuck_ns = self._stuck_ns or now
        if now - self._stuck_ns < int(ROOM_S * 1e9):
            return False
        logger.warning("evidence: %d pictures or notes could not be written", len(self._unwritten))
        return True

    def _needed(self) -> set[tuple[str, int]]:
        """Candidates of events that are over. An event is in the store before the list that does without its frames."""
        self._scan()
        asked = {(event.camera, best.frame - 1) for _, event in self._asked.values() for best in event.best}
        return asked | self._live.needed

    # ---- from the slot

    def _cut(self, cut: Cut) -> None:
        if cut.message_id == CANDIDATE:
            self._keep(cut)
        elif (stored := self._store.event(cut.message_id)) is not None:
            for event in readable([stored]):
                self._picture(event, cut)
        self._asked.pop(cut.message_id, None)
        self._link.send(CutDone(cut.camera, cut.index, cut.message_id))

    def _picture(self, event: Event, cut: Cut) -> None:
        if picture_of(event) is None or self._files.is_settled(event) or event in self._unwritten:
            return
        if "snapshot" in event.evidence:
            self._from_slot(event, cut)
        else:
            self._live.add(event)

    def _from_slot(self, event: Event, cut: Cut) -> None:
        if cut.slot is None:
            self._too_late(event, "its slot was reused before the snapshot could be cut")
            return
        try:
            made = self._make(event, self._rings.view(cut.slot).pixels)
            self._rings.check(cut.slot)
        except RingError as error:
            self._too_late(event, str(error))
        except Exception as error:  # one picture's trouble must not end the others'
            self._give_up(event, f"{type(error).__name__}: {error}")
        else:
            self._unwritten.write(event, made)

    def _make(self, event: Event, pixels: Picture) -> Made:
        around = self._bystanders.at(event.camera, event.frame - 1, event=event.id)
        return Made(self._evidence.process(event, pixels, around), original=self._evidence.original(pixels))

    def _too_late(self, event: Event, reason: str) -> None:
        if self._config.is_live(event.camera):
            self._give_up(event, reason)
        else:
            self._late.add(event)

    def _give_up(self, event: Event, reason: str) -> None:
        logger.warning("camera %s: no snapshot of event %s: %s", event.camera, event.message_id, reason)
        self._unwritten.give_up(event, reason)

    # ---- what was missed

    def _scan(self) -> None:
        """Find events whose snapshot nobody made: their cut got lost in a restart."""
        for count, stored in enumerate(self._store.events("commit", after=self._seen), 1):
            if count % FEW == 0:
                self._child.answer()
            self._seen = stored.number
            for event in readable([stored]):
                self._miss(event)
        patience = 0 if self._child.draining else int(SCAN_S * 1e9)
        now = self._child.clock.monotonic_ns()
        for message_id, (asked_ns, event) in list(self._asked.items()):
            if now - asked_ns >= patience:
                del self._asked[message_id]
                self._child.answer()
                if self._files.is_settled(event) or event in self._unwritten:
                    continue
                if "best" in event.evidence:
                    self._live.add(event)
                else:
                    self._too_late(event, "the request for it was lost in a restart")

    def _miss(self, event: Event) -> None:
        """See to it that the event gets its picture, if it wants one and has none."""
        if picture_of(event) is None or self._files.is_settled(event):
            return
        if "snapshot" in event.evidence or self._config.is_live(event.camera):
            self._asked[event.message_id] = (self._child.clock.monotonic_ns(), event)
        else:
            self._recorded.add(event)

    def _decode_some(self) -> bool:
        """Make the best picture of a live camera's event, or decode a little of a recording; False when there is
        nothing to do."""
        if self._live.step():
            return True
        if self._recorded.is_decoding:
            self._recorded.step()
            return True
        return self._late.step() or (self._child.draining and self._recorded.begin())

    def _draw(self, event: Event, pixels: Picture) -> None:
        try:
            made = self._make(event, pixels)
        except Exception as error:  # as in ``_from_slot``
            self._give_up(event, f"{type(error).__name__}: {error}")
        else:
            self._unwritten.write(event, made)

    # ---- the best picture

    def _keep(self, cut: Cut) -> None:
        """Keep a frame that may become the best of an event. If it cannot be, others will do."""
        key = cut.camera, cut.index
        if cut.slot is None or key in self._kept:
            return
        try:
            picture = self._evidence.pack(self._rings.view(cut.slot).pixels)
            self._rings.check(cut.slot)
        except RingError:
            return
        if not self._kept.keep(key, picture) and not self._crowded:
            self._crowded = True
            logger.warning("camera %s: shared memory is too full to keep frames for best pictures", cut.camera)

    def _look(self, choice: BestPicture, index: int, pixels: Picture) -> bool:
        self._child.answer()
        around = self._bystanders.at(choice.event.camera, index, event=choice.event.id)
        return choice.look(index, pixels, around, self._evidence)

    def _settle(self, choice: BestPicture, reason: str) -> None:
        """Write the best of the frames that were there."""
        if choice.made is None:
            self._give_up(choice.event, reason)
        else:
            self._unwritten.write(choice.event, choice.made)

    def _capture(self, camera: str) -> Capture:
        from pipeline.build import build_capture

        return build_capture(self._config, camera, self._child.clock)


def _urgency(message: Wire) -> int:
    """Snapshots first: where this process falls behind there are other candidates."""
    if isinstance(message, Cut):
        return message.message_id == CANDIDATE
    return 2
