"""One camera's stored run, told to the alert stage again with these rules.

It always begins at the first frame, whatever is asked about: a loiterer may have come a day ago, a quiet after an
event may last a day, and events are named by counts that begin there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.build import build_alert, build_tracker
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.errors import LogError
from pipeline.followed import content_of, followed_by
from pipeline.journal.log import LogReader
from pipeline.messages import ChangeRecord, Event, FrameRecord, LogHeader, Missed, Record
from pipeline.rehearsal.stored_answers import StoredAnswers
from pipeline.rehearsal.stored_tracks import StoredTracks
from pipeline.rehearsal.window import Window
from pipeline.spec import RunSpec
from pipeline.stage import Alert, Dozing, Tracker


@dataclass(frozen=True, slots=True)
class Stored:
    """What there is of one camera's run."""

    spec: RunSpec
    camera: str
    live: bool
    records: int
    """Of its log, as far as the run had come."""
    missed: tuple[Missed, ...] = ()

    @property
    def spool(self) -> Path:
        """Its tracks."""
        return self.spec.spool_path(self.camera)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of it."""

    events: list[Event]
    """In order of their ordinals."""
    frames: int
    tracked_anew: bool
    """There were no stored tracks: the tracker ran again."""


def rerun(stored: Stored, kept: KeptAnalysis, *, window: Window) -> Told:
    """Run the rules of ``kept`` over a camera.

    Raises ``LogError`` for a damaged log, ``UsageError`` for rules that do not fit the camera.
    """
    log = stored.spec.log_path(stored.camera)
    if not stored.spool.exists():
        alert = build_alert(kept, exact=True)
        records = _logged(log, stored.records)
        events, frames, _ = _tell(alert, stored, kept, records, window, None)
        return Told(events, frames, tracked_anew=True)
    tracks = StoredTracks(log, stored.spool, records=stored.records)

    def tracker(camera: str) -> Tracker:
        return tracks if camera == stored.camera else build_tracker(kept, camera)

    alert = build_alert(kept, trackers=tracker, exact=True)
    events, _, beyond = _tell(alert, stored, kept, tracks.records(), window, tracks)
    return Told(events, tracks.frames - beyond, tracked_anew=False)


def _tell(
    alert: Alert,
    stored: Stored,
    kept: KeptAnalysis,
    records: Iterator[Record],
    window: Window,
    tracks: StoredTracks | None,
) -> tuple[list[Event], int, int]:
    """Feed the records until the window is over; the events, how many frames, and how many more had been read.

    What these rules follow and that run's did not is taken as it is now.
    """
    camera, events, frames = stored.camera, list[Event](), 0
    classifiers = [item.name for item in kept.classify if camera in item.cameras]
    journals = [path for name in classifiers for path in stored.spec.answers_paths(camera, name)]
    answers = StoredAnswers(camera, journals, stored.missed, live=stored.live) if classifiers else None
    dozing = alert if tracks is not None and isinstance(alert, Dozing) else None
    unknown = followed_by(kept.rules, camera)
    for record in records:
        if isinstance(record, FrameRecord):
            if not frames:
                window.check(record.frame)
                now = [ChangeRecord(what, content_of(path)) for what, path in unknown.items()]
                events += alert.process(camera, now).events
            if window.is_over(record.frame):
                return events, frames, 1
            frames += 1
            if answers is not None:
                answers.tell(alert, record.frame)
        elif isinstance(record, ChangeRecord):
            unknown.pop(record.what, None)
        elif isinstance(record, LogHeader):
            record = msgspec.structs.replace(record, analysis_sha256=kept.sha256)
        events += alert.process(camera, [record]).events
        if dozing is not None and tracks is not None:
            tracks.passed_over = (answers is None or answers.is_joined) and dozing.is_idle(camera)
    return events, frames, 0


def _logged(path: Path, records: int) -> Iterator[Record]:
    reader = LogReader(path)
    try:
        while records > 0:
            batch = reader.read(min(records, 1024))
            if not batch:
                raise LogError(f"log {path} ends {records} records before the run's own place")
            records -= len(batch)
            for record, _ in batch:
                yield record
    finally:
        reader.close()
