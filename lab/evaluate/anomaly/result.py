"""All that an evaluation of anomalies found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lab.evaluate.anomaly.alarms import Felt, Span, Trigger, felt, spans_of
from lab.evaluate.anomaly.floors import FLOW
from lab.evaluate.anomaly.frame_auc import FrameAuc, auc, frame_auc, smooth
from lab.evaluate.anomaly.labels import Flags
from lab.evaluate.anomaly.regions import Found, Region, found_regions
from lab.evaluate.anomaly.scoring import Scored
from lab.statistics import FloatArray, Interval, interval_of, paired_difference

QUANTILES = (0.99, 0.995, 0.999, 0.9999, 1.0)
"""Of the scores of normal frames, each a threshold."""
METHOD = "model of normal"


@dataclass(frozen=True, slots=True)
class Thresholded:
    """One row of the table of alarms."""

    quantile: float
    normal_per_minute: float
    """Alarms a minute on the normal clips themselves."""
    normal_s: float
    """Their length."""
    felt: Felt


@dataclass(frozen=True, slots=True)
class Result:
    """Everything; by clip where not said otherwise."""

    scores: Mapping[str, Scored]
    truth: Mapping[str, Flags]
    floors: Mapping[str, Mapping[str, FloatArray]]
    """By floor, by clip."""
    regions: Mapping[str, Sequence[Region]]
    """Of the clips that have masks."""
    normal: Mapping[str, FloatArray]
    """Scores of the normal clips, by models that did not see them."""
    fps: Mapping[str, float]
    """Of the test clips and of the normal ones."""

    @property
    def method(self) -> dict[str, FloatArray]:
        """The scores alone."""
        return {name: scored.score for name, scored in self.scores.items()}

    def table(self) -> dict[str, FrameAuc]:
        """The method first, then the floors."""
        found = {METHOD: frame_auc(self.method, self.truth)}
        return found | {name: frame_auc(scores, self.truth) for name, scores in self.floors.items()}

    def micro(self) -> Interval:
        """Causal micro AUC; clips are drawn anew."""
        return interval_of(lambda weights: self._micro(self.method, weights), len(self.truth))

    def gain(self, floor: str = FLOW) -> Interval:
        """Causal micro AUC of the method less that of a floor; clips are drawn anew, for both together."""
        return paired_difference(
            lambda weights: self._micro(self.floors[floor], weights),
            lambda weights: self._micro(self.method, weights),
            len(self.truth),
        )

    def gain_ahead(self, floor: str = FLOW) -> Interval:
        """The same of smoothed scores, which look ahead."""
        below = {name: smooth(scores) for name, scores in self.floors[floor].items()}
        above = {name: smooth(scores) for name, scores in self.method.items()}
        return paired_difference(
            lambda weights: self._micro(below, weights), lambda weights: self._micro(above, weights), len(self.truth)
        )

    def places(self) -> Found | None:
        """RBDC and TBDC over the clips that have masks; None without."""
        if not self.regions:
            return None
        return found_regions({name: self.scores[name].boxes for name in self.regions}, self.regions)

    def alarms(self) -> list[Thresholded]:
        """What thresholds from normal footage give."""
        frames = np.concatenate(list(self.normal.values()))
        quiet = {name: np.zeros(len(scores), np.bool_) for name, scores in self.normal.items()}
        spans = {name: spans_of(flagged) for name, flagged in self.truth.items()}
        wanted = spans | tracks_of(self.regions)
        triggers = {name: Trigger.at(self.fps[name]) for name in (*self.truth, *self.normal)}
        rows = []
        for quantile in QUANTILES:
            threshold = float(np.quantile(frames, quantile, method="higher"))
            on_normal = felt(self.normal, quiet, {}, threshold, triggers)
            told = felt(self.method, self.truth, wanted, threshold, triggers)
            rows.append(Thresholded(quantile, on_normal.false_per_hour / 60, on_normal.normal_s, told))
        return rows

    def _micro(self, scores: Mapping[str, FloatArray], weights: FloatArray) -> float:
        names = list(self.truth)
        each = np.concatenate([np.full(len(self.truth[name]), weights[n]) for n, name in enumerate(names)])
        kinds = np.concatenate([self.truth[name] for name in names])
        return auc(np.concatenate([scores[name] for name in names]), kinds, each)


def tracks_of(regions: Mapping[str, Sequence[Region]]) -> dict[str, list[Span]]:
    """First and last frame of each true track."""
    found: dict[str, list[Span]] = {}
    for name, members in regions.items():
        frames: dict[int, list[int]] = {}
        for region in members:
            frames.setdefault(region.track, []).append(region.frame)
        found[name] = [(min(each), max(each)) for each in frames.values()]
    return found
