"""What is promised is said in words that can be checked."""

import pytest

from lab.normal.learning import Learned
from lab.normal.words import advised_mode, lasting, needed_s, promise, rate
from stages.alert.normal.poisson import upper_bound


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(42, "42 seconds"), (255, "4.2 minutes"), (5400, "1.5 hours"), (4 * 86_400, "4.0 days")],
)
def test_lengths_are_said_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert lasting(seconds) == words


@pytest.mark.parametrize(
    ("per_day", "words"),
    [(2, "2 a day"), (0.1, "0.1 a day"), (100, "100 a day"), (480, "20 an hour"), (1440, "1 a minute")],
)
def test_rates_are_said_in_the_unit_that_fits(per_day: float, words: str) -> None:
    assert rate(per_day) == words


def test_a_budget_beyond_the_footage_is_said_to_be_extrapolated_and_what_it_would_take(learned: Learned) -> None:
    said = "\n".join(promise(learned.calibration, 2.0))
    assert "extrapolated: 3.0 minutes of normal footage cannot promise fewer than 20 an hour" in said
    assert "takes 12.0 hours of normal footage" in said
    assert "it would have raised 0; the true rate is at most 1 a minute (95 %)" in said
    assert advised_mode(learned.calibration, 2.0) == "shadow"


def test_a_budget_within_the_footage_is_said_in_one_line(learned: Learned) -> None:
    (line,) = promise(learned.calibration, 1440.0)
    assert "extrapolated" not in line
    assert "in 3.0 minutes held apart it would have raised 3" in line
    assert advised_mode(learned.calibration, 1440.0) == "armed"


def test_after_the_footage_that_is_called_for_the_bound_is_twice_the_budget() -> None:
    days = needed_s(2.0) / 86_400
    raised = round(2.0 * days) - 1
    assert upper_bound(raised) / days <= 4.0
