"""A camera that changed is told from one that did not, and from one of which too little is known."""

import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import FloatArray, Segment
from stages.alert.normal.drift import PARTS, Drift, tenths
from stages.alert.normal.drift import drift as drift_of


def blocks(number: int, seed: int, *, scale: float = 2.0) -> FloatArray:
    return np.random.default_rng(seed).exponential(scale, number)


def drift(calibration: Calibration, recent: FloatArray) -> Drift | None:
    return drift_of(calibration, tenths(calibration, recent).sum(axis=0))


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    """Two hours, one score for each block."""
    times = (np.arange(7200) * SECOND).astype(np.int64)
    return Calibration.of([Segment(times, np.repeat(blocks(720, 0), 10))])


def test_more_of_the_same_is_no_drift(calibration: Calibration) -> None:
    verdicts = [drift(calibration, blocks(360, seed)) for seed in range(1, 101)]
    assert not any(each is None or each.recalibrate() for each in verdicts)


def test_scores_that_grew_ask_for_calibration(calibration: Calibration) -> None:
    found = drift(calibration, blocks(360, 1, scale=4.0))
    assert found is not None
    assert found.recalibrate()
    assert found.louder


def test_scores_that_shrank_do_as_well_but_are_not_louder(calibration: Calibration) -> None:
    found = drift(calibration, blocks(360, 1, scale=0.8))
    assert found is not None
    assert found.recalibrate()
    assert not found.louder


def test_a_real_difference_that_is_small_asks_for_nothing(calibration: Calibration) -> None:
    found = drift(calibration, blocks(20_000, 1, scale=2.6))
    assert found is not None
    assert found.p < 0.001
    assert not found.recalibrate()


def test_of_ten_minutes_or_less_nothing_is_said(calibration: Calibration) -> None:
    assert drift(calibration, blocks(59, 1, scale=100.0)) is None


def test_chance_is_that_of_the_table(calibration: Calibration) -> None:
    """Under no drift p is about uniform: one in ten is below 0.1."""
    small = [found.p < 0.1 for seed in range(400) if (found := drift(calibration, blocks(720, seed + 1000)))]
    assert 0.02 < np.mean(small) < 0.2
    assert len(small) == 400


def quiet(zeros: float, seed: int) -> FloatArray:
    """A day of blocks, nearly all without any score."""
    return np.where(np.random.default_rng(seed).random(8640) < zeros, 0.0, blocks(8640, seed + 1))


@pytest.mark.parametrize("zeros", [0.5, 0.85, 0.91, 0.95, 1.0])
def test_on_a_quiet_camera_things_that_happen_are_a_drift_and_quiet_days_are_none(zeros: float) -> None:
    times = (np.arange(86_400) * SECOND).astype(np.int64)
    calibration = Calibration.of([Segment(times, np.repeat(quiet(zeros, 0), 10))])
    for recent in (np.full(8640, 30.0), quiet(zeros / 2, 9)):
        found = drift(calibration, recent)
        assert found is not None
        assert found.recalibrate()
        assert found.louder
    same = drift(calibration, quiet(zeros, 20))
    assert same is not None
    assert same.stability < 0.01


def test_normal_time_fills_all_tenths_alike_whatever_scores_it_has_in_common(calibration: Calibration) -> None:
    times = (np.arange(2000) * SECOND).astype(np.int64)
    for maxima in (calibration.maxima, np.repeat([0.0, 0.0, 0.0, 2.0], 50), np.full(200, 3.0)):
        one = Calibration.of([Segment(times[: 10 * len(maxima)], np.repeat(maxima[:200], 10))])
        share = tenths(one, one.maxima)
        assert share.sum(axis=1) == pytest.approx(1.0)
        assert share.sum(axis=0) == pytest.approx(np.full(PARTS, len(one.maxima) / PARTS))
    assert tenths(calibration, np.array([-1.0, 99.0])).tolist() == [[1.0] + [0.0] * 9, [0.0] * 9 + [1.0]]


def test_a_scene_without_any_event_does_not_drift_from_itself() -> None:
    times = (np.arange(1200) * SECOND).astype(np.int64)
    nothing = Calibration.of([Segment(times, np.zeros(1200))])
    found = drift(nothing, np.zeros(100))
    assert found is not None
    assert found.distance == pytest.approx(0.0)
    assert found.stability < 0.001
    assert not found.recalibrate()
