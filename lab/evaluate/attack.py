"""Attacks that change every pixel by no more than epsilon, so that objects are not seen.

FGSM: one step along the sign of the gradient (Goodfellow et al. 2015). PGD: several smaller ones from a random start,
each time back into the ball (Madry et al. 2018). White-box: the attacker has the checkpoint. The figures are those of
the deployed detector on the attacked pictures, rounded to whole grey levels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lab.dataset.progress import progress
from lab.detector import detect
from lab.evaluate.average_precision import Scores
from lab.evaluate.figures import FloatArray, mean_of_known
from lab.evaluate.tally import tally
from lab.evaluate.victim import Target, Victim, picture_of
from lab.evaluate.vocabulary import Vocabulary
from lab.statistics import Interval, intervals_of
from pipeline.errors import UsageError
from pipeline.stage import Detector, Picture

Method = Literal["fgsm", "pgd"]
Attack = Literal["fgsm", "pgd", "patch"]
METHODS: tuple[Attack, ...] = ("fgsm", "pgd", "patch")
EPSILONS = (1, 2, 4, 8)
"""Grey levels of 255; eight are hard to see."""
STEPS = 8


@dataclass(frozen=True, slots=True)
class Strength:
    """What is left at one epsilon (grey levels of 255): mAP50-95, mAP50, and recall at the chosen threshold."""

    epsilon: float
    map: Interval
    map50: Interval
    recall: Interval


def methods_of(named: Sequence[str]) -> tuple[Attack, ...]:
    """Attacks as written by a user. Raises ``UsageError``."""
    for name in named:
        if name not in METHODS:
            raise UsageError(f"--attack: no attack is named {name!r}; known: {', '.join(METHODS)}")
    return tuple(method for method in METHODS if method in named)


def attacked(victim: Victim, target: Target, method: Method, *, epsilons: Sequence[float], seed: int) -> list[Picture]:
    """The picture after the attack, for each epsilon."""
    clean = victim.tensor(target.pixels)
    if method == "fgsm":
        sign = victim.gradient(clean, target).sign()
        return [picture_of((clean - epsilon / 255 * sign).clamp(0, 1)) for epsilon in epsilons]
    return [_descend(victim, target, epsilon / 255, seed=seed) for epsilon in epsilons]


def strengths(
    detector: Detector,
    victim: Victim,
    targets: Sequence[Target],
    vocabulary: Vocabulary,
    method: Method,
    *,
    threshold: float,
    epsilons: Sequence[float] = EPSILONS,
    rounds: int = 300,
    seed: int = 0,
) -> tuple[list[Strength], list[Picture]]:
    """What the deployed detector still finds, from epsilon 0 on; and the most attacked pictures, for showing."""
    made: list[list[Picture]] = []
    for number, target in enumerate(progress(targets, len(targets), method)):
        made.append(attacked(victim, target, method, epsilons=epsilons, seed=seed + number))
    found = [strength(detector, [t.pixels for t in targets], targets, vocabulary, 0.0, threshold, rounds, seed)]
    for place, epsilon in enumerate(epsilons):
        pictures = [each[place] for each in made]
        found.append(strength(detector, pictures, targets, vocabulary, epsilon, threshold, rounds, seed))
    return found, [each[-1] for each in made]


def strength(
    detector: Detector,
    pictures: Sequence[Picture],
    targets: Sequence[Target],
    vocabulary: Vocabulary,
    epsilon: float,
    threshold: float,
    rounds: int,
    seed: int,
) -> Strength:
    """Figures of the detector on these pictures, which show the targets."""
    scores = scores_on(detector, pictures, targets, vocabulary)
    found = intervals_of(measures_of(scores, threshold), len(targets), rounds=rounds, seed=seed)
    return Strength(epsilon, *found)


def scores_on(
    detector: Detector, pictures: Sequence[Picture], targets: Sequence[Target], vocabulary: Vocabulary
) -> Scores:
    """Scores of the detector on pictures that show the targets."""
    boxes = (vocabulary.found(each) for each in detect(detector, pictures))
    return Scores([tally(each, t.xyxy, t.class_id) for each, t in zip(boxes, targets, strict=True)])


def measures_of(scores: Scores, threshold: float) -> Callable[[FloatArray], FloatArray]:
    """mAP50-95, mAP50 and recall at the threshold, for many weightings."""

    def measures(weights: FloatArray) -> FloatArray:
        precisions = scores.average_precisions(weights)
        confidence, _, recall = scores.curves(weights)
        sure = np.flatnonzero(confidence >= threshold)
        at = recall[:, sure[-1]] if len(sure) else np.zeros(len(weights))
        return np.stack([mean_of_known(precisions.mean(axis=2)), mean_of_known(precisions[:, :, 0]), at], axis=1)

    return measures


def _descend(victim: Victim, target: Target, epsilon: float, *, seed: int) -> Picture:
    import torch

    clean = victim.tensor(target.pixels)
    generator = torch.Generator().manual_seed(seed)
    start = torch.rand(clean.shape, generator=generator).to(clean.device) * 2 - 1
    picture = (clean + epsilon * start).clamp(0, 1)
    for _ in range(STEPS):
        stepped = picture - 2.5 * epsilon / STEPS * victim.gradient(picture, target).sign()
        picture = torch.minimum(torch.maximum(stepped, clean - epsilon), clean + epsilon).clamp(0, 1)
    return picture_of(picture)
