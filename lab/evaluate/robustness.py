"""How much of a detector is left under common corruptions (Michaelis et al. 2019: detection, five severities)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lab.detector import read_picture
from lab.evaluate.corruption import CORRUPTIONS, SEVERITIES, corrupt
from lab.evaluate.figures import mean_of_known
from lab.evaluate.observation import Observation, observe
from lab.evaluate.truth import Truth
from lab.report.charts import curves
from lab.statistics import Interval, intervals_of
from pipeline.errors import UsageError
from pipeline.stage import Detector, Picture

if TYPE_CHECKING:
    from lab.report.page import Page

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Condition:
    """One corruption at one severity, and the mAP50-95 under it."""

    corruption: str
    severity: int
    map: Interval


@dataclass(frozen=True, slots=True)
class Robustness:
    """mAP50-95 clean, under each condition, their mean (mPC), and that mean relative to clean (rPC)."""

    clean: Interval
    conditions: tuple[Condition, ...]
    mean: Interval
    relative: Interval


def conditions_of(corruptions: Sequence[str], severities: Sequence[str]) -> list[tuple[str, int]]:
    """Names and severities as written by a user; no name means all. Raises ``UsageError``."""
    for name in corruptions:
        if name not in CORRUPTIONS:
            raise UsageError(f"--corruptions: no corruption is named {name!r}; known: {', '.join(CORRUPTIONS)}")
    allowed = {str(severity): severity for severity in SEVERITIES}
    if not severities or not set(severities) <= set(allowed):
        raise UsageError(f"--severities {','.join(severities)}: expected some of 1,2,3,4,5")
    return [(name, allowed[each]) for name in corruptions or CORRUPTIONS for each in sorted(set(severities))]


def robustness(
    detector: Detector,
    truth: Truth,
    clean: Observation,
    conditions: Sequence[tuple[str, int]],
    *,
    rounds: int = 200,
    seed: int = 0,
) -> Robustness:
    """Run the detector under each condition (name, severity); the pictures are drawn together for all of them."""
    looked = [clean.scores]
    for name, severity in conditions:
        change = partial(changed, name=name, severity=severity, seed=seed)
        seen = observe(detector, truth, clean.vocabulary, change=change, what=f"{name} {severity}")
        looked.append(seen.scores)

    def measures(weights: FloatArray) -> FloatArray:
        each = np.stack([mean_of_known(scores.average_precisions(weights).mean(axis=2)) for scores in looked], axis=1)
        mean = each[:, 1:].mean(axis=1)
        return np.column_stack([each, mean, mean / np.maximum(each[:, 0], 1e-12)])

    first, *found, mean, relative = intervals_of(measures, clean.scores.pictures, rounds=rounds, seed=seed)
    named = [Condition(*condition, interval) for condition, interval in zip(conditions, found, strict=True)]
    return Robustness(first, tuple(named), mean, relative)


def changed(picture: Picture, number: int, *, name: str, severity: int, seed: int) -> Picture:
    """Picture ``number`` under a condition; each picture has noise of its own, and the same in every run."""
    return corrupt(picture, name, severity, seed=seed * 1_000_003 + number)


def add_robustness(page: "Page", found: Robustness, truth: Truth, *, seed: int = 0) -> None:
    """The section of a report."""
    page.section("Robustness").tiles(
        [
            ("mAP50-95 clean", f"{found.clean.value:.3f}", f"{found.clean.low:.3f} to {found.clean.high:.3f}"),
            ("mean under corruption", f"{found.mean.value:.3f}", f"{found.mean.low:.3f} to {found.mean.high:.3f}"),
            (
                "of clean",
                f"{found.relative.value:.0%}",
                f"{found.relative.low:.0%} to {found.relative.high:.0%}",
            ),
        ]
    )
    names = list(dict.fromkeys(condition.corruption for condition in found.conditions))
    levels = sorted({condition.severity for condition in found.conditions})
    at = {(condition.corruption, condition.severity): condition.map for condition in found.conditions}
    page.table(
        ["corruption", "mean", *(f"severity {level}" for level in levels)],
        [
            (name, float(np.mean([at[name, level].value for level in levels])), *(str(at[name, s]) for s in levels))
            for name in names
        ],
        "mAP50-95 under common corruptions (Hendrycks and Dietterich 2019): sensor, lens, weather, link",
    )
    for family in dict.fromkeys(CORRUPTIONS[name].family for name in names) if len(levels) > 1 else ():
        lines = {
            name: ([0, *levels], [found.clean.value, *(at[name, level].value for level in levels)])
            for name in names
            if CORRUPTIONS[name].family == family
        }
        page.figure(
            curves(lines, x="severity (0: clean)", y="mAP50-95", title=family, limits=(0, 5.1, 0, 1)),
            f"mAP50-95 under {family}.",
            alt="; ".join(f"{name} falls to {line[1][-1]:.2f}" for name, line in lines.items()),
        )
    number = max(range(len(truth.images)), key=lambda i: len(truth.images[i]))
    example = read_picture(truth.images[number].path)
    level = levels[len(levels) // 2]
    page.heading(f"What severity {level} looks like")
    page.pictures(
        ((changed(example, number, name=name, severity=level, seed=seed), name) for name in names), longest_px=360
    )
