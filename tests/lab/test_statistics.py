"""Bootstrap intervals cover, pairs cancel, and blocks keep neighbours together."""

from functools import partial

import numpy as np
import pytest

from lab.statistics import FloatArray, draws, interval_of, intervals_of, paired_difference


def means(weights: FloatArray, values: FloatArray) -> FloatArray:
    """(rounds, 1)."""
    found: FloatArray = (weights @ values / weights.sum(axis=1))[:, None]
    return found


def test_every_resample_draws_as_many_as_there_are() -> None:
    for block in (1, 7, 50, 500):
        for weights in draws(50, rounds=20, block=block):
            assert weights.sum() == 50


def test_a_block_draws_neighbours_together() -> None:
    for weights in draws(40, rounds=20, block=10):
        changes = np.count_nonzero(np.diff(weights, append=weights[0]))
        assert changes <= 8, "four runs have eight ends"


def test_the_interval_of_a_mean_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        values = random.normal(3, 2, 60)
        interval = intervals_of(partial(means, values=values), 60, rounds=300, seed=trial)[0]
        covered += interval.low <= 3 <= interval.high
    assert 0.89 <= covered / 200 <= 0.98


def test_many_rounds_at_once_and_one_at_a_time_give_the_same_interval() -> None:
    values = np.random.default_rng(2).normal(0, 1, 30)
    single = interval_of(lambda w: float(w @ values / w.sum()), 30, rounds=123, seed=4)
    several = intervals_of(lambda w: np.stack([w @ values / w.sum(axis=1), w.sum(axis=1)], axis=1), 30, rounds=123,
                           seed=4)  # fmt: skip
    assert (several[0].value, several[0].low, several[0].high) == pytest.approx((single.value, single.low, single.high))
    assert (several[1].low, several[1].high) == (30, 30)


def test_pairing_cancels_what_the_units_share() -> None:
    random = np.random.default_rng(3)
    hard = random.normal(0, 5, 80)
    a, b = hard + random.normal(0, 0.1, 80), hard + 0.5 + random.normal(0, 0.1, 80)
    difference = paired_difference(lambda w: float(w @ a / w.sum()), lambda w: float(w @ b / w.sum()), 80, rounds=300)
    assert difference.low > 0.4
    assert difference.high < 0.6


def test_neighbours_that_resemble_each_other_make_the_interval_wider() -> None:
    steps = np.random.default_rng(1).normal(0, 1, 400)
    values = np.convolve(steps, np.ones(20) / 20, mode="same")
    plain = interval_of(lambda w: float(w @ values / w.sum()), 400, rounds=300)
    blocks = interval_of(lambda w: float(w @ values / w.sum()), 400, rounds=300, block=40)
    assert blocks.high - blocks.low > 2 * (plain.high - plain.low)


def test_undefined_rounds_are_left_out_and_all_undefined_is_unknown() -> None:
    interval = interval_of(lambda w: float("nan") if w[0] == 0 else 1.0, 5, rounds=50)
    assert (interval.low, interval.high) == (1, 1)
    unknown = interval_of(lambda w: float("nan"), 5, rounds=50)
    assert np.isnan([unknown.value, unknown.low, unknown.high]).all()


def test_without_units_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="no units"):
        interval_of(lambda w: 0.0, 0)
