"""Normal footage, found and looked at: recordings, folders of pictures, or what a run has stored."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

from lab.dataset.mot_format import VIDEOS
from lab.normal.alarms import ANOMALY, Alarm, Reports, reported, said_of
from lab.normal.cutting import cut
from lab.normal.observe import observe, observe_records
from lab.normal.run_answers import RunAnswers
from pipeline.clock import SECOND
from pipeline.configuration.suggestions import did_you_mean_file
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.journal.log import LogReader
from pipeline.messages import EndRecord, EngineRecord, Event, Record, StreamRecord
from pipeline.stage import Detector, View
from pipeline.store.address import FILE, STORE
from stages.alert.normal.feedback import Feedback
from stages.alert.normal.observed import Observed
from stages.capture.images import SUFFIXES
from stages.capture.options import CameraOptions

TAMPERED = "camera_health"
"""While an event of this rule is open, the camera does not show what is normal."""
MARGIN_NS = SECOND
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Watched:
    """Footage as the model of normal sees it."""

    clips: list[list[Observed]]
    names: tuple[str, ...]
    """Of the detector's classes."""
    detector: str
    """sha256 of the detector's weights."""
    left_out: list[str] = field(default_factory=list)
    """What was not learned from, and why."""

    @property
    def has_looks(self) -> bool:
        """Whether it is known of anything what it looks like."""
        return any(frame.looks is not None for clip in self.clips for frame in clip)

    def without_looks(self) -> "Watched":
        """The same, as if nothing were known of what anything looks like."""
        return replace(self, clips=[[replace(frame, looks=None) for frame in clip] for clip in self.clips])


