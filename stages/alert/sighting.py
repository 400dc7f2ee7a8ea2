"""What is remembered of the objects of one camera, through changes of their track ids."""

from collections.abc import Collection

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from pipeline.detections import Tracks
from pipeline.messages import Frame
from stages.alert.geometry import overlap
from stages.alert.options import AlertOptions, nanoseconds
from stages.alert.views import BEFORE_NS, BETWEEN_NS, View, note_recent, note_together, view
from stages.alert.votes import Votes

Box = tuple[float, float, float, float]

SCORES = 30
"""Detections whose confidence is remembered."""
PATH = 64
"""Most points of a path."""
RECENT_S = 10.0
"""How far back the recent track goes."""
_RECENT_STEP_S = 0.2
"""Time between two of its points, at least."""
_BORDER = 0.01
"""A box this near to the border of the picture may leave it."""


class Sighting(msgspec.Struct):
    """One object: since when, where, how sure. Times are media time."""

    subject: int
    track_id: int
    class_id: int
    first_ns: int
    last_ns: int = 0
    """When it was last there."""
    present: bool = False
    """Whether it was there at the last frame that told anything."""
    vote: float = 0.0
    confidence: float = 0.0
    box: Box = (0.0, 0.0, 0.0, 0.0)
    """Left, top, right, bottom as shares of the picture."""
    box_px: Box = (0.0, 0.0, 0.0, 0.0)
    scores: list[tuple[float, float]] = []
    """Seconds and confidence of the last detections."""
    path: list[tuple[float, Box]] = []
    """Seconds and box, thinned: every ``stride``-th sighting."""
    stride: int = 1
    recent: list[tuple[float, Box]] = []
    """Seconds and box of the last ``RECENT_S``, once the path has not every sighting: after ten minutes its points are
    twelve seconds apart."""
    waiting: int = 0
    """Sightings until the next one that goes into the path."""
    votes: dict[str, Votes] = {}
    """What it is, by classifier."""
    scores_of: dict[str, tuple[float, int]] = {}
    """What it does: score and media time by behaviour."""
    views: list[View] = []
    """Frames of the last seconds that show it best; of a live camera those whose picture is kept."""

    @property
    def attributes(self) -> dict[str, str]:
        """What classifiers are agreed on."""
        return {name: votes.value for name, votes in self.votes.items() if votes.value}

    @property
    def at_border(self) -> bool:
        """Whether it was last seen where the picture ends."""
        return min(self.box[0], self.box[1], 1 - self.box[2], 1 - self.box[3]) < _BORDER

    def note(self, now_ns: int, box: Box, *, confidence: float | None) -> None:
        """It is there at this frame; ``confidence`` is None where no detection says so (still picture)."""
        self.last_ns = now_ns
        self.present = True
        self.box = box
        if confidence is None:
            return
        self.confidence = confidence
        self.scores.append((now_ns / SECOND, confidence))
        del self.scores[:-SCORES]
        if self.stride > 1:
            self._note_recent(now_ns / SECOND, box)
        if self.waiting:
            self.waiting -= 1
            return
        self.path.append((now_ns / SECOND, box))
        self.waiting = self.stride - 1
        if len(self.path) >= PATH:
            del self.path[1::2]
            self.stride *= 2

    def _note_recent(self, now_s: float, box: Box) -> None:
        if self.recent and now_s - self.recent[-1][0] < _RECENT_STEP_S - 1e-6:
            return
        self.recent.append((now_s, box))
        while now_s - self.recent[0][0] > RECENT_S:
            del self.recent[0]


class SightingsState(msgspec.Struct):
    """All that ``Sightings`` remembers."""

    count: int = 0
    """Subjects named so far."""
    known: dict[int, Sighting] = {}
    pictured_ns: int | None = None
    """Live: time of the last frame whose picture is kept."""


