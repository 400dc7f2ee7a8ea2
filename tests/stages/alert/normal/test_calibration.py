"""The budget is kept on new normal time; what the footage cannot promise is said."""

import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.alert.normal.calibration import LEAST, Calibration, block_maxima, subject_peaks
from stages.alert.normal.counting import Counting, Segment, count
from stages.alert.normal.poisson import predictive_interval

FPS = 5
DAY_S = 86_400


def wandering(seconds: float, random: np.random.Generator, *, memory: float = 0.95, scale: float = 2.0) -> Segment:
    """Scores that hang together over seconds and whose tail is about exponential."""
    frames = round(seconds * FPS)
    steps = random.normal(size=frames) * np.sqrt(1 - memory**2)
    score, now = np.zeros(frames), 0.0
    for frame, step in enumerate(steps.tolist()):
        now = memory * now + step
        score[frame] = now
    return Segment((np.arange(frames) * SECOND // FPS).astype(np.int64), scale * np.maximum(score, 0) ** 2)


def alarms(segment: Segment, threshold: float) -> int:
    return int(count([segment], Counting(), np.array([threshold]))[0])


def still(seconds: float, score: float = 0.0) -> Segment:
    frames = round(seconds * FPS)
    return Segment((np.arange(frames) * SECOND // FPS).astype(np.int64), np.full(frames, score))


@pytest.fixture(scope="module")
def two_hours() -> Calibration:
    return Calibration.of([wandering(7200, np.random.default_rng(1))])


def test_a_budget_is_kept_on_average_over_many_short_calibrations() -> None:
    """Ten minutes, one alarm in two of them: what new footage raises is what was asked for, within a fifth."""
    random = np.random.default_rng(5)
    raised = []
    for _ in range(60):
        threshold = Calibration.of([wandering(600, random)]).threshold(DAY_S / 120)
        raised.append(alarms(wandering(600, random), threshold))
    assert np.mean(raised) == pytest.approx(5.0, rel=0.2)


def test_a_budget_beyond_the_footage_is_met_by_the_tail_where_it_is_exponential() -> None:
    """Ten minutes of footage, asked for one alarm in two hours: twelve times what was seen."""
    random = np.random.default_rng(6)
    raised = 0
    for _ in range(25):
        calibration = Calibration.of([wandering(600, random)])
        threshold = calibration.threshold(DAY_S / 7200)
        assert calibration.extrapolated(threshold)
        raised += alarms(wandering(7200, random), threshold)
    assert 5 <= raised <= 45


def test_new_footage_lies_in_the_predictive_interval(two_hours: Calibration) -> None:
    low, high = predictive_interval(60, 1)
    assert low <= alarms(wandering(7200, np.random.default_rng(2)), two_hours.threshold(60 * 12)) <= high


def test_the_larger_the_budget_the_lower_the_threshold(two_hours: Calibration) -> None:
    budgets = np.geomspace(0.01, 5000, 200)
    thresholds = [two_hours.threshold(each) for each in budgets]
    assert (np.diff(thresholds) <= 0).all()


def test_the_threshold_would_have_raised_what_was_asked_for(two_hours: Calibration) -> None:
    for wanted in (1, 5, 40):
        assert two_hours.alarms_at(two_hours.threshold(wanted * 12)) == wanted


def test_what_is_expected_at_a_threshold_is_the_budget_it_was_made_of(two_hours: Calibration) -> None:
    for budget in (0.001, 30.0, 300.0):
        assert two_hours.expected_per_day(two_hours.threshold(budget)) == pytest.approx(budget, rel=0.02)


def test_fewer_alarms_than_one_in_the_footage_are_extrapolated(two_hours: Calibration) -> None:
    assert two_hours.smallest_budget_per_day == pytest.approx(12.0)
    assert two_hours.extrapolated(two_hours.threshold(11.9))
    assert not two_hours.extrapolated(two_hours.threshold(12.1))


def test_without_an_alarm_in_t_hours_the_bound_is_three_in_t(two_hours: Calibration) -> None:
    assert two_hours.upper_rate_per_day(two_hours.threshold(0.5)) / 24 == pytest.approx(3.0 / 2, abs=0.01)


def test_the_bound_holds_in_nineteen_of_twenty_calibrations() -> None:
    random = np.random.default_rng(8)
    long = wandering(5 * 3600, random)
    made = [Calibration.of([wandering(300, random)]) for _ in range(60)]
    thresholds = [each.threshold(DAY_S / 100) for each in made]
    rates = count([long], Counting(), np.array(thresholds)) * DAY_S / long.seconds
    bounds = [each.upper_rate_per_day(threshold) for each, threshold in zip(made, thresholds, strict=True)]
    assert (rates > np.array(bounds)).sum() <= 8


def test_p_values_are_ranks_among_blocks_and_never_below_what_their_number_can_say() -> None:
    steps = np.minimum(np.arange(1000) // 50, 19).astype(np.float64)
    calibration = Calibration.of([Segment((np.arange(1000) * SECOND // FPS).astype(np.int64), steps)])
    assert len(calibration.maxima) == 20
    assert calibration.p_value(-1.0) == 1.0
    assert calibration.p_value(19.0) == pytest.approx(2 / 21)
    assert calibration.p_value(18.5) == pytest.approx(2 / 21)
    assert calibration.p_value(1000.0) == pytest.approx(1 / 21)


def test_p_values_of_new_normal_blocks_are_not_too_small() -> None:
    random = np.random.default_rng(9)
    small = total = 0
    for _ in range(40):
        calibration = Calibration.of([wandering(600, random)])
        new = block_maxima([segment := wandering(600, random)], [segment.score])
        small += sum(calibration.p_value(each) <= 0.1 for each in new.tolist())
        total += len(new)
    assert small / total <= 0.125


def test_a_scene_where_nothing_ever_happened_has_a_threshold_above_all_it_showed() -> None:
    calibration = Calibration.of([still(600)])
    for budget in (0.1, 2.0, 500.0):
        assert calibration.threshold(budget) >= LEAST
    assert calibration.threshold(0.1) > calibration.threshold(2.0) > 2.0


def test_scores_that_all_tie_raise_no_alarm_at_a_budget_they_would_break() -> None:
    """Thirty clips that each reach exactly 4: the budget of three in all of them lies above 4."""
    clips = [Segment(each.media_ns, np.where(np.arange(100) > 90, 4.0, 0.0)) for each in [still(20)] * 30]
    calibration = Calibration.of(clips)
    assert calibration.alarms_at(4.0) == 30
    assert calibration.threshold(3 * DAY_S / calibration.seconds) > 4.0
    assert calibration.threshold(30.5 * DAY_S / calibration.seconds) == 4.0


def test_more_alarms_than_can_happen_give_the_lowest_level_and_no_less_than_one_unit() -> None:
    calibration = Calibration.of([wandering(600, np.random.default_rng(0), scale=0.01)])
    assert calibration.threshold(1e6) == LEAST


def test_short_clips_lie_end_to_end_and_what_is_left_over_joins_the_last_block() -> None:
    clips = [still(4, score) for score in (1, 2, 3, 4, 5, 6)]
    assert block_maxima(clips, [each.score for each in clips]).tolist() == [3, 6]


def test_a_block_of_which_nothing_is_confirmed_counts_as_the_lowest() -> None:
    clip = still(20)
    known = np.where(np.arange(100) < 50, 2.0, -np.inf)
    assert block_maxima([clip], [known]).tolist() == [2.0, 2.0]


def test_less_than_two_blocks_are_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="19 s of normal footage to calibrate on; at least 20 s are needed"):
        Calibration.of([still(19)])
    with pytest.raises(ValueError, match="at least 20 s"):
        Calibration.of([])


def test_a_budget_of_none_at_all_is_refused(two_hours: Calibration) -> None:
    with pytest.raises(ValueError, match="no threshold promises"):
        two_hours.threshold(0.0)


def test_stored_and_read_it_says_the_same(two_hours: Calibration) -> None:
    again = Calibration.stored(two_hours.arrays(), two_hours.facts())
    for budget in (0.3, 20.0, 400.0):
        assert again.threshold(budget) == two_hours.threshold(budget)
    assert again.counting == two_hours.counting


@pytest.mark.parametrize("name", ["level", "maxima", "peaks"])
def test_arrays_out_of_order_are_refused(two_hours: Calibration, name: str) -> None:
    arrays = two_hours.arrays() | {name: two_hours.arrays()[name][::-1]}
    with pytest.raises(ValueError, match="out of order"):
        Calibration.stored(arrays, two_hours.facts())


def test_arrays_of_too_few_blocks_are_refused(two_hours: Calibration) -> None:
    few = {name: two_hours.arrays()[name][:1] for name in two_hours.arrays()}
    with pytest.raises(ValueError, match="too few blocks"):
        Calibration.stored(few, two_hours.facts())


def test_a_tail_that_is_heavier_than_exponential_is_taken_from_further_out() -> None:
    """Most subjects are nothing, a few are steeply something: the many must not say how the few fall off."""
    random = np.random.default_rng(4)
    frames, subjects = 4000, 400
    level = np.where(random.random(subjects) < 0.06, random.exponential(4.0, subjects) + 3, random.exponential(0.3))
    who = np.repeat(np.arange(subjects), frames // subjects)
    times = (np.arange(frames) * SECOND // FPS).astype(np.int64)
    calibration = Calibration.of([Segment(times, np.repeat(level, frames // subjects), who)])
    assert calibration.threshold(2.0) > 3 + 4 * np.log(0.06 * subjects * DAY_S / calibration.seconds / 2.0) * 0.7


def test_peaks_are_of_each_subject_in_each_block() -> None:
    times = np.repeat(np.arange(150) * SECOND // FPS, 2)
    subject = np.tile(np.array([1, 2]), 150)
    score = np.where(subject == 1, 5.0, np.where(times < 10 * SECOND, 2.0, 3.0))
    found = subject_peaks(Segment(times.astype(np.int64), score, subject), Counting())
    assert sorted(found.tolist()) == [2.0, 3.0, 3.0, 5.0, 5.0, 5.0]


def test_a_part_of_the_day_counts_by_its_share_of_it_and_not_by_how_long_it_was_observed() -> None:
    """An hour of nights with an alarm every six minutes, ten hours of days with none: half of all time is night."""
    night = [Segment(each.media_ns, np.where(np.arange(1800) > 1780, 5.0, 0.0)) for each in [still(360)] * 10]
    days = [still(3600)] * 10
    found = Calibration.of([*night, *days], strata=[0] * 10 + [1] * 10, shares={0: 0.5, 1: 0.5})
    assert found.alarms_at(5.0) == 10
    assert found.expected_per_day(5.0) == pytest.approx(10 * 24 / 2)
    assert found.smallest_budget_per_day == pytest.approx(24 / 2)
    assert Calibration.of([*night, *days]).expected_per_day(5.0) == pytest.approx(10 * 24 / 11)
    assert found.upper_rate_per_day(6.0) == pytest.approx(24 * 3.0 / 2, abs=0.1)


def test_parts_observed_in_proportion_are_as_if_there_were_no_parts() -> None:
    random = np.random.default_rng(3)
    segments = [wandering(600, random) for _ in range(4)]
    plain, parts = Calibration.of(segments), Calibration.of(segments, strata=[7, 2, 7, 2], shares={2: 0.5, 7: 0.5})
    assert not parts.is_weighed
    for budget in (0.5, 50.0, 900.0):
        assert parts.threshold(budget) == pytest.approx(plain.threshold(budget))
        assert parts.upper_rate_per_day(plain.threshold(budget)) == pytest.approx(
            plain.upper_rate_per_day(plain.threshold(budget))
        )
    assert parts.p_value(3.0) == pytest.approx(plain.p_value(3.0))


def test_a_budget_is_kept_where_the_loud_part_of_the_day_was_observed_for_a_fifth_of_the_time() -> None:
    """New time is half quiet, half loud; without strata it would raise half as many again."""
    random = np.random.default_rng(12)
    stratified = plain = 0
    for _ in range(30):
        known = [wandering(400, random, scale=3.0), wandering(2000, random, scale=1.0)]
        new = [wandering(600, random, scale=3.0), wandering(600, random, scale=1.0)]
        threshold = Calibration.of(known, strata=[0, 1], shares={0: 0.5, 1: 0.5}).threshold(DAY_S / 120)
        stratified += sum(alarms(each, threshold) for each in new)
        without = Calibration.of(known).threshold(DAY_S / 120)
        plain += sum(alarms(each, without) for each in new)
    assert stratified / 30 == pytest.approx(10.0, rel=0.2)
    assert plain / 30 > 13


def test_the_shares_of_parts_that_were_never_observed_fall_to_the_others() -> None:
    found = Calibration.of([still(600)], strata=[3], shares={3: 0.25, 4: 0.75})
    assert not found.is_weighed
    assert found.smallest_budget_per_day == pytest.approx(144.0)


def test_stored_and_read_the_weights_say_the_same() -> None:
    random = np.random.default_rng(5)
    found = Calibration.of([wandering(600, random), wandering(300, random)], strata=[0, 1], shares={0: 0.5, 1: 0.5})
    again = Calibration.stored(found.arrays(), found.facts())
    for budget in (0.3, 100.0, 900.0):
        assert again.threshold(budget) == found.threshold(budget)
        assert again.upper_rate_per_day(found.threshold(budget)) == found.upper_rate_per_day(found.threshold(budget))
    with pytest.raises(ValueError, match="weights do not fit"):
        Calibration.stored(found.arrays() | {"peak_weight": -found.arrays()["peak_weight"]}, found.facts())
