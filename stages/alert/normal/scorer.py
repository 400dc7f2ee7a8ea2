"""How unusual a frame is, and what in it: causal, one scorer for each camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from statistics import median

import msgspec

from pipeline.clock import SECOND
from stages.alert.normal.features import Windows, feet, magnitudes
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.sighting import Box

SMOOTH_NS = 3 * SECOND // 2
"""An object's score is the median over this much of its past."""


class Trail(msgspec.Struct):
    """What a scorer remembers of one object: media times in ns and sums of its parts, oldest first."""

    times: list[int] = []
    totals: list[float] = []

    def add(self, now_ns: int, total: float) -> float:
        """Take in the sum at this frame; the median of the last ``SMOOTH_NS``."""
        self.times.append(now_ns)
        self.totals.append(total)
        old = sum(time <= now_ns - SMOOTH_NS for time in self.times)
        del self.times[:old], self.totals[:old]
        return median(self.totals)


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """How unusual one object is."""

    subject: int
    box: Box
    """Left, top, right, bottom as shares of the picture."""
    total: float
    """Median over the last 1.5 s of the sum of -log p of its parts."""
    parts: dict[str, tuple[float, float]]
    """Of this frame, by feature: value in the feature's unit, and p."""


@dataclass(frozen=True, slots=True)
class WindowScore:
    """The motion that is most unusual for its place, whatever moves there."""

    box: Box
    total: float
    """-log p."""
    value: float
    """Its mean speed."""
    p: float


@dataclass(frozen=True, slots=True)
class FrameScore:
    """How unusual a frame is: what moves plus the most unusual object. 0 where nothing can be told."""

    total: float
    objects: Sequence[ObjectScore]
    window: WindowScore | None


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
        return FrameScore(total, objects, window)

    def _objects(self, observed: Observed) -> list[ObjectScore]:
        model, rows = self._model, feet(observed.box)
        values, surprises = {}, {}
        for name, value in magnitudes(observed).items():
            values[name] = value.tolist()
            surprises[name] = model.tails[name].of_values(value / model.scales[name].at(rows)).tolist()
        values["class"] = surprises["class"] = (model.class_surprise(observed.class_id) * observed.confidence).tolist()
        boxes = observed.box.tolist()
        scores = []
        for number, subject in enumerate(observed.subject.tolist()):
            parts = {name: (values[name][number], exp(-surprises[name][number])) for name in values}
            total = sum(each[number] for each in surprises.values())
            smooth = self.state.setdefault(subject, Trail()).add(observed.media_ns, total)
            left, top, right, bottom = boxes[number]
            scores.append(ObjectScore(subject, (left, top, right, bottom), smooth, parts))
        return scores

    def _window(self, observed: Observed) -> WindowScore | None:
        if observed.flow is None:
            return None
        speed, ratio, box = Windows.of(observed.flow).largest(self._model.scales["window"])
        total = float(self._model.tails["window"].of_values(ratio))  # type: ignore[arg-type]  # numpy takes numbers
        return WindowScore(box, total, speed, exp(-total))
