import numpy as np
import pytest

from stages.alert.normal.survival import KNOTS, Survival


def fitted(seconds: list[float], ended: list[bool] | None = None) -> Survival:
    return Survival.fit(np.array(seconds, np.float64), np.array(ended or [True] * len(seconds), np.bool_), least=0.1)


def said(survival: Survival, *seconds: float) -> list[float]:
    found: list[float] = survival.of_values(np.array(seconds)).tolist()
    return found


def test_where_all_ends_were_seen_p_is_the_share_that_lasted_as_long() -> None:
    p = np.exp(-np.array(said(fitted([float(n) for n in range(1, 101)]), 1, 51, 91, 100)))
    assert p == pytest.approx([1.0, 0.5, 0.1, 0.01], rel=0.02)


def test_who_was_still_there_at_the_end_counts_as_one_who_lasted_longer() -> None:
    ended = said(fitted([1, 2, 3, 4, 10]), 10)
    cut = said(fitted([1, 2, 3, 4, 10], [False, False, True, True, True]), 10)
    assert ended == pytest.approx([np.log(5)])
    assert cut == pytest.approx([np.log(3)])


def test_durations_that_were_cut_short_at_random_are_estimated_as_if_they_were_not() -> None:
    random = np.random.default_rng(4)
    true, watched = random.exponential(10.0, 4000), random.uniform(0, 40, 4000)
    survival = Survival.fit(np.minimum(true, watched), true <= watched, least=0.1)
    assert said(survival, 5.0, 10.0, 25.0) == pytest.approx([0.5, 1.0, 2.5], rel=0.1)
    naive = Survival.fit(np.minimum(true, watched), np.ones(4000, np.bool_), least=0.1)
    assert said(naive, 25.0)[0] > 3.2, "to take every end for a true one would cry wolf"


def test_beyond_the_longest_the_tail_is_near_the_exponential_that_it_is() -> None:
    survival = Survival.fit(np.random.default_rng(5).exponential(10.0, 4000), np.ones(4000, np.bool_), least=0.1)
    longest = float(survival.values[-1])
    first, last = said(survival, longest, longest + 20)
    assert last - first == pytest.approx(2.0, rel=0.5)
    assert survival.least_p == pytest.approx(1 / 4000)


def test_what_was_never_seen_to_end_does_not_become_rarer() -> None:
    parked = said(fitted([240.0] * 5, [False] * 5), 240, 3600, 1e6)
    assert parked == [0, 0, 0]
    among_others = fitted([*np.linspace(5, 20, 95).tolist(), *[240.0] * 5], [True] * 95 + [False] * 5)
    assert said(among_others, 240, 1e6) == pytest.approx([np.log(20)] * 2)
    assert among_others.value(0.001) == np.inf


def test_few_ends_say_little_about_what_lasts_much_longer() -> None:
    once = fitted([*np.linspace(5, 20, 99).tolist(), 240.0])
    assert said(once, 3600.0)[0] < np.log(100) + 4


def test_things_that_all_end_at_once_are_no_reason_to_say_nothing() -> None:
    assert said(fitted([20.0] * 50), 20, 40) == pytest.approx([0, 50 * np.log1p(20 / 500)])
    steps = fitted([float(6 + n % 5) for n in range(60)])
    assert said(steps, 10, 60)[1] > said(steps, 10)[0] + 10


def test_value_is_what_a_share_reaches() -> None:
    survival = fitted([float(n) for n in range(1, 101)])
    for share in (0.5, 0.1, 0.001):
        assert said(survival, survival.value(share)) == pytest.approx([-np.log(share)])


def test_stored_it_says_the_same_and_other_numbers_are_refused() -> None:
    survival = Survival.fit(np.random.default_rng(6).exponential(10.0, 500), np.ones(500, np.bool_), least=0.1)
    assert len(survival.values) <= KNOTS
    again = Survival.of(survival.array())
    assert said(again, 0, 5, 50, 500) == said(survival, 0, 5, 50, 500)
    for wrong in (np.zeros(0), np.zeros(3), np.array([2.0, 1.0, 0.0, 1.0, 1.0, 1.0]), -np.ones(4)):
        with pytest.raises(ValueError, match="a survival must be"):
            Survival.of(wrong)
