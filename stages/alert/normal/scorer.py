"""How unusual a frame is, and what in it: causal, one scorer for each camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from statistics import median

import msgspec
import numpy as np

from pipeline.clock import SECOND
from stages.alert.normal.features import Windows, feet, magnitudes
from stages.alert.normal.flow_field import Floats
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.sighting import Box

SMOOTH_NS = 3 * SECOND // 2
"""An object's score is the median over this much of its past."""
STEADY_NS = 3 * SECOND // 10
"""Motion counts as the mean over this much of the past: two pictures alone are a noisy witness."""
MOTION = 0
"""Under this subject a scorer remembers the motion of the whole scene."""
MOVEMENT = -1
"""The subject of movement that belongs to no known object."""


class Trail(msgspec.Struct):
    """What is remembered of one subject."""

    times: list[int] = []
    """Media times in ns, oldest first ..."""
    totals: list[float] = []
    """... and the sums of its parts then."""
    claimed: bool = False
    """For the rule: it was claimed to be unusual at the last frame, ..."""
    inside: bool = False
    """... and lay in the rule's zone."""

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
class WindowScore:
    """The motion that is most unusual for its row of the picture, whatever moves there."""

    box: Box
    total: float
    """Mean over the last 0.3 s of -ln p."""
    value: float
    """Its mean speed at this frame, in the unit of the feature ``window``."""
    p: float
    """Share of normal frames whose most unusual motion is as unusual as this."""

    def lies_in(self, box: Box) -> bool:
        """Whether its middle does."""
        x, y = (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2
        return box[0] <= x <= box[2] and box[1] <= y <= box[3]


@dataclass(frozen=True, slots=True)
class Suspect:
    """One thing that may be unusual. Alarms, and the calibration that counts them, compare its score."""

    subject: int
    """An object's, or ``MOVEMENT``."""
    score: float
    box: Box
    object: ObjectScore | None
    window: WindowScore | None
    """The frame's most unusual motion, if it is here."""


@dataclass(frozen=True, slots=True)
class FrameScore:
    """How unusual a frame is: its most unusual motion plus its most unusual object. 0 where nothing can be told."""

    total: float
    objects: Sequence[ObjectScore]
    window: WindowScore | None
    suspects: Sequence[Suspect]
    """Every object with the motion that is its own, and, last, motion that is nobody's."""


class Scorer:
    """Scores the frames of one camera, in order. What it says of a frame depends on it and on earlier ones alone."""

    def __init__(self, model: NormalModel, state: dict[int, Trail] | None = None) -> None:
        """``state``: what is remembered, by subject; kept up to date in place. Its owner drops whom it forgets."""
        self._model = model
        self.state: dict[int, Trail] = {} if state is None else state

    def score(self, observed: Observed) -> FrameScore:
        """Take in the next frame."""
        objects, window = self._objects(observed), self._window(observed)
        total = (window.total if window else 0.0) + max((each.total for each in objects), default=0.0)
        return FrameScore(total, objects, window, self._suspects(observed.media_ns, objects, window))

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

    def _window(self, observed: Observed) -> WindowScore | None:
        if observed.flow is None:
            return None
        speed, ratio, box = Windows.of(observed.flow).largest(self._model.scales["window"])
        surprise = float(self._model.tails["window"].of_values(np.array([ratio]))[0])
        steady = self._trail(MOTION).add(observed.media_ns, surprise, keep_ns=STEADY_NS)
        return WindowScore(box, sum(steady) / len(steady), speed, exp(-surprise))

    def _suspects(self, now_ns: int, objects: list[ObjectScore], window: WindowScore | None) -> list[Suspect]:
        found = []
        for each in objects:
            own = window if window is not None and window.lies_in(each.box) else None
            found.append(Suspect(each.subject, each.total + (own.total if own else 0.0), each.box, each, own))
        loose = window if window is not None and not any(each.window for each in found) else None
        past = self._trail(MOVEMENT).add(now_ns, loose.total if loose else 0.0, keep_ns=SMOOTH_NS)
        if loose is not None:
            found.append(Suspect(MOVEMENT, median(past), loose.box, None, loose))
        return found

    def _trail(self, subject: int) -> Trail:
        return self.state.setdefault(subject, Trail())


def _row(values: dict[str, list[float]], shares: dict[str, list[float]], row: int) -> dict[str, tuple[float, float]]:
    return {name: (values[name][row], shares[name][row]) for name in values}
