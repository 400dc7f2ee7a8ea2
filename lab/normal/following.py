"""Reading on in a camera's log: stretches of what it saw since the last time, with the same tracks throughout."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lab.normal.observe import CAMERA, Seeing
from lab.normal.run_answers import RunAnswers
from lab.normal.stretch import LASTS_NS, Header, Stretch
from pipeline.clock import SECOND
from pipeline.errors import StoreError, UsageError
from pipeline.journal.log import LogReader
from pipeline.messages import EndRecord, EngineRecord, FrameRecord, LogHeader, Record, StreamRecord
from stages.alert.identity import origin
from stages.alert.normal.looks import is_due
from stages.alert.normal.observed import Observed, observe_scene
from stages.alert.options import AlertOptions
from stages.alert.rule import Claim
from stages.alert.scene import Scene
from stages.alert.stage import AlertStage
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker

_AT_ONCE = 256
FEWEST_FRAMES = 20
"""A stretch of fewer tells nothing: of a slow camera it goes on past the minute until it has as many ..."""
LONGEST_NS = 20 * LASTS_NS
"""... but not for longer."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """What a log begins with."""

    origin: str
    detector: str
    names: tuple[str, ...]


def head_of(log: Path) -> LogHead | None:
    """None while it has no frame, or no engine, yet. Raises ``LogError`` for a damaged one."""
    header: LogHeader | None = None
    engine: EngineRecord | None = None
    for record, _ in _records(log, 0):
        match record:
            case LogHeader():
                header = record
            case EngineRecord():
                engine = engine or record
            case FrameRecord(frame=frame) if header is not None and engine is not None:
                name = origin(source_sha256=header.source_sha256, wall_ns=frame.wall_ns, arrived_ns=frame.arrived_ns)
                return LogHead(name, engine.model.get("sha256", ""), tuple(engine.names))
            case _:
                continue
    return None


@dataclass
class Following:
    """One log, read on from where the last reading ended.

    A stretch is given when it is complete: when one of the next stretch's frames, a break or the end has come. After
    it ``offset`` and ``state`` are what reading on from there needs.
    """

    log: Path
    head: LogHead
    until: int
    """Bytes of the log that the run's own analysis has done: reports about later frames may still come."""
    offset: int = 0
    state: bytes = b""
    look: Callable[[Observed], None] = lambda _: None
    """Is shown every frame."""
    answers: RunAnswers | None = None
    """What the run's classifiers said."""
    short_s: float = 0.0
    """Time in pieces that were too short, and were passed over."""
    _frames: list[Observed] = field(default_factory=list)
    _wall_ns: int | None = None

    def stretches(self) -> Iterator[Stretch]:
        """All that are complete. Raises ``UsageError`` where another detector takes over, ``LogError`` for damage."""
        stage, watch = self._stage()
        before = self.offset
        for record, after in _records(self.log, self.offset):
            if after > self.until:
                break
            if self._ends(record):
                stretch = self._complete()
                self.offset, self.state = before, stage.state(self._camera)
                if stretch is not None:
                    yield stretch
                watch.begin()
            if isinstance(record, EngineRecord) and record.model.get("sha256", "") != self.head.detector:
                raise UsageError(f"{self.log}: has boxes of more than one detector; learn from runs with one")
            if self.answers is not None and isinstance(record, FrameRecord):
                self.answers.tell(stage, record.frame)
            stage.process(self._camera, [record])
            self._take(record, watch)
            before = after
            if isinstance(record, EndRecord):
                self.offset, self.state = after, stage.state(self._camera)

    def _stage(self) -> "tuple[AlertStage, _Watching]":
        watch = _Watching()
        stage = self._fresh(watch)
        if self.state:
            try:
                stage.restore(self._camera, self.state)
            except StoreError:  # an earlier version's: tracks begin anew
                stage = self._fresh(watch)
                self._introduce(stage)
        elif self.offset:
            self._introduce(stage)
        return stage, watch

    def _fresh(self, watch: "_Watching") -> AlertStage:
        track, asking = (self.answers.track, self.answers.asking) if self.answers else (TrackOptions(), ())
        return AlertStage(AlertOptions(), rules=[watch], trackers=lambda _: ByteTracker(track), classifiers=asking)

    @property
    def _camera(self) -> str:
        return self.answers.camera if self.answers else CAMERA

    def _introduce(self, stage: AlertStage) -> None:
        """Tell it what the log begins with."""
        for record, _ in _records(self.log, 0):
            if isinstance(record, FrameRecord):
                return
            stage.process(self._camera, [record])

    def _ends(self, record: Record) -> bool:
        match record:
            case FrameRecord(frame=frame):
                return bool(self._frames) and self._is_due(frame.media_ns)
            case StreamRecord(online=online):
                return not online
            case EndRecord():
                return True
            case _:
                return False

    def _is_due(self, media_ns: int) -> bool:
        """Whether the stretch ends before a frame of this time."""
        start, last = self._frames[0].media_ns, self._frames[-1].media_ns
        another = media_ns // LASTS_NS != last // LASTS_NS
        return another and (len(self._frames) >= FEWEST_FRAMES or media_ns - start >= LONGEST_NS)

    def _take(self, record: Record, watch: "_Watching") -> None:
        for seen in watch.taken():
            if not self._frames and isinstance(record, FrameRecord):
                self._wall_ns = record.frame.wall_ns
            self._frames.append(seen)
            self.look(seen)

    def _complete(self) -> Stretch | None:
        """None for what is too short; that is passed over."""
        frames, self._frames = self._frames, []
        if len(frames) < FEWEST_FRAMES:
            self.short_s += (frames[-1].media_ns - frames[0].media_ns) / SECOND if frames else 0.0
            return None
        first, last = frames[0].media_ns, frames[-1].media_ns
        number = first // LASTS_NS
        head = self.head
        header = Header(head.origin, number, head.detector, head.names, first, last, self._wall_ns)
        return Stretch(header, frames)


@dataclass(eq=False)
class _Watching(Seeing):
    """Keeps frames until they are taken. What an object looks like is kept about once a second of each stretch."""

    _due_ns: dict[int, int] = field(default_factory=dict)
    _same: Observed | None = None

    def begin(self) -> None:
        """A new stretch."""
        self._due_ns, self._same = {}, None

    def look(self, scene: Scene, _memory: dict[int, Any]) -> list[Claim]:
        """Keep it."""
        seen = observe_scene(scene)
        known = [scene.sightings[each].first_ns for each in seen.subject.tolist()]
        seen = replace(seen, first_ns=np.array(known, np.int64))
        same = self._same
        if same is not None and seen.motion == same.motion:
            seen = replace(seen, motion=same.motion)
        if seen.looks is not None:
            subjects = seen.subject[seen.looks.row].tolist()
            due = [n for n, each in enumerate(subjects) if is_due(self._due_ns.get(each), seen.media_ns)]
            self._due_ns |= {subjects[n]: seen.media_ns for n in due}
            seen = replace(seen, looks=seen.looks.select(due))
        self._same = seen
        self.seen.append(seen)
        return []

    def taken(self) -> list[Observed]:
        """What came since the last time."""
        seen, self.seen = self.seen, []
        return seen


def _records(log: Path, offset: int) -> Iterator[tuple[Record, int]]:
    """With the offset behind each."""
    reader = LogReader(log)
    reader.seek(offset)
    try:
        while batch := reader.read(_AT_ONCE):
            yield from batch
    finally:
        reader.close()
