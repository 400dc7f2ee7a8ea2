"""Examples of what is normal: a few dozen crops that lie as far apart as they can, to be shown beside what is not.

They stand in the ``exemplars`` of a generation, described by ``examples.json``. Judging needs none of them, so they
may be deleted: people may be on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from pipeline.clock import SECOND
from pipeline.detections import Detections
from pipeline.stage import Detector, Picture, View
from stages.alert.normal.magnitudes import magnitudes
from stages.alert.normal.nearest import INDEX, Example, vectors
from stages.alert.normal.observed import Observed

MOST = 32
MOST_FRAMES = 256
"""Frames that are kept to choose from, evenly over all footage."""
LONGEST_PX, LEAST_PX = 160, 24
"""Longer side of a crop; shorter side that an object must have."""
LEAST_CONFIDENCE = 0.3
SAME_LOOK_NS = 2 * SECOND
"""An object looks as it did so long before or after."""
_AIR = 0.15
"""Of the box, around it."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    page: int
    media_ns: int
    class_id: int
    box: tuple[float, float, float, float]
    features: dict[str, float]
    look: bytes
    """As ``Example``."""


class Album:
    """Looks over a detector's shoulder and keeps some of the frames that it sees, as JPEG."""

    def __init__(self) -> None:
        self._pages: dict[tuple[int, int], bytes] = {}
        """By number of the clip and index of the frame."""
        self._clip, self._last, self._seen, self._stride = -1, -1, 0, 1

    def over(self, detector: Detector) -> Detector:
        """The detector, watched."""
        return _Watched(detector, self)

    def look(self, view: View) -> None:
        """One frame; a frame that does not come after the last one begins the next clip."""
        if self._clip < 0 or view.frame.index <= self._last:
            self._clip += 1
        self._last = view.frame.index
        if self._seen % self._stride == 0:
            self._pages[self._clip, self._last] = _jpeg(view.pixels)
            if len(self._pages) > MOST_FRAMES:
                self._pages = dict(list(self._pages.items())[::2])
                self._stride *= 2
        self._seen += 1

    def examples(self, clips: Sequence[Sequence[Observed]], names: Sequence[str]) -> dict[str, bytes]:
        """Files for ``lab.normal.keeping.keep``; empty where no object could be cut out."""
        pages = list(self._pages.items())
        places = {key: page for page, (key, _) in enumerate(pages)}
        candidates = [
            candidate
            for number, clip in enumerate(clips)
            for looks in [_Looked(clip)]
            for observed in clip
            if (number, observed.index) in places
            for candidate in _candidates(observed, places[number, observed.index], looks)
        ]
        crops: dict[str, bytes] = {}
        told: list[Example] = []
        for candidate in spread_out(candidates, MOST):
            crop = _cut(pages[candidate.page][1], candidate.box)
            if crop is None:
                continue
            name = f"{len(told):02}.jpg"
            crops[name] = crop
            kind = names[candidate.class_id] if 0 <= candidate.class_id < len(names) else f"class {candidate.class_id}"
            seconds = round(candidate.media_ns / 1e9, 3)
            told.append(Example(name, kind, seconds, candidate.box, candidate.features, candidate.look))
        return {**crops, INDEX: msgspec.json.encode(told)} if told else {}


class _Watched:
    """Fulfils ``Detector``."""

    def __init__(self, detector: Detector, album: Album) -> None:
        self.engine, self.model, self.names = detector.engine, detector.model, detector.names
        self.capacity = detector.capacity
        self._detector, self._album = detector, album

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """As ``Detector``."""
        for view in batch:
            self._album.look(view)
        return self._detector.process(batch)


def spread_out(candidates: Sequence[Any], most: int) -> list[Any]:
    """Greedy k-centre (Gonzalez 1985): each next one is the farthest from all before; the first is the most usual."""
    if not candidates:
        return []
    points = vectors([each.features for each in candidates], [each.box for each in candidates])
    classes = np.array([each.class_id for each in candidates])
    chosen = [int(np.linalg.norm(points - np.median(points, axis=0), axis=1).argmin())]
    apart = np.full(len(points), np.inf)
    while len(chosen) < min(most, len(points)):
        last = chosen[-1]
        apart = np.minimum(apart, np.linalg.norm(points - points[last], axis=1) + (classes != classes[last]))
        if apart.max() <= 0:
            break
        chosen.append(int(apart.argmax()))
    return [candidates[place] for place in sorted(chosen)]


class _Looked:
    """The vectors of a clip's objects, which are known about once a second."""

    def __init__(self, clip: Sequence[Observed]) -> None:
        self._known: dict[int, list[tuple[int, bytes]]] = {}
        for each in clip:
            if each.looks is not None:
                for row, vector in zip(each.looks.row.tolist(), each.looks.vector, strict=True):
                    self._known.setdefault(int(each.subject[row]), []).append((each.media_ns, vector.tobytes()))

    def at(self, media_ns: int, subject: int) -> bytes:
        """That of a subject which is the nearest in time; empty if there is none within ``SAME_LOOK_NS``."""
        known = [(abs(when - media_ns), vector) for when, vector in self._known.get(subject, [])]
        away, vector = min(known, default=(SAME_LOOK_NS + 1, b""))
        return vector if away <= SAME_LOOK_NS else b""


def _candidates(observed: Observed, page: int, looks: _Looked) -> list[_Candidate]:
    found = magnitudes(observed)
    return [
        _Candidate(
            page,
            observed.media_ns,
            int(observed.class_id[row]),
            (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            {name: round(float(values[row]), 6) for name, values in found.items()},
            looks.at(observed.media_ns, int(observed.subject[row])),
        )
        for row, box in enumerate(observed.box.tolist())
        if observed.confidence[row] >= LEAST_CONFIDENCE
    ]


def _cut(page: bytes, box: tuple[float, float, float, float]) -> bytes | None:
    """JPEG of the box and a little around it; None where too little would be seen."""
    import cv2

    picture = np.asarray(cv2.imdecode(np.frombuffer(page, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    high, wide = picture.shape[:2]
    left, top, right, bottom = box[0] * wide, box[1] * high, box[2] * wide, box[3] * high
    if min(right - left, bottom - top) < LEAST_PX:
        return None
    air = _AIR * max(right - left, bottom - top)
    x0, y0 = max(round(left - air), 0), max(round(top - air), 0)
    crop = picture[y0 : round(bottom + air), x0 : round(right + air)]
    scale = LONGEST_PX / max(crop.shape[:2])
    if scale < 1:
        crop = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return _jpeg(crop, quality=85)


def _jpeg(pixels: Picture, *, quality: int = 90) -> bytes:
    import cv2

    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
