"""How unusual a frame is, and what in it: causal, one scorer for each camera."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import median

import msgspec
import numpy as np

from pipeline.clock import SECOND
from stages.alert.geometry import overlap
from stages.alert.normal.feature import Look, Notes, Told
from stages.alert.normal.flow_field import Floats, FlowField
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
    """Where it was last."""
    count: int = 0
    """Under ``MOTION``: movements so far."""
    notes: Notes = {}
    """What features remember of it."""
    claimed_ns: int = -1
    """For the rule: since when it has been claimed to be unusual; -1: it was not at the last frame, ..."""
    logged: bool = False
    """... and in shadow, that has been said; ..."""
    inside: bool = False
    """... and it lay in the rule's zone; ..."""
    dismissed: str = ""
    """... and it was like the example of this event, which is of no interest."""
    armed: bool = False
    """Under ``MOTION``, for the rule: it has been armed by itself, and so stays."""

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
    """What that is measured by: the median over the last 1.5 s of the sum of -ln p of its parts, of quiet features only
    what is beyond ``Feature.quiet``."""
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
        look = Look(observed, [self._trail(subject).notes for subject in observed.subject.tolist()])
        objects, moving = self._objects(look), self._movements(observed, look.flow)
        total = moving[0].total if moving else 0.0
        total += max((each.total for each in objects), default=0.0)
        return FrameScore(total, objects, moving, self._suspects(observed.media_ns, objects, moving))

    def _objects(self, look: Look) -> list[ObjectScore]:
        observed, told = look.observed, self._told(look)
        boxes: list[Box] = [(left, top, right, bottom) for left, top, right, bottom in observed.box.tolist()]
        sums = np.zeros(len(observed)) + sum(self._counts(name, each) for name, each in told.items())
        steady = []
        for subject, box, total in zip(observed.subject.tolist(), boxes, sums.tolist(), strict=True):
            trail = self._trail(subject)
            trail.box = box
            steady.append(median(trail.add(observed.media_ns, total, keep_ns=SMOOTH_NS)))
        totals = self._model.object.of_values(np.array(steady)).tolist()
        parts = _parts(told, len(observed))
        return [
            ObjectScore(subject, box, *scores)
            for subject, box, *scores in zip(observed.subject.tolist(), boxes, totals, steady, parts, strict=True)
        ]

    def _told(self, look: Look) -> dict[str, Told]:
        """What each feature says."""
        found = {name: feature.look(look) for name, feature in self._model.features.items()}
        return {name: told for name, told in found.items() if told is not None}

    def _counts(self, name: str, told: Told) -> Floats:
        """What of a feature's surprise adds to the sum."""
        quiet = self._model.features[name].quiet
        return np.where(told.surprise > quiet, told.surprise - quiet, 0.0)

    def _movements(self, observed: Observed, flow: FlowField | None) -> list[Movement]:
        trail = self._trail(MOTION)
        if flow is None:
            trail.recent = None
            return []
        trail.recent = trail.recent or Recent()
        windows = Windows.of(flow)
        ratio = steady(trail.recent, observed.media_ns, windows, self._model.pace)
        return movements(flow, windows, ratio, self._model.window)

    def _suspects(self, now_ns: int, objects: list[ObjectScore], moving: list[Movement]) -> list[Suspect]:
        """Movement belongs to the object whose box holds its middle, and fits it best."""
        missing = self._missing(now_ns, {one.subject for one in objects})
        whose: dict[int, tuple[int, Movement]] = {}
        found = []
        for each in moving:
            subject = _nearest(each.box, missing)
            missing.pop(subject, None)
            there = [one for one in objects if each.lies_in(one.box)]
            if there:
                owner = max(there, key=lambda one: overlap(one.box, each.box))
                whose.setdefault(owner.subject, (subject, each))
            else:
                found.append(self._loose(now_ns, each, subject))
        return [self._suspect(now_ns, one, *whose.get(one.subject, (0, None))) for one in objects] + found

    def _missing(self, now_ns: int, present: set[int]) -> dict[int, Trail]:
        """Movements of the last moment, and objects that were claimed then and are not seen now."""
        found = {}
        for subject, trail in list(self.state.items()):
            recent = bool(trail.times) and now_ns - trail.times[-1] <= LINGER_NS
            if subject < MOTION and not recent:
                del self.state[subject]
            elif recent and (
                subject < MOTION or (subject not in present and subject > MOTION and trail.claimed_ns >= 0)
            ):
                found[subject] = trail
        return found

    def _suspect(self, now_ns: int, one: ObjectScore, before: int, own: Movement | None) -> Suspect:
        """An object with its movement. What was claimed as ``before``, movement that was nobody's, goes on as that."""
        if own is None:
            return Suspect(one.subject, one.total, one.box, one, None)
        subject = one.subject
        if before < MOTION and self._trail(before).claimed_ns >= 0 and self._trail(subject).claimed_ns < 0:
            subject = before
            self._trail(before).box = one.box
            self._trail(before).add(now_ns, own.total, keep_ns=SMOOTH_NS)
        return Suspect(subject, one.total + own.total, one.box, one, own)

    def _loose(self, now_ns: int, each: Movement, before: int) -> Suspect:
        """Movement that is nobody's, followed by where it is; or what is still seen of the object ``before``."""
        if not before:
            self._trail(MOTION).count += 1
        subject = before or MOVEMENT + 1 - self._trail(MOTION).count
        trail = self._trail(subject)
        trail.box, score = each.box, each.total
        if subject < MOTION:
            score = median(trail.add(now_ns, each.total, keep_ns=SMOOTH_NS))
        return Suspect(subject, score, each.box, None, each)

    def _trail(self, subject: int) -> Trail:
        return self.state.setdefault(subject, Trail())


def _nearest(box: Box, trails: dict[int, Trail]) -> int:
    """Who it is: of those no further away than the boxes are large the nearest, the claimed first; 0: nobody."""
    best, choice = (True, 1.0), 0
    for subject, trail in trails.items():
        if trail.box is None:
            continue
        away = [abs(box[side] + box[side + 2] - trail.box[side] - trail.box[side + 2]) / 2 for side in (0, 1)]
        size = [max(box[side + 2] - box[side], trail.box[side + 2] - trail.box[side]) for side in (0, 1)]
        gap = max(each / max(large, 1e-6) for each, large in zip(away, size, strict=True))
        if (trail.claimed_ns < 0, gap) <= best and gap <= 1:
            best, choice = (trail.claimed_ns < 0, gap), subject
    return choice


def _parts(told: Mapping[str, Told], count: int) -> list[dict[str, tuple[float, float]]]:
    """Value and p by feature, of each of ``count`` objects; of those of which it says something."""
    parts: list[dict[str, tuple[float, float]]] = [{} for _ in range(count)]
    for name, each in told.items():
        for part, value, p in zip(parts, each.value.tolist(), np.exp(-each.surprise).tolist(), strict=True):
            if not isnan(p):
                part[name] = value, p
    return parts
