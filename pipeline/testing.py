"""A testing kit for trackers and rules: scripted scenes in, log records out; no video, no clock, no process.

A test writes down who walks where and when, and gets the records that a camera's log would hold::

    walk = Walk(stops=[(0.0, 0.1, 0.5), (10.0, 0.9, 0.5)])         # seconds, feet x, feet y
    records = Script(walks=[walk], seconds=10, fps=10).records()
    events = AlertStage(AlertOptions(), rules=rules, trackers=ScriptedTracker).process("gate", records).events

A scripted detection carries the number of its track in its embedding, and ``ScriptedTracker`` reads it from there: so
a rule is tested on identities that are known, and ids switch only where the script says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any

import msgspec
import numpy as np

from pipeline.clock import SECOND
from pipeline.detections import Detections, Tracks
from pipeline.messages import SCHEMA, EndRecord, EngineRecord, Frame, FrameRecord, LogHeader, Record, Status

Span = tuple[float, float]
"""Seconds: from (included), to (not included)."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One object that walks through its stops in straight lines at even pace; it exists from first stop to last."""

    stops: Sequence[tuple[float, float, float]]
    """Seconds, and x and y of its feet (bottom centre of its box) as shares of the picture."""
    track: int = 1
    class_id: int = 0
    confidence: float = 0.8
    width: float = 0.05
    height: float = 0.2
    missed: Sequence[Span] = ()
    """When the detector does not see it."""
    jitter: float = 0.0
    """Most that each side of its box is off, at random, in shares of the picture."""
    switches: Sequence[tuple[float, int]] = ()
    """Its track number changes: from these seconds on it is this one."""

    def feet(self, seconds: float) -> tuple[float, float] | None:
        """Where its feet are, or None before the first stop and after the last."""
        times = [stop[0] for stop in self.stops]
        if not times[0] <= seconds <= times[-1]:
            return None
        x, y = (float(np.interp(seconds, times, [stop[axis] for stop in self.stops])) for axis in (1, 2))
        return x, y

    def seen(self, seconds: float) -> bool:
        """Whether the detector sees it."""
        return not any(start <= seconds < end for start, end in self.missed)

    def number(self, seconds: float) -> int:
        """The number of its track at this time."""
        return next((track for start, track in reversed(self.switches) if seconds >= start), self.track)


@dataclass(frozen=True, kw_only=True)
class Script:
    """A scene of walks, and the log of a camera that watches it."""

    walks: Sequence[Walk]
    seconds: float
    fps: float = 10.0
    camera: str = "gate"
    width: int = 1000
    height: int = 1000
    names: Sequence[str] = ("person", "car")
    static: Sequence[Span] = ()
    """When the picture is said not to change: no detections, tracks are held."""
    dropped: Sequence[Span] = ()
    """When frames are superseded: nothing is known of them."""
    start_wall_ns: int | None = None
    """UTC of the first frame."""
    live: bool = False
    end: str | None = "eof"
    """Reason of the end record; None: the log goes on."""
    seed: int = 0
    """Of the jitter."""
    measured: Callable[[float], dict[str, Any]] | None = None
    """What capture measured at these seconds, for ``Frame.features``."""
    analysis_sha256: str = "a" * 64
    source_sha256: str = "5" * 64

    def times(self) -> list[float]:
        """Seconds of media time of each frame."""
        return [index / self.fps for index in range(int(self.seconds * self.fps) + 1)]

    def records(self) -> list[Record]:
        """The log: header, engine, a record for each frame, end."""
        source = "" if self.live else self.source_sha256
        header = LogHeader(SCHEMA, self.camera, self.live, self.analysis_sha256, source)
        engine = EngineRecord("scripted", {"name": "scripted", "sha256": "0" * 64}, list(self.names))
        random = Random(self.seed)
        frames = [self._record(index, seconds, random) for index, seconds in enumerate(self.times())]
        end = [] if self.end is None else [EndRecord(len(frames) - 1, self.end)]
        return [header, engine, *frames, *end]

    def _record(self, index: int, seconds: float, random: Random) -> FrameRecord:
        media_ns = round(seconds * SECOND)
        frame = Frame(
            camera=self.camera,
            session=0,
            index=index,
            media_ns=media_ns,
            wall_ns=None if self.start_wall_ns is None else self.start_wall_ns + media_ns,
            width=self.width,
            height=self.height,
            features=b"" if self.measured is None else msgspec.msgpack.encode(self.measured(seconds)),
        )
        for spans, status in ((self.dropped, Status.SUPERSEDED), (self.static, Status.STATIC)):
            if any(start <= seconds < end for start, end in spans):
                return FrameRecord(frame, status)
        return FrameRecord(frame, Status.ANALYSED, self._detect(seconds, random).pack())

    def _detect(self, seconds: float, random: Random) -> Detections:
        rows, confidences, classes, numbers = [], [], [], []
        for walk in self.walks:
            feet = walk.feet(seconds)
            if feet is None or not walk.seen(seconds):
                continue
            x, y = feet
            box = [x - walk.width / 2, y - walk.height, x + walk.width / 2, y]
            rows.append([side + random.uniform(-walk.jitter, walk.jitter) for side in box])
            confidences.append(walk.confidence)
            classes.append(walk.class_id)
            numbers.append([walk.number(seconds)])
        size = np.array([self.width, self.height, self.width, self.height])
        return Detections(
            (np.array(rows, np.float64).reshape(-1, 4) * size).astype(np.float32),
            np.array(confidences, np.float32),
            np.array(classes, np.int32),
            np.array(numbers, np.float32).reshape(-1, 1),
        )


