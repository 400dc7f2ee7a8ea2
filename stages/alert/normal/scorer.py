"""How unusual a frame is, and what in it: causal, one scorer for each camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import msgspec
import numpy as np

from pipeline.clock import SECOND
from stages.alert.geometry import overlap
from stages.alert.normal.features import feet, magnitudes
from stages.alert.normal.flow_field import Floats
from stages.alert.normal.model import NormalModel
from stages.alert.normal.movement import Movement, Recent, Windows, movements, steady
from stages.alert.normal.observed import Observed
from stages.alert.sighting import Box

SMOOTH_NS = 3 * SECOND // 2
"""An object's score is the median over this much of its past."""
MOTION = 0
"""Under this subject a scorer remembers the motion of the whole scene."""
MOVEMENT = -1
"""The subject of the first movement that belongs to no known object; those after it count down."""
LINGER_NS = SECOND
"""A movement that is not seen for longer is over."""


class Trail(msgspec.Struct):
    """What is remembered of one subject."""

    times: list[int] = []
    """Media times in ns, oldest first ..."""
    totals: list[float] = []
    """... and the sums of its parts then."""
    recent: Recent | None = None
    """Under ``MOTION``."""
    box: Box | None = None
    """Under movements: where it was last."""
    count: int = 0
    """Under ``MOTION``: movements so far."""
    claimed_ns: int = -1
    """For the rule: since when it has been claimed to be unusual; -1: it was not at the last frame, ..."""
    logged: bool = False
    """... and in shadow, that has been said; ..."""
    inside: bool = False
    """... and it lay in the rule's zone."""

    def add(self, now_ns: int, total: float, *, keep_ns: int) -> list[float]:
        """Take in the sum at this frame; those of the last ``keep_ns``."""
        self.times.append(now_ns)
        self.totals.append(total)
        old = sum(time <= now_ns - keep_ns for time in self.times)
        del self.times[:old], self.totals[:old]
        return self.totals


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """How unusual one object is."""

    subject: int
    box: Box
    """Left, top, right, bottom as shares of the picture."""
    total: float
    """-ln of the share of normal frames in which the most unusual object is as unusual as this one."""
    sum: float
    """What that is measured by: the median over the last 1.5 s of the sum of -ln p of its parts."""
    parts: dict[str, tuple[float, float]]
    """Of this frame, by feature: value in the feature's unit (``features.UNITS``), and p."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """One thing that may be unusual. Alarms, and the calibration that counts them, compare its score."""

    subject: int
    """An object's; of movement ``MOVEMENT`` or less."""
    score: float
    box: Box
    object: ObjectScore | None
    window: Movement | None
    """The most unusual movement here, if there is any."""


@dataclass(frozen=True, slots=True)
class FrameScore:
    """How unusual a frame is: its most unusual movement plus its most unusual object. 0 where nothing can be told."""

    total: float
    objects: Sequence[ObjectScore]
    movements: Sequence[Movement]
    """The most unusual first."""
    suspects: Sequence[Suspect]
    """Every object with the movement that is its own, then movement that is nobody's."""

    @property
    def boxes(self) -> list[tuple[Box, float]]:
        """Every place that is marked, with its score at this frame: objects, and movement, theirs or nobody's."""
        objects = [(each.box, each.score) for each in self.suspects if each.object is not None]
        return objects + [(each.box, each.total) for each in self.movements]


