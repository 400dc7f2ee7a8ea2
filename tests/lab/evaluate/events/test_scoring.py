from math import isnan

import pytest

from lab.evaluate.events.scoring import Alarm, Score, TrueEvent, Window, pair, total

WINDOW = Window(after_s=3.0, before_s=0.5)


def test_an_alarm_counts_from_a_little_before_to_the_end_of_the_window() -> None:
    event = [TrueEvent(10.0)]
    for time, right in ((9.4, 0), (9.5, 1), (10.0, 1), (13.0, 1), (13.1, 0)):
        assert pair(event, [Alarm(time)], WINDOW).score.right == right, time


def test_each_event_takes_one_alarm_and_each_alarm_one_event() -> None:
    found = pair([TrueEvent(10.0)], [Alarm(10.0), Alarm(11.0)], WINDOW)
    assert (found.score.right, found.score.alarms, found.false) == (1, 2, [Alarm(11.0)])
    found = pair([TrueEvent(10.0), TrueEvent(10.5)], [Alarm(10.5)], WINDOW)
    assert (found.score.right, found.missed) == (1, [TrueEvent(10.0)])


def test_as_many_pairs_as_possible_are_made_even_where_a_nearer_one_is_given_up() -> None:
    """The alarm at 12.9 lies nearer to the second event, but only the second can take the one at 15.5."""
    found = pair([TrueEvent(10.0), TrueEvent(12.8)], [Alarm(12.9), Alarm(15.5)], WINDOW)
    assert found.pairs == [(0, 0), (1, 1)]
    assert found.score.errors_s == (2.9, 2.7)


def test_among_as_many_pairs_the_least_time_between_decides() -> None:
    assert pair([TrueEvent(10.0), TrueEvent(11.0)], [Alarm(11.0), Alarm(10.1)], WINDOW).pairs == [(0, 1), (1, 0)]


def test_an_alarm_about_somebody_else_is_false() -> None:
    found = pair([TrueEvent(10.0, frozenset({1}))], [Alarm(10.0, 2)], WINDOW)
    assert (found.score.right, len(found.missed), len(found.false)) == (0, 1, 1)
    assert pair([TrueEvent(10.0, frozenset({1, 2}))], [Alarm(10.0, 2)], WINDOW).score.right == 1


@pytest.mark.parametrize(
    ("alpha", "expected"), [(1.0, 2 * 0.5 * 0.8 / 1.3), (4.0, 5 * 0.5 * 0.8 / (0.5 + 4 * 0.8)), (0.25, 0.5 / 0.7)]
)
def test_f1_is_that_of_i_lids(alpha: float, expected: float) -> None:
    score = Score(events=8, alarms=5, errors_s=(0.0,) * 4)
    assert (score.recall, score.precision) == (0.5, 0.8)
    assert score.f1(alpha) == pytest.approx(expected)


def test_a_greater_alpha_prefers_recall() -> None:
    keen, careful = Score(10, 20, (0.0,) * 9), Score(10, 5, (0.0,) * 5)
    assert keen.f1(4.0) > careful.f1(4.0)
    assert keen.f1(0.25) < careful.f1(0.25)


def test_nothing_to_tell_and_nothing_told_is_perfect_and_half_of_it_is_nothing() -> None:
    assert Score().f1() == 1.0
    assert Score(events=1).f1() == Score(alarms=1).f1() == 0.0
    assert isnan(Score().recall)
    assert isnan(Score().precision)


def test_scores_add_up() -> None:
    together = total([Score(2, 1, (0.1,)), Score(1, 2, (-0.2,))])
    assert together == Score(3, 3, (0.1, -0.2))
    assert together.exact(0.1 + 1e-9) == 1
