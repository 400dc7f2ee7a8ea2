from importlib import import_module
from math import isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.evaluate.anomaly.frame_auc import auc, frame_auc, smooth

metrics: Any = import_module("sklearn.metrics")
FRAMES = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60)


@given(FRAMES)
def test_auc_is_that_of_sklearn_ties_included(frames: list[tuple[int, bool]]) -> None:
    scores, kinds = np.array([s for s, _ in frames], np.float64), np.array([k for _, k in frames], np.bool_)
    if kinds.all() or not kinds.any():
        assert isnan(auc(scores, kinds))
    else:
        assert auc(scores, kinds) == pytest.approx(metrics.roc_auc_score(kinds, scores))


@given(FRAMES, st.integers(0, 99))
def test_weights_count_frames_so_often(frames: list[tuple[int, bool]], seed: int) -> None:
    scores, kinds = np.array([s for s, _ in frames], np.float64), np.array([k for _, k in frames], np.bool_)
    times = np.random.default_rng(seed).integers(0, 4, len(frames))
    repeated = auc(np.repeat(scores, times), np.repeat(kinds, times))
    assert auc(scores, kinds, times.astype(np.float64)) == pytest.approx(repeated, nan_ok=True)


def test_macro_is_the_mean_over_clips_with_both_kinds_and_says_how_many() -> None:
    truth = {
        "a": np.array([False, True]),
        "b": np.array([False, True, True]),
        "only anomalous": np.array([True, True]),
        "only normal": np.array([False]),
    }
    scores = {
        "a": np.array([0.0, 1.0]),
        "b": np.array([2.0, 1.0, 3.0]),
        "only anomalous": np.array([9.0, 9.0]),
        "only normal": np.array([0.5]),
    }
    found = frame_auc(scores, truth)
    assert (found.macro, found.clips) == (0.75, 2)
    assert found.micro == pytest.approx(metrics.roc_auc_score([0, 1, 0, 1, 1, 1, 1, 0], [0, 1, 2, 1, 3, 9, 9, 0.5]))


def test_scaling_each_clip_is_a_leak_that_can_turn_useless_scores_into_good_ones() -> None:
    """Two clips whose scores differ by an offset alone: what is known at their end makes them comparable."""
    truth = {"dim": np.array([False, True] * 20), "bright": np.array([False, True] * 20)}
    scores = {"dim": np.tile([0.0, 1.0], 20).repeat(1), "bright": np.tile([10.0, 11.0], 20)}
    truth = {name: np.repeat(flags, 12) for name, flags in truth.items()}
    scores = {name: np.repeat(values, 12) for name, values in scores.items()}
    found = frame_auc(scores, truth)
    assert found.micro == 0.75
    assert found.micro_leak > 0.95


def test_smoothing_looks_ahead_and_the_causal_figure_does_not() -> None:
    step = np.repeat([0.0, 1.0], 20)
    assert smooth(step)[19] > 0.3, "the frame before the step knows of it"


def test_without_clips_of_both_kinds_there_is_no_macro() -> None:
    found = frame_auc({"a": np.zeros(3)}, {"a": np.ones(3, np.bool_)})
    assert isnan(found.macro)
    assert found.clips == 0
