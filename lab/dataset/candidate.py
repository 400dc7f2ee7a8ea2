"""Frames that may be chosen for labelling, and what is known of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.dataset.doubt import Doubt, doubt
from lab.dataset.frames import frames
from lab.dataset.perceptual_hash import Hash, perceptual_hash
from lab.dataset.scene_descriptor import Vector, layout, thumbnail
from lab.detector import view
from pipeline.clock import SECOND
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.stage import Captured, Detector, Picture

QUALITY = 95
"""JPEG quality of the frames that are kept."""
NEIGHBOUR_S = 0.25
"""A frame that follows later than this may well show something else: that is no flicker."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One frame. ``file``: its picture, for the time being. ``sharpness``: variance of the Laplacian."""

    file: Path
    source: str
    camera: str
    index: int
    media_ns: int
    size: tuple[int, int]
    sharpness: float
    hash: Hash
    thumbnail: Vector
    found: Detections
    layout: Vector | None
    doubt: Doubt


@dataclass(frozen=True, slots=True)
class Eyes:
    """Who looks at the frames: a detector, a second one to disagree with, the threshold at which boxes count.

    ``classes``: the names that a captured data set gets, all of the detector's if empty.
    """

    detector: Detector | None = None
    second: Detector | None = None
    threshold: float = 0.25
    classes: tuple[str, ...] = ()


def candidates(
    source: str, camera: str, eyes: Eyes, folder: Path, *, rate: float, seconds: float | None
) -> Iterator[Candidate]:
    """At most ``rate`` frames a second of media time, each judged beside the frame after it, written to ``folder``."""
    judge = _Judge(source, eyes, folder)
    waiting: Captured | None = None
    due_ns = 0
    for captured in frames(source, camera, seconds=seconds):
        if waiting is not None:
            yield judge.candidate(waiting, captured)
            waiting = None
        if captured.frame.media_ns >= due_ns:
            waiting = captured
            due_ns += round(SECOND / rate) * (1 + int((captured.frame.media_ns - due_ns) * rate / SECOND))
    if waiting is not None:
        yield judge.candidate(waiting, None)


def sharpness(picture: Picture) -> float:
    """Variance of the Laplacian of a picture at 640 pixels' width (Pech-Pacheco et al., ICPR 2000)."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    width = min(640, grey.shape[1])
    small = cv2.resize(
        grey, (width, max(round(grey.shape[0] * width / grey.shape[1]), 1)), interpolation=cv2.INTER_AREA
    )
    return float(cv2.Laplacian(small, cv2.CV_64F).var())


class _Judge:
    """Looks at the frames of one source; remembers the last one's boxes, since a frame's neighbour may be the next."""

    def __init__(self, source: str, eyes: Eyes, folder: Path) -> None:
        self._source, self._eyes, self._folder = source, eyes, folder
        self._last: tuple[int, Detections] = -1, Detections.empty()

    def candidate(self, captured: Captured, after: Captured | None) -> Candidate:
        frame, pixels, eyes = captured.frame, captured.pixels, self._eyes
        size = (int(pixels.shape[0]), int(pixels.shape[1]))
        found, what, cells = Detections.empty(), Doubt(), None
        if eyes.detector is not None:
            found = self._boxes(eyes.detector, captured)
            near = after is not None and after.frame.media_ns - frame.media_ns <= NEIGHBOUR_S * SECOND
            neighbour = self._boxes(eyes.detector, after) if after is not None and near else None
            other = None
            if eyes.second is not None:
                other = _named_alike(eyes.detector, eyes.second, eyes.second.process([view(pixels)])[0])
            what = doubt(found, neighbour, other, threshold=eyes.threshold)
            cells = layout(found, size, len(eyes.detector.names))
        file = self._folder / f"{frame.camera}_{frame.index:06d}.jpg"
        _write(file, pixels)
        return Candidate(
            file=file,
            source=self._source,
            camera=frame.camera,
            index=frame.index,
            media_ns=frame.media_ns,
            size=size,
            sharpness=sharpness(pixels),
            hash=perceptual_hash(pixels),
            thumbnail=thumbnail(pixels),
            found=found,
            layout=cells,
            doubt=what,
        )

    def _boxes(self, detector: Detector, captured: Captured) -> Detections:
        if self._last[0] != captured.frame.index:
            self._last = captured.frame.index, detector.process([view(captured.pixels)])[0]
        return self._last[1]


def _named_alike(detector: Detector, second: Detector, boxes: Detections) -> Detections:
    """The second detector's boxes in the first one's class numbers; classes that the first lacks are left out."""
    names = {name: number for number, name in enumerate(detector.names)}
    numbers = np.array([names.get(name, -1) for name in second.names], np.int32)[boxes.class_id]
    return Detections(boxes.xyxy, boxes.confidence, numbers).select(numbers >= 0)


def _write(file: Path, pixels: Picture) -> None:
    import cv2

    if not cv2.imwrite(str(file), pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
        raise UsageError(f"{file}: cannot be written; is the disk full?")
