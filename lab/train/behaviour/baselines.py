"""What a figure must be compared with, so that nobody is fooled by a few clips.

Chance: the same training with shuffled labels (Ojala and Garriga 2010). Shortcuts: a logistic regression that sees
only the size, length and brightness of a clip and none of what happens in it (Torralba and Efros 2011).
"""

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.evaluate.behaviour import Judged
from lab.train.behaviour.calibration import softened
from lab.train.behaviour.fit import fit, logits_of
from lab.train.behaviour.folds import splits
from lab.train.behaviour.settings import BehaviourSettings, Candidate
from lab.train.behaviour.windows import Windows

IntArray = npt.NDArray[np.int64]


def by_chance(
    windows: Windows,
    which: IntArray,
    settings: BehaviourSettings,
    candidate: Candidate,
    *,
    epochs: int,
    step: Callable[[], None] = lambda: None,
) -> list[float]:
    """ROC-AUC of cross-validation for each of so many shufflings of the labels, clip by clip."""
    found = []
    random = np.random.default_rng(settings.seed)
    rows = windows.of(candidate)
    parts = splits(windows, which, folds=settings.folds, seed=settings.seed)
    for _ in range(settings.permutations):
        truth = _shuffled(windows, which, random)
        tested = [part for part in parts if len(np.unique(truth[part.train])) > 1]
        logits = []
        for part in tested:
            fitted = fit(candidate, windows, truth, settings, train=part.train, epochs=epochs, seed=settings.seed)
            logits.append(logits_of(fitted.network, rows, part.test))
        test = np.concatenate([part.test for part in tested])
        probability = softened(np.concatenate(logits), 1.0)
        found.append(Judged(probability, truth[test], np.zeros(len(test), np.int64), truth[test]).figure("roc_auc"))
        step()
    return found


def p_value(reached: float, by_chance: list[float]) -> float:
    """How likely shuffled labels reach as much: (1 + as good or better) / (1 + tries)."""
    return (1 + sum(value >= reached for value in by_chance)) / (1 + len(by_chance))


def by_shortcut(windows: Windows, which: IntArray, settings: BehaviourSettings) -> float:
    """ROC-AUC of what the outside of a clip gives away; NaN where that is the same for all of them."""
    found = by_rows(windows.facts, windows, which, settings)
    return float("nan") if found is None else found.figure("roc_auc")


def by_rows(
    rows: npt.NDArray[np.float64], windows: Windows, which: IntArray, settings: BehaviourSettings
) -> Judged | None:
    """What a logistic regression says of the windows ``which`` by ``rows``, float64 (n, f), of sources that it was not
    trained on; None where the rows are the same for all of them. Classes weigh the same."""
    if (rows[which] == rows[which[0]]).all():
        return None
    linear: Any = import_module("sklearn.linear_model")
    pipeline: Any = import_module("sklearn.pipeline")
    scaling: Any = import_module("sklearn.preprocessing")
    probability, tested = [], []
    for part in splits(windows, which, folds=settings.folds, seed=settings.seed):
        if len(np.unique(windows.truth[part.train])) < len(settings.names):
            continue
        model = pipeline.make_pipeline(
            scaling.StandardScaler(), linear.LogisticRegression(class_weight="balanced", max_iter=1000)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(rows[part.train], windows.truth[part.train])
        probability.append(model.predict_proba(rows[part.test]))
        tested.append(part.test)
    if not tested:
        return None
    test = np.concatenate(tested)
    said = np.concatenate(probability)
    source = np.unique(windows.source[test], return_inverse=True)[1].astype(np.int64)
    return Judged(said, windows.truth[test], source, said.argmax(axis=1).astype(np.int64))


def _shuffled(windows: Windows, which: IntArray, random: np.random.Generator) -> IntArray:
    """Labels moved from clip to clip where each clip has one; else from window to window."""
    truth = windows.truth.copy()
    clips, first, inverse = np.unique(windows.clip[which], return_index=True, return_inverse=True)
    of_clip = windows.truth[which][first]
    if (of_clip[inverse] == windows.truth[which]).all() and len(clips) > 1:
        truth[which] = random.permutation(of_clip)[inverse]
    else:
        truth[which] = random.permutation(windows.truth[which])
    return truth
