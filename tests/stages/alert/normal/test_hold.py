"""What was left out because a threshold was reached: the threshold keeps its rate, update after update."""

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import FloatArray, Segment
from stages.alert.normal.hold import DAY_S, Hold

HOURS = 16.0
PER_DAY = 60.0


def watched(levels: Sequence[float] | FloatArray) -> Segment:
    """Hours in which somebody comes so often, each for a second with one score."""
    quiet = np.arange(int(HOURS * 1800), dtype=np.int64) * 2 * SECOND
    starts = np.linspace(5, HOURS * 3600 - 5, len(levels))
    came = (starts[:, None] * SECOND).astype(np.int64) + np.arange(6, dtype=np.int64) * SECOND // 5
    time = np.concatenate([quiet, came.ravel()])
    score = np.concatenate([np.zeros(len(quiet)), np.repeat(np.asarray(levels, np.float64), 6)])
    subject = np.concatenate([np.zeros(len(quiet), np.int64), np.repeat(np.arange(len(levels)) + 1, 6)])
    order = np.argsort(time, kind="stable")
    return Segment(time[order], score[order], subject[order])


def came(random: np.random.Generator) -> FloatArray:
    return random.exponential(1.0, random.poisson(PER_DAY * HOURS / 24)) + 2.0


@pytest.mark.parametrize("budget", [0.5, 2.0, 10.0])
def test_where_nothing_changes_updates_change_no_rate(budget: float) -> None:
    """Twenty generations, each calibrated without what the one before it alarmed at."""
    random = np.random.default_rng(3)
    threshold = first = Calibration.of([watched(came(random))]).threshold(budget)
    for _ in range(20):
        scores = came(random)
        alarms = [(float(each), 0) for each in scores if each >= threshold]
        rest = watched(scores[scores < threshold])
        hold = Hold(threshold, budget, {0: rest.seconds}, alarms)
        threshold = Calibration.of([rest], holds=[hold]).threshold(budget)
    assert np.exp(first - threshold) == pytest.approx(1.0, abs=0.01)


def test_each_alarm_that_was_left_out_is_one_block_and_no_time() -> None:
    rest = watched([2.0, 3.0, 4.0])
    rate = 10 * DAY_S / rest.seconds
    hold = Hold(5.0, rate, {0: rest.seconds}, [(9.0, 0)] * 9)
    found = Calibration.of([rest], holds=[hold])
    assert found.seconds == rest.seconds
    assert found.p_value(9.0) == pytest.approx((1 + 9) / (1 + rest.seconds // 10 + 10))
    assert found.expected_per_day(5.0) == pytest.approx(rate)


def test_parts_of_the_day_that_were_observed_for_less_count_for_more() -> None:
    """Half the day is known of a third of the time: an alarm there is two of the others."""
    hold = Hold(5.0, 24.0, {0: 3600.0, 1: 7200.0}, [(6.0, 0), (7.0, 1)])
    points = hold.points({0: 1.5, 1: 0.75}, 1.5)
    assert sum(weight for _, weight in points) == pytest.approx(24.0 * 3.0 / 24)
    shares = {level: sum(weight for each, weight in points if each == level) for level, _ in points}
    assert shares[6.0] == pytest.approx(2 * shares[7.0])
    assert max(weight for _, weight in points) <= 1.5


def test_a_budget_that_the_threshold_was_not_made_for_follows_what_is_known() -> None:
    """More false alarms: from scores below the old threshold. Fewer: from the alarms above it."""
    rest = watched([2.0, 3.0, 4.0])
    hold = Hold(5.0, 4 * DAY_S / rest.seconds, {0: rest.seconds}, [(6.0, 0), (7.0, 0), (8.0, 0)])
    found = Calibration.of([rest], holds=[hold])
    levels = [found.threshold(number * DAY_S / rest.seconds) for number in (1, 2, 3, 4, 5, 6)]
    assert levels == pytest.approx([8.0, 7.0, 6.0, 5.0, 4.0, 3.0])


def test_it_is_stored_with_what_it_says() -> None:
    rest = watched([2.0, 3.0, 4.0])
    found = Calibration.of([rest], holds=[Hold(5.0, 0.3, {0: rest.seconds})])
    again = Calibration.stored(found.arrays(), found.facts())
    assert (again.threshold(0.3), again.fewest) == (found.threshold(0.3), found.fewest)
    assert again.threshold(0.3) == pytest.approx(5.0)
