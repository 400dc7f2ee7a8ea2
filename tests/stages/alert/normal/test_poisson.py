"""Bounds and intervals of counts against published values and against what they promise."""

import numpy as np
import pytest

from stages.alert.normal.poisson import at_most, interval, predictive_interval, upper_bound, weighted_upper_bound


@pytest.mark.parametrize(("count", "bound"), [(0, 2.9957), (1, 4.7439), (5, 10.5130), (100, 118.0793)])
def test_upper_bounds_are_those_of_garwood(count: int, bound: float) -> None:
    assert upper_bound(count) == pytest.approx(bound, abs=1e-3)


def test_the_bound_for_many_goes_on_where_the_sum_ends() -> None:
    assert upper_bound(20_000) - upper_bound(19_999) == pytest.approx(1.0, abs=0.02)


def test_a_mean_at_the_bound_gives_as_few_in_one_of_twenty() -> None:
    assert at_most(7, upper_bound(7)) == pytest.approx(0.05)


def test_the_interval_holds_its_share_and_no_smaller_central_one_does() -> None:
    low, high = interval(20)
    assert (low, high) == (12, 29)
    assert at_most(low - 1, 20) <= 0.025
    assert 1 - at_most(high, 20) <= 0.025


def test_the_interval_around_nearly_nothing_begins_at_zero() -> None:
    assert interval(0.01) == (0, 0)
    assert interval(1.0) == (0, 3)


def test_a_threshold_set_on_little_footage_may_give_more_or_fewer_than_one_that_is_known() -> None:
    known, guessed = interval(4), predictive_interval(4, 1)
    assert guessed[0] <= known[0]
    assert guessed[1] > known[1]


def test_with_much_calibration_footage_both_intervals_agree() -> None:
    assert predictive_interval(20_000, 0.001) == interval(20)


def test_numbers_beyond_the_k_th_largest_fall_into_the_predictive_interval() -> None:
    random = np.random.default_rng(3)
    inside = 0
    for _ in range(400):
        old, new = random.exponential(size=random.poisson(60)), random.exponential(size=random.poisson(30))
        low, high = predictive_interval(5, 0.5)
        inside += low <= int((new >= np.sort(old)[-5]).sum()) <= high
    assert inside >= 370


def test_a_budget_of_nothing_predicts_nothing() -> None:
    with pytest.raises(ValueError, match="nothing to predict"):
        predictive_interval(0, 1)


def test_a_weighted_bound_is_the_plain_one_where_all_weights_are_alike() -> None:
    for number in (0, 2, 40):
        assert weighted_upper_bound(number, number, 1.0) == pytest.approx(upper_bound(number))
        assert weighted_upper_bound(number / 2, number / 4, 0.5) == pytest.approx(upper_bound(number) / 2)


def test_a_weighted_bound_is_missed_no_more_than_one_time_in_twenty() -> None:
    random = np.random.default_rng(2)
    means, weights = np.array([8.0, 1.0]), np.array([0.5, 3.0])
    draws = random.poisson(means, size=(2000, 2))
    bounds = [weighted_upper_bound(float(x @ weights), float(x @ weights**2), 3.0) for x in draws]
    assert (np.array(bounds) < means @ weights).mean() <= 0.05