class Sightings:
    """The objects of one camera. A new track on the spot where an object of its class just vanished carries it on."""

    def __init__(self, options: AlertOptions, *, memory_ns: int, state: SightingsState | None = None) -> None:
        """``memory_ns``: how long an object outlives its last sighting."""
        self._join_ns = nanoseconds(options.join_s)
        self._join_overlap = options.join_overlap
        self._memory_ns = max(memory_ns, self._join_ns)
        self.state = state or SightingsState()

    @property
    def known(self) -> dict[int, Sighting]:
        """Every object that is remembered, by subject."""
        return self.state.known

    def has_old(self, now_ns: int) -> bool:
        """Whether there are objects that have not been there for too long."""
        limit = now_ns - self._memory_ns
        return any(sighting.last_ns < limit for sighting in self.known.values())

    def forget(self, now_ns: int, *, needed: Collection[int]) -> list[int]:
        """Drop the objects that have not been there for too long, but for those still needed; returns them."""
        limit = now_ns - self._memory_ns
        gone = [s for s, sighting in self.known.items() if sighting.last_ns < limit and s not in needed]
        for subject in gone:
            del self.known[subject]
        return gone

    def see(
        self, frame: Frame, tracks: Tracks, boxes: npt.NDArray[np.float64], *, still: bool, live: bool = False
    ) -> tuple[list[int], list[int]]:
        """Take in a frame that tells something: analysed, or ``still``.

        ``boxes``: float64 (n, 4), those of ``tracks`` as shares of the picture. ``live``: a frame that is past is gone,
        so few are noted, and of each its picture is kept. Returns the rows of ``tracks`` that are there, and their
        subjects.
        """
        carried = {sighting.track_id: sighting for sighting in self.known.values()}
        ids, observed = tracks.track_id.tolist(), tracks.observed.tolist()
        rows = [
            row
            for row, track_id in enumerate(ids)
            if observed[row] or (still and track_id in carried and carried[track_id].present)
        ]
        for sighting in self.known.values():
            sighting.present = False
        for row in rows:
            if ids[row] in carried:
                carried[ids[row]].present = True
        classes, votes, confidences = tracks.class_id.tolist(), tracks.vote.tolist(), tracks.confidence.tolist()
        shares, pixels = boxes.tolist(), tracks.xyxy.tolist()
        subjects = []
        shown: list[tuple[list[View], View]] = []
        pictured_ns = self.state.pictured_ns if live else None
        is_due = pictured_ns is None or frame.media_ns - pictured_ns >= BETWEEN_NS
        for row in rows:
            box = tuple(shares[row])
            sighting = carried.get(ids[row]) or self._meet(frame.media_ns, ids[row], classes[row], box)
            sighting.class_id = classes[row]
            sighting.vote = votes[row]
            sighting.box_px = tuple(pixels[row])
            sighting.note(frame.media_ns, box, confidence=confidences[row] if observed[row] else None)
            if observed[row] and is_due:
                here = frame.index, frame.media_ns, ids[row], confidences[row], box, sighting.box_px
                shown.append((sighting.views, view(*here)))
            subjects.append(sighting.subject)
        self._picture(shown, frame.media_ns, live=live)
        return rows, subjects

    def views(self, now_ns: int) -> list[View]:
        """Those of the last five seconds, of all objects."""
        return [v for each in self.known.values() for v in each.views if now_ns - v.media_ns <= BEFORE_NS]

    def _picture(self, shown: list[tuple[list[View], View]], now_ns: int, *, live: bool) -> None:
        """Note how well a frame shows its objects."""
        if not live:
            for views, new in shown:
                note_recent(views, new)
            return
        if note_together(shown, now_ns):
            self.state.pictured_ns = now_ns

    def _meet(self, now_ns: int, track_id: int, class_id: int, box: Box) -> Sighting:
        """The object that a new track carries on, or a new one."""
        best, best_overlap = None, self._join_overlap
        for sighting in self.known.values():
            if sighting.present or sighting.class_id != class_id or now_ns - sighting.last_ns > self._join_ns:
                continue
            shared = overlap(sighting.box, box)
            if shared >= best_overlap and (best is None or shared > best_overlap):
                best, best_overlap = sighting, shared
        if best is not None:
            best.track_id = track_id
            return best
        self.state.count += 1
        new = Sighting(subject=self.state.count, track_id=track_id, class_id=class_id, first_ns=now_ns)
        self.known[new.subject] = new
        return new