def clips_of(paths: Sequence[Path]) -> list[Path]:
    """The clips among recordings, folders of pictures, and folders of such, in order of name.

    Raises ``UsageError`` for a path that has none.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such video or folder{did_you_mean_file(path)}")
        if path.is_file() or _is_clip(path):
            found.append(path)
            continue
        inside = sorted(each for each in path.iterdir() if _is_clip(each) or _is_video(each))
        if not inside:
            raise UsageError(f"{path}: holds neither videos nor pictures, nor folders of pictures")
        found += inside
    return found


def is_run(path: Path) -> bool:
    """Whether this folder is the results of a run."""
    return any((path / name).is_file() for name in (STORE, FILE)) and (path / "logs").is_dir()


def watch_clips(
    clips: Sequence[Path | CameraOptions],
    detector: Detector,
    *,
    fps: float,
    camera: CameraOptions | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Watched:
    """Look at clips with this detector; ``advance`` is told of each frame that it saw.

    A clip may be a camera whose source is a recording. ``camera``: options of the one that took the others, for its
    masks, rate and gate.
    """
    counted = _Counted(detector, advance)
    seen = []
    for clip in clips:
        seen.append(observe(_taken(clip, camera, fps), detector=counted, fps=fps))
    return Watched([clip for clip in seen if clip], tuple(detector.names), detector.model.get("sha256", ""))


def watch_run(out: Path, camera: str, *, ordinary: Collection[str] = (), feedback: Feedback | None = None) -> Watched:
    """What a run has logged of a camera; no video is read.

    What alarmed is left out, as in an update, and so are times during which the camera was tampered with. ``ordinary``:
    kinds or names of rules whose events are daily life. ``feedback``: what was said about alarms; those that are not of
    interest are learned from. Raises ``UsageError`` where the log is missing or motion was not measured.
    """
    log = out / "logs" / f"{camera}.log"
    if not log.is_file():
        known = ", ".join(sorted(each.stem for each in (out / "logs").glob("*.log"))) or "none"
        raise UsageError(f"--camera {camera}: {out} has no log of it; cameras there: {known}")
    told = _Told()
    seen = observe_records(told.over(_records(log)), RunAnswers.of(out, camera))
    if not any(frame.motion is not None for frame in seen):
        raise UsageError(
            f"{log}: motion was not measured in that run, as no rule needed it; learn from the video, "
            "or run again with a rule `anomaly`; `mode: shadow` will do"
        )
    events, _ = reported(out, camera)
    spans = _tampered(events, until=seen[-1].media_ns)
    names, model = (told.engine.names, told.engine.model) if told.engine else ([], {})
    left_out = [f"{(end - start) / SECOND:.0f} s of {TAMPERED} from {start / SECOND:.0f} s on" for start, end in spans]
    alarms = _alarms(events, seen, ordinary, feedback or Feedback())
    clean = cut(seen, alarms)
    left_out += _told_of(alarms, clean.objects, clean.seconds)
    clips = [clip for run in clean.clips for clip in _split(run, spans, told.breaks)]
    return Watched(clips, tuple(names), model.get("sha256", ""), left_out)


def _alarms(
    events: Sequence[Event], seen: Sequence[Observed], ordinary: Collection[str], feedback: Feedback
) -> list[Alarm]:
    """Those of the run that bear on what is seen; tampering is told apart."""
    verdicts = {each.event: each.verdict for each in feedback.given}
    reports = Reports([each for each in events if each.rule != TAMPERED], ordinary=ordinary, verdicts=verdicts)
    for frame in seen:
        reports.look(frame)
    said = [said_of(each, seen) for each in feedback.of("true_alarm") if each.event not in reports.alarms]
    return [*reports.alarms.values(), *(each for each in said if each is not None)]


def _told_of(alarms: Sequence[Alarm], objects: int, seconds: float) -> Iterator[str]:
    if not alarms:
        return
    rules = ", ".join(sorted({each.name or each.rule for each in alarms}))
    yield f"{objects} object{'' if objects == 1 else 's'} that alarmed, and {seconds:.0f} s around them ({rules})"
    if unjudged := sum(each.rule == ANOMALY and each.threshold is not None for each in alarms):
        yield (
            f"{unjudged} alarms of anomaly among them; if they were false, --ordinary anomaly learns them, else the "
            "threshold comes out too low"
        )


def _taken(clip: Path | CameraOptions, camera: CameraOptions | None, fps: float) -> Path | CameraOptions:
    if camera is None or isinstance(clip, CameraOptions):
        return clip
    return camera.model_copy(update={"source": f"{clip}?fps={fps:g}" if clip.is_dir() else str(clip)})


def _is_video(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in VIDEOS


def _is_clip(path: Path) -> bool:
    return path.is_dir() and any(each.suffix.lower() in SUFFIXES for each in path.iterdir() if each.is_file())


def _records(log: Path) -> Iterator[Record]:
    reader, ended = LogReader(log), False
    try:
        while batch := reader.read(_AT_ONCE):
            yield from (record for record, _ in batch)
            ended = isinstance(batch[-1][0], EndRecord)
    finally:
        reader.close()
    if not ended:  # a run that still goes on
        yield EndRecord(0, "eof")


@dataclass(slots=True)
class _Told:
    """What records say beside the frames, noted as they go by."""

    engine: EngineRecord | None = None
    """The first."""
    breaks: list[int] = field(default_factory=list)
    """Media times in ns at which the stream broke off."""

    def over(self, records: Iterator[Record]) -> Iterator[Record]:
        """The same records."""
        for each in records:
            if isinstance(each, EngineRecord) and self.engine is None:
                self.engine = each
            elif isinstance(each, StreamRecord) and not each.online:
                self.breaks.append(each.media_ns)
            yield each


def _tampered(events: Sequence[Event], *, until: int) -> list[tuple[int, int]]:
    """From and to, in media time."""
    spans: dict[str, tuple[int, int]] = {}
    for event in events:
        if event.rule == TAMPERED:
            end = round(event.media_time * SECOND) + MARGIN_NS if event.type == "end" else until
            spans[event.id] = (max(round(event.started * SECOND) - MARGIN_NS, 0), end)
    return sorted(spans.values())


def _split(seen: list[Observed], spans: list[tuple[int, int]], breaks: list[int]) -> list[list[Observed]]:
    """The frames outside the spans, cut where something was left out or the stream broke off."""
    clips: list[list[Observed]] = [[]]
    breaks, spans = sorted(breaks), sorted(spans)
    starts, ends = [start for start, _ in spans], list(accumulate((end for _, end in spans), max))
    before = -1
    for frame in seen:
        cut = bisect_right(breaks, before) < bisect_right(breaks, frame.media_ns)
        out = bisect_left(ends, frame.media_ns) < bisect_right(starts, frame.media_ns)
        if (cut or out) and clips[-1]:
            clips.append([])
        if not out:
            clips[-1].append(frame)
        before = frame.media_ns
    return [clip for clip in clips if clip]


class _Counted:
    """A detector that says how many frames it has seen."""

    def __init__(self, detector: Detector, advance: Callable[[int], None]) -> None:
        self.engine, self.model, self.names = detector.engine, detector.model, detector.names
        self.capacity = detector.capacity
        self._detector = detector
        self._advance = advance

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """As ``Detector``."""
        found = self._detector.process(batch)
        self._advance(len(batch))
        return found
