"""The feature ``heading``: which way an object moves, among those that came through that part of the picture."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from stages.alert.normal.feature import Arrays, Look, Told, looks, nothing
from stages.alert.normal.flow_field import Floats
from stages.alert.normal.lessons import Lessons, feet
from stages.alert.normal.places import COLUMNS, ROWS, cells
from stages.alert.normal.scale import Scale
from stages.alert.sighting import Box

WAYS = 8
"""Directions, each 45 degrees wide; the first is to the right, then clockwise."""
FEWEST = 20
"""Tracks that went through a part of the picture for it to say anything: some 200 sightings (10 a second, 1 s each)."""
STEP = 0.15
"""Who gets on by less than this, in sizes of things at that row, in a second, goes nowhere."""
SPAN_S, LONGEST_S = 0.8, 1.6
"""A direction is that of the feet's way over at least, and at most, so long."""
APART_S = 0.2
"""Places that are remembered lie so far apart."""
_NEIGHBOURS = np.array([0.25, 0.5, 0.25])
Known = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Heading:
    """Fulfils ``Feature``. p is that of full conformal prediction over tracks: never below one in all tracks there."""

    name: ClassVar[str] = "heading"
    unit: ClassVar[str] = "degrees clockwise from rightwards"
    quiet: ClassVar[float] = 0.0
    scale: Scale
    """How large things are at each row."""
    p: Floats
    """float64 (rows, columns, ways): share of the tracks there, and of this one, that ever went as rare a way."""
    tracks: Known
    """int64 (rows, columns): how many that is of."""

    def __post_init__(self) -> None:
        if self.p.shape != (ROWS, COLUMNS, WAYS) or self.tracks.shape != (ROWS, COLUMNS):
            raise ValueError(f"heading.p must be of shape ({ROWS}, {COLUMNS}, {WAYS}), got {self.p.shape}")
        if not ((self.p > 0) & (self.p <= 1)).all():
            raise ValueError("heading.p must be above 0 and at most 1")

    def look(self, look: Look) -> Told | None:
        """As ``Feature``. Who goes nowhere, and where few went, nothing is said."""
        angle = headings(look, self.scale)
        row, column = cells(look.observed.box)
        angle = np.where(self.tracks[row, column] >= FEWEST, angle, np.nan)
        known = np.nan_to_num(self.p[row, column, way(angle)])
        return Told(angle, np.where(np.isnan(angle), np.nan, -np.log(known)))

    def rare(self, share: float, box: Box) -> float | None:
        """As ``Feature``."""
        return None

    @property
    def least_p(self) -> float | None:
        """As ``Feature``."""
        return None

    def arrays(self) -> Arrays:
        """As ``Feature``."""
        return {"heading.scale": self.scale.array(), "heading.p": self.p, "heading.tracks": self.tracks}

    @classmethod
    def learn(cls, lessons: Lessons) -> Self | None:
        """As ``Feature``. All tracks count, those of frames that nothing else is learned from as well."""
        scale = lessons.scales["size"]
        went: dict[tuple[int, int], dict[tuple[int, int], set[int]]] = defaultdict(lambda: defaultdict(set))
        for clip, frames in enumerate(lessons.whole):
            for look in looks(frames):
                angle = headings(look, scale)
                moving = np.flatnonzero(~np.isnan(angle))
                rows, columns = cells(look.observed.box[moving])
                told = (look.observed.subject[moving], rows, columns, way(angle[moving]))
                for subject, row, column, where in zip(*(each.tolist() for each in told), strict=True):
                    went[row, column][lessons.source(clip), subject].add(where)
        p, tracks = np.ones((ROWS, COLUMNS, WAYS)), np.zeros((ROWS, COLUMNS), np.int64)
        for cell, votes in went.items():
            tracks[cell] = len(votes)
            p[cell] = shares(np.array([[each in ways for each in range(WAYS)] for ways in votes.values()]))
        return cls(scale, p, tracks) if (tracks >= FEWEST).any() else None

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``Feature``."""
        return cls(Scale.of(arrays["heading.scale"]), arrays["heading.p"], arrays["heading.tracks"])


def way(angle: Floats) -> npt.NDArray[np.intp]:
    """intp (n,): which of ``WAYS`` an angle in degrees is; 0 for NaN."""
    return np.asarray(np.rint(np.nan_to_num(angle) * WAYS / 360).astype(np.intp) % WAYS)


def shares(went: npt.NDArray[np.bool_]) -> Floats:
    """float64 (WAYS,): for one more track that goes each way, the share of tracks, it included, as odd as it.

    ``went``: bool (tracks, WAYS), which ways each ever went. A way is as rare as few went it and, half as much, those
    beside it; a track is as odd as its rarest way.
    """
    p = np.ones(WAYS)
    for one in range(WAYS):
        votes = went.sum(axis=0).astype(np.float64)
        votes[one] += 1
        usual = np.convolve(np.concatenate([votes[-1:], votes, votes[:1]]), _NEIGHBOURS, "valid")
        rarest = np.where(went, usual, np.inf).min(axis=1)
        p[one] = (1 + int((rarest <= usual[one] + 1e-9).sum())) / (1 + len(went))
    return p


def headings(look: Look, scale: Scale) -> Floats:
    """float64 (n,): degrees in [0, 360); NaN of who goes nowhere, or is not known for long enough."""
    observed, now_s = look.observed, look.observed.media_ns / SECOND
    found = nothing(len(observed))
    if not len(found):
        return found
    x, y = (observed.box[:, 0] + observed.box[:, 2]) / 2, feet(observed.box)
    least = STEP * scale.at(y)
    for row, (notes, *place) in enumerate(zip(look.notes, x.tolist(), y.tolist(), strict=True)):
        along, down = pace(notes.setdefault(Heading.name, []), now_s, place[0], place[1])
        if np.hypot(along, down) >= least[row]:
            found[row] = np.degrees(np.arctan2(down, along)) % 360
    return found


def pace(note: list[float], now_s: float, x: float, y: float) -> tuple[float, float]:
    """What the feet do in a second, in shares of the picture; 0, 0 where that is not known yet.

    ``note``: time and place of earlier ones, oldest first, kept up to date in place.
    """
    while note and (now_s - note[0] > LONGEST_S or (len(note) > 3 and now_s - note[3] >= SPAN_S)):
        del note[:3]
    found = 0.0, 0.0
    if note and now_s - note[0] >= SPAN_S:
        took_s = now_s - note[0]
        found = (x - note[1]) / took_s, (y - note[2]) / took_s
    if not note or now_s - note[-3] >= APART_S:
        note += now_s, x, y
    return found
