"""Nested cross-validation over sources: what is chosen is chosen without the sources that it is tested on.

Of each outer fold the sources of the test part are set aside. On the rest every candidate is trained and judged by
inner folds; the best one, its number of epochs, its temperature and its threshold come from there alone (Varma and
Simon 2006). Only then does it see the test part.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from lab.evaluate.behaviour import Judged, best_thresholds, decide
from lab.train.behaviour.calibration import best_temperature, log_loss, softened
from lab.train.behaviour.fit import fit, logits_of
from lab.train.behaviour.settings import BehaviourSettings, Candidate
from lab.train.behaviour.windows import Windows

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Outcome(msgspec.Struct, frozen=True):
    """One candidate in one outer fold. ``test``: windows of the test part; ``logits``: for each of those.

    ``inner_loss``, ``epochs``, ``temperature``, ``thresholds`` come from the inner folds alone. ``curve``: validation
    loss by epoch, mean over the inner folds.
    """

    candidate: str
    fold: int
    test: list[int]
    logits: list[list[float]]
    inner_loss: float
    epochs: int
    temperature: float
    thresholds: list[float]
    curve: list[float]


@dataclass(frozen=True, slots=True)
class Split:
    """Windows to train on and windows to test on."""

    train: IntArray
    test: IntArray


def splits(windows: Windows, which: IntArray, *, folds: int, seed: int) -> list[Split]:
    """The windows ``which``, divided by source, classes alike as far as sources allow; each is tested once."""
    sources = len(np.unique(windows.source[which]))
    selection: Any = import_module("sklearn.model_selection")
    divider = selection.StratifiedGroupKFold(min(folds, sources), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few sources: that some fold lacks a class is known here
        parts = divider.split(np.zeros(len(which)), windows.truth[which], windows.source[which])
        made = [Split(which[train], which[test]) for train, test in parts]
    return [split for split in made if len(split.test) and len(np.unique(windows.truth[split.train])) > 1]


def outcomes(
    windows: Windows,
    which: IntArray,
    settings: BehaviourSettings,
    *,
    known: Callable[[str, int], Outcome | None],
) -> Iterator[Outcome]:
    """Every candidate in every outer fold; those ``known`` from before are not computed again."""
    for fold, split in enumerate(splits(windows, which, folds=settings.folds, seed=settings.seed)):
        for candidate in settings.candidates:
            yield known(candidate.name, fold) or _outcome(windows, split, settings, candidate, fold)


def _outcome(windows: Windows, split: Split, settings: BehaviourSettings, candidate: Candidate, fold: int) -> Outcome:
    rows = windows.of(candidate)
    epochs, logits, truth, curves = [], [], [], []
    for number, inner in enumerate(splits(windows, split.train, folds=settings.inner_folds, seed=settings.seed + 1)):
        seed = settings.seed + 100 * fold + number
        fitted = fit(candidate, windows, windows.truth, settings, train=inner.train, val=inner.test, seed=seed)
        epochs.append(fitted.epoch)
        logits.append(logits_of(fitted.network, rows, inner.test))
        truth.append(windows.truth[inner.test])
        curves.append(fitted.val_loss)
    count = int(np.median(epochs)) if epochs else settings.fit.epochs
    whole = fit(candidate, windows, windows.truth, settings, train=split.train, epochs=count, seed=settings.seed + fold)
    inner_truth = np.concatenate(truth) if truth else np.zeros(0, np.int64)
    inner_logits = np.concatenate(logits) if logits else np.zeros((0, len(settings.names)))
    temperature = best_temperature(inner_logits, inner_truth)
    probability = softened(inner_logits, temperature)
    longest = max(map(len, curves), default=0)
    return Outcome(
        candidate.name,
        fold,
        split.test.tolist(),
        logits_of(whole.network, rows, split.test).tolist(),
        log_loss(probability, inner_truth) if len(inner_truth) else float("inf"),
        count,
        temperature,
        list(best_thresholds(probability, inner_truth)),
        [float(np.mean([curve[min(k, len(curve) - 1)] for curve in curves])) for k in range(longest)],
    )


def judged(windows: Windows, found: list[Outcome]) -> Judged:
    """The test parts of outcomes of different folds, together."""
    which = np.concatenate([np.array(each.test) for each in found])
    probability = np.concatenate([softened(np.array(each.logits), each.temperature) for each in found])
    said = [decide(softened(np.array(each.logits), each.temperature), tuple(each.thresholds)) for each in found]
    sources = np.unique(windows.source[which], return_inverse=True)[1]
    return Judged(probability, windows.truth[which], sources.astype(np.int64), np.concatenate(said))


def of_candidate(found: list[Outcome], name: str) -> list[Outcome]:
    """The outcomes of one candidate, in order of fold."""
    return [each for each in found if each.candidate == name]


def chosen_in_each_fold(found: list[Outcome]) -> list[Outcome]:
    """For each fold the candidate that its inner folds prefer: what the whole procedure would have done."""
    folds = sorted({each.fold for each in found})
    return [min((each for each in found if each.fold == fold), key=lambda each: each.inner_loss) for fold in folds]


def preferred(found: list[Outcome]) -> str:
    """The candidate with the least mean inner loss over all folds."""
    names = list(dict.fromkeys(each.candidate for each in found))
    return min(names, key=lambda name: float(np.mean([each.inner_loss for each in of_candidate(found, name)])))
