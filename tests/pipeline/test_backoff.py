"""Delays grow, stay within their bounds, and differ from camera to camera."""

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.backoff import Backoff

SECONDS = st.floats(0.001, 60.0)


@given(SECONDS, st.floats(1.0, 1000.0), st.integers(1, 100), st.randoms(use_true_random=False))
def test_each_delay_lies_between_half_and_all_of_a_doubling_bounded_wait(
    first_s: float, growth: float, tries: int, source: random.Random
) -> None:
    max_s = first_s * growth
    backoff = Backoff(first_s, max_s, source)
    for number in range(tries):
        full = min(max_s, math.ldexp(first_s, number))
        assert full / 2 <= backoff.next_s() <= full


@given(st.integers(0, 20))
def test_success_begins_again_with_the_first_delay(tries: int) -> None:
    backoff = Backoff(1.0, 64.0, random.Random(3))
    for _ in range(tries):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_a_camera_that_is_away_for_weeks_does_not_overflow_the_delay() -> None:
    backoff = Backoff(0.5, 30.0, random.Random(4))
    assert all(backoff.next_s() <= 30.0 for _ in range(5000))


def test_cameras_of_one_switch_do_not_come_back_in_the_same_instant() -> None:
    delays = {Backoff(1.0, 30.0, random.Random(camera)).next_s() for camera in range(50)}
    assert len(delays) == 50
    assert max(delays) - min(delays) > 0.4