class _Held(msgspec.Struct):
    """One track of ``ScriptedTracker``."""

    seen_ns: int
    box: tuple[float, float, float, float]
    class_id: int
    scores: list[float] = []


class ScriptedTracker:
    """A tracker that reads identities from the script. A track that is not seen coasts where it was for a second."""

    COAST_NS = SECOND
    SCORES = 15

    def __init__(self, camera: str) -> None:
        """``camera`` is not needed; every tracker is made for one."""
        self.camera = camera
        self._tracks: dict[int, _Held] = {}

    def update(self, frame: Frame, status: Status, detections: Detections) -> Tracks:
        """As ``pipeline.stage.Tracker``."""
        observed: set[int] = set()
        if detections.embedding is not None:
            for row, number in enumerate(detections.embedding[:, 0].astype(int).tolist()):
                held = self._tracks.setdefault(number, _Held(0, (0.0, 0.0, 0.0, 0.0), 0))
                held.seen_ns, held.class_id = frame.media_ns, int(detections.class_id[row])
                left, top, right, bottom = detections.xyxy[row].tolist()
                held.box = (left, top, right, bottom)
                held.scores = [*held.scores, float(detections.confidence[row])][-self.SCORES :]
                observed.add(number)
        if status is Status.STATIC:
            for held in self._tracks.values():
                held.seen_ns = frame.media_ns
        self._tracks = {n: h for n, h in self._tracks.items() if frame.media_ns - h.seen_ns <= self.COAST_NS}
        return self._tracked(observed)

    def _tracked(self, observed: set[int]) -> Tracks:
        held = list(self._tracks.values())
        return Tracks(
            np.array([each.box for each in held], np.float32).reshape(-1, 4),
            np.array([each.scores[-1] for each in held], np.float32),
            np.array([each.class_id for each in held], np.int32),
            np.array(list(self._tracks), np.int32),
            np.array([number in observed for number in self._tracks], np.bool_),
            np.array([median(each.scores) for each in held], np.float32),
        )

    def state(self) -> bytes:
        """As ``pipeline.stage.Tracker``."""
        return msgspec.msgpack.encode(self._tracks)

    def restore(self, state: bytes) -> None:
        """As ``pipeline.stage.Tracker``."""
        self._tracks = msgspec.msgpack.decode(state, type=dict[int, _Held])