class Scorer:
    """Scores the frames of one camera, in order. What it says of a frame depends on it and on earlier ones alone."""

    def __init__(self, model: NormalModel, state: dict[int, Trail] | None = None) -> None:
        """``state``: what is remembered, by subject; kept up to date in place. Its owner drops whom it forgets."""
        self._model = model
        self.state: dict[int, Trail] = {} if state is None else state

    def score(self, observed: Observed) -> FrameScore:
        """Take in the next frame."""
        objects, moving = self._objects(observed), self._movements(observed)
        total = moving[0].total if moving else 0.0
        total += max((each.total for each in objects), default=0.0)
        return FrameScore(total, objects, moving, self._suspects(observed.media_ns, objects, moving))

    def _objects(self, observed: Observed) -> list[ObjectScore]:
        values, surprises = self._parts(observed)
        sums = np.zeros(len(observed)) + sum(surprises.values())
        steady = [
            median(self._trail(subject).add(observed.media_ns, total, keep_ns=SMOOTH_NS))
            for subject, total in zip(observed.subject.tolist(), sums.tolist(), strict=True)
        ]
        totals = self._model.tails["object"].of_values(np.array(steady)).tolist()
        shares = {name: np.exp(-each).tolist() for name, each in surprises.items()}
        told = {name: each.tolist() for name, each in values.items()}
        return [
            ObjectScore(subject, (box[0], box[1], box[2], box[3]), totals[row], steady[row], _row(told, shares, row))
            for row, (subject, box) in enumerate(zip(observed.subject.tolist(), observed.box.tolist(), strict=True))
        ]

    def _parts(self, observed: Observed) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Value and -ln p of each feature of each object."""
        model, rows = self._model, feet(observed.box)
        values = magnitudes(observed)
        surprises = {name: model.tails[name].of_values(values[name] / model.scales[name].at(rows)) for name in values}
        values["class"] = model.places.share(observed.class_id, observed.box)
        surprises["class"] = -np.log(values["class"]) * observed.confidence
        return values, surprises

    def _movements(self, observed: Observed) -> list[Movement]:
        trail = self._trail(MOTION)
        if observed.flow is None:
            trail.recent = None
            return []
        trail.recent = trail.recent or Recent()
        windows = Windows.of(observed.flow)
        ratio = steady(trail.recent, observed.media_ns, windows, self._model.scales["window"])
        return movements(observed.flow, windows, ratio, self._model.tails["window"])

    def _suspects(self, now_ns: int, objects: list[ObjectScore], moving: list[Movement]) -> list[Suspect]:
        """Movement belongs to the object whose box holds its middle, and fits it best."""
        own: dict[int, list[Movement]] = {}
        nobodys = []
        for each in moving:
            there = [number for number, one in enumerate(objects) if each.lies_in(one.box)]
            if there:
                own.setdefault(max(there, key=lambda number: overlap(objects[number].box, each.box)), []).append(each)
            else:
                nobodys.append(each)
        found = []
        for number, one in enumerate(objects):
            most = own[number][0] if number in own else None
            found.append(Suspect(one.subject, one.total + (most.total if most else 0.0), one.box, one, most))
        return found + self._loose(now_ns, nobodys)

    def _loose(self, now_ns: int, moving: list[Movement]) -> list[Suspect]:
        """Movement that is nobody's, each followed from frame to frame by where it is."""
        known = {subject: trail for subject, trail in self.state.items() if subject < MOTION}
        for subject, trail in list(known.items()):
            if now_ns - trail.times[-1] > LINGER_NS:
                del known[subject], self.state[subject]
        found = []
        for each in moving:
            subject = next((one for one, trail in known.items() if trail.box and _near(trail.box, each.box)), 0)
            if not subject:
                self._trail(MOTION).count += 1
                subject = MOVEMENT + 1 - self._trail(MOTION).count
            known.pop(subject, None)
            trail = self._trail(subject)
            trail.box = each.box
            score = median(trail.add(now_ns, each.total, keep_ns=SMOOTH_NS))
            found.append(Suspect(subject, score, each.box, None, each))
        return found

    def _trail(self, subject: int) -> Trail:
        return self.state.setdefault(subject, Trail())


def _near(one: Box, other: Box) -> bool:
    """Whether the middles of two boxes are no further apart than the boxes are large."""
    away = [abs(one[side] + one[side + 2] - other[side] - other[side + 2]) / 2 for side in (0, 1)]
    return all(gap <= max(one[side + 2] - one[side], other[side + 2] - other[side]) for side, gap in enumerate(away))


def _row(values: dict[str, list[float]], shares: dict[str, list[float]], row: int) -> dict[str, tuple[float, float]]:
    return {name: (values[name][row], shares[name][row]) for name in values}
