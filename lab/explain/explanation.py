"""A map for one target, and how it did in the trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.explain.baselines import centre_map, edge_map, random_maps
from lab.explain.faithfulness import Curves, Trial, Verdict
from lab.explain.masked import Advance, Map
from lab.explain.scorer import Scorer
from lab.explain.target import Target, Window
from lab.statistics import Interval, interval_of
from pipeline.stage import Picture


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to try: steps of a curve, random maps, and the seed of both. 19 rivals are the fewest for p = 0.05."""

    steps: int = 8
    rivals: int = 20
    seed: int = 0

    @property
    def pictures(self) -> int:
        """Pictures that ``explain`` looks at, in random maps alone."""
        return self.rivals * 2 * (self.steps - 1)


@dataclass(frozen=True, slots=True)
class Explanation:
    """``saliency``: float32 (height, width) of ``window``. ``baselines``: maps that know nothing of the model."""

    target: Target
    window: Window
    saliency: Map
    verdict: Verdict
    baselines: Mapping[str, Curves]

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        curves, advantage = self.verdict.curves, self.verdict.advantage
        return {
            "class": self.target.name,
            "score": self.target.score,
            "xyxy": self.target.xyxy.tolist(),
            "window": [self.window.left, self.window.top, self.window.right, self.window.bottom],
            "deletion": curves.deleted,
            "insertion": curves.inserted,
            "gain": curves.gain,
            "advantage_over_random": [advantage.value, advantage.low, advantage.high],
            "p": self.verdict.chance,
            "explains": self.verdict.explains,
            "gain_of_baselines": {name: each.gain for name, each in self.baselines.items()},
            "deletion_curve": curves.deletion.tolist(),
            "insertion_curve": curves.insertion.tolist(),
        }


def explain(
    picture: Picture,
    window: Window,
    target: Target,
    saliency: Map,
    scorer: Scorer,
    *,
    effort: Effort,
    advance: Advance = lambda pictures: None,
) -> Explanation:
    """Put a map to the test against random maps, the middle of the box, and the picture's edges."""
    trial = Trial(picture, window, scorer, steps=effort.steps, seed=effort.seed)
    rivals = random_maps(window.shape, effort.rivals, seed=effort.seed)
    verdict = trial.verdict(saliency, rivals, advance=advance)
    baselines = {
        "centre of the box": trial.curves(centre_map(target, window)),
        "edges of the picture": trial.curves(edge_map(picture, window)),
    }
    return Explanation(target, window, saliency, verdict, baselines)


def overall(explanations: Sequence[Explanation]) -> Interval:
    """Mean advantage over random maps, with its interval over the targets. Needs two targets to mean anything."""
    each = np.array([explanation.verdict.advantage.value for explanation in explanations])
    return interval_of(lambda weights: float(np.average(each, weights=weights)), len(each))


def all_explain(explanations: Sequence[Explanation]) -> bool:
    """The verdict on a run: of one target its own, of several whether their mean advantage is surely above 0."""
    if len(explanations) == 1:
        return explanations[0].verdict.explains
    return overall(explanations).low > 0
