"""Footage as the model of normal sees it: through the same capture, detector, tracker and scenes as in use."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from lab.normal.run_answers import RunAnswers
from pipeline.clock import ManualClock
from pipeline.errors import SourceEnded, UsageError
from pipeline.messages import SCHEMA, EndRecord, EngineRecord, FrameRecord, LogHeader, Record, Status
from pipeline.stage import Detector, View
from stages.alert.normal.looks import Looks, is_due
from stages.alert.normal.observed import Observed, observe_scene
from stages.alert.options import AlertOptions, RuleOptions
from stages.alert.rule import Claim, NoMemory
from stages.alert.scene import Scene
from stages.alert.stage import AlertStage
from stages.capture.options import CameraOptions
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker

CAMERA = "lab"


def observe(clip: Path | CameraOptions, *, detector: Detector | None = None, fps: float = 10.0) -> list[Observed]:
    """A video, or a folder of pictures taken ``fps`` times a second, frame by frame.

    ``clip`` may be a camera of a configuration whose source is a recording: its masks, rate and gate then count.
    ``detector``: default the one that ships, as configured by default; hand one in to load it once for many clips.
    Frames that tell nothing (left out by the rate limit, damaged) are not in the list; ``Observed.index`` counts them.
    Raises ``UsageError`` or ``SourceError`` for footage that cannot be read.
    """
    return observe_records(_log(clip, detector=detector or default_detector(), fps=fps))


def observe_records(log: Iterable[Record], answers: RunAnswers | None = None) -> list[Observed]:
    """The same from the records of a camera's log, whose frames carry ``flow``. Records are taken one by one.

    ``answers``: what the classifiers of the run said that logged them.
    """
    seeing, track = Seeing(), answers.track if answers else TrackOptions()
    asking, camera = (answers.asking, answers.camera) if answers else ((), CAMERA)
    stage = AlertStage(AlertOptions(), rules=[seeing], trackers=lambda _: ByteTracker(track), classifiers=asking)
    for record in log:
        if answers is not None and isinstance(record, FrameRecord):
            answers.tell(stage, record.frame)
        stage.process(camera, [record])
    return seeing.seen


def records(clip: Path | CameraOptions, *, detector: Detector, fps: float = 10.0) -> list[Record]:
    """The log that a camera would have of this footage."""
    return list(_log(clip, detector=detector, fps=fps))


def default_detector() -> Detector:
    """The detector of a configuration that names none."""
    from lab.detector import open_detector
    from stages.detect.options import YoloOptions

    return open_detector(YoloOptions().model)


def _log(clip: Path | CameraOptions, *, detector: Detector, fps: float) -> Iterator[Record]:
    yield LogHeader(SCHEMA, CAMERA, live=False, analysis_sha256="", source_sha256="0" * 64)
    yield EngineRecord(detector.engine, detector.model, detector.names)
    frames = 0
    for record in _frames(_camera(clip, fps), detector):
        yield record
        frames += 1
    yield EndRecord(frames - 1, "eof")


def _camera(clip: Path | CameraOptions, fps: float) -> CameraOptions:
    if isinstance(clip, CameraOptions):
        return clip
    if not clip.exists():
        raise UsageError(f"{clip}: no such video or folder of pictures")
    return CameraOptions(source=f"{clip}?fps={fps:g}" if clip.is_dir() else str(clip))


def _frames(options: CameraOptions, detector: Detector) -> Iterator[FrameRecord]:
    from stages.capture.camera import CameraCapture
    from stages.capture.flow import FlowGrid
    from stages.capture.sources import open_source

    clock = ManualClock()
    source = open_source(options, clock)
    capture = CameraCapture(
        options,
        camera=CAMERA,
        source=source,
        clock=clock,
        foreground=detector.model.get("name") == "motion",
        measurements={"flow": FlowGrid(options)},
    )
    capture.open(session=0, next_index=0, last_media_ns=-1)
    try:
        while True:
            taken = capture.capture(None)
            if taken.skip is not None:
                yield FrameRecord(taken.frame, taken.skip)
                continue
            found = detector.process([View(taken.frame, taken.pixels, taken.aux)])[0]
            yield FrameRecord(taken.frame, Status.ANALYSED, found.pack())
    except SourceEnded:
        return
    finally:
        capture.close()


class SeeingOptions(RuleOptions):
    """A rule that needs what the model of normal needs."""

    rule: str = "seeing"

    @property
    def needs(self) -> frozenset[str]:
        """Motion."""
        return frozenset({"flow"})


@dataclass(eq=False)
class Seeing:
    """Fulfils ``Rule``: claims nothing and keeps what it saw. For one camera."""

    Options: ClassVar[type[SeeingOptions]] = SeeingOptions
    Memory: ClassVar[type[NoMemory]] = NoMemory
    momentary: ClassVar[bool] = False
    options: SeeingOptions = field(default_factory=SeeingOptions)
    seen: list[Observed] = field(default_factory=list)
    _looked: dict[int, int] = field(default_factory=dict)
    """When each subject was last looked at."""

    def look(self, scene: Scene, _memory: dict[int, Any]) -> list[Claim]:
        """Keep it. Motion that is only said again is kept once, what an object looks like about once a second."""
        seen = observe_scene(scene)
        if self.seen and seen.motion == self.seen[-1].motion:
            seen = replace(seen, motion=self.seen[-1].motion)
        self.seen.append(replace(seen, looks=self._due(seen)))
        return []

    def _due(self, seen: Observed) -> Looks | None:
        if seen.looks is None:
            return None
        subjects = seen.subject[seen.looks.row].tolist()
        due = [place for place, each in enumerate(subjects) if is_due(self._looked.get(each), seen.media_ns)]
        self._looked |= {subjects[place]: seen.media_ns for place in due}
        return seen.looks.select(due)

    def describe(self, who: str, _claim: Claim) -> str:
        """Never asked."""
        return who

    def region(self) -> dict[str, Any]:
        """None."""
        return {}
