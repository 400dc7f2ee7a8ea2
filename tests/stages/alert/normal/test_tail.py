import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.alert.normal.tail import Tail

NORMAL = np.random.default_rng(0).exponential(2.0, 20_000)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_a_larger_value_is_never_less_surprising(values: list[float]) -> None:
    tail = Tail.fit(np.array(values))
    asked = np.sort(np.array([*values, -2e6, 2e6, *(np.array(values) * 1.1)]))
    said = tail.of_values(asked)
    assert (np.diff(said) >= 0).all()
    assert said[0] == 0
    assert np.isfinite(said).all()


def test_values_that_differ_by_next_to_nothing_are_equal() -> None:
    least = 2.2250738585e-313
    said = Tail.fit(np.array([0.0, *[1.0] * 9, least, -least])).of_values(np.array([-least, 0.0, least, 1.0, 2.0]))
    assert np.isfinite(said).all()
    assert (np.diff(said) >= 0).all()


def test_what_is_small_is_never_surprising() -> None:
    said = Tail.fit(NORMAL).of_values(np.array([-100.0, 0.0, 1e-9]))
    assert (said < 0.01).all(), "one-sided: who stands still is not as odd as who runs"


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02, 0.001, 1e-5])
def test_it_is_minus_the_log_of_the_share_that_reaches_the_value(share: float) -> None:
    value = -2.0 * np.log(share)
    assert Tail.fit(NORMAL).of_values(np.array([value]))[0] == pytest.approx(-np.log(share), rel=0.05)


def test_beyond_what_was_seen_it_goes_on_in_a_straight_line() -> None:
    tail = Tail.fit(NORMAL)
    one, two, three = tail.of_values(np.array([50.0, 60.0, 70.0]))
    assert three - two == pytest.approx(two - one)
    assert tail.of_values(np.array([tail.value(tail.least_p) * 0.99]))[0] < -np.log(tail.least_p)


def test_a_value_and_the_share_that_reaches_it_are_each_others_inverse() -> None:
    tail = Tail.fit(NORMAL)
    for share in (0.3, 0.05, 0.01):
        assert np.exp(-tail.of_values(np.array([tail.value(share)])))[0] == pytest.approx(share, rel=0.02)


def test_of_nothing_nothing_is_surprising() -> None:
    assert Tail.fit(np.zeros(0)).of_values(np.array([-1.0, 0.0, 1e9])).tolist() == [0, 0, 0]


def test_of_equal_values_only_a_larger_one_is_surprising() -> None:
    tail = Tail.fit(np.full(1000, 3.0))
    assert tail.of_values(np.array([2.9, 3.0])).tolist() == [0, 0]
    assert tail.of_values(np.array([4.0]))[0] > 3


def test_few_values_cannot_make_a_small_share() -> None:
    assert Tail.fit(NORMAL[:50]).least_p >= 0.1


def test_it_is_stored_and_read_without_loss() -> None:
    tail = Tail.fit(NORMAL)
    again = Tail.of(tail.array())
    values = np.linspace(-1, 80, 1000)
    assert (again.of_values(values) == tail.of_values(values)).all()
