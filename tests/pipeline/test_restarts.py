"""Who dies without progress is given up; who is killed, or gets on, is not."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import SECOND
from pipeline.restarts import RestartLimits, RestartPolicy

LIMITS = RestartLimits(restarts=5, window_s=60.0, first_s=0.5, max_s=4.0)


def own_deaths(policy: RestartPolicy, times_s: list[float], *, progress: int = 0) -> list[float | None]:
    return [policy.died(int(time * SECOND), progress=progress, from_outside=False) for time in times_s]


def test_five_restarts_are_tried_and_the_sixth_death_ends_it() -> None:
    assert own_deaths(RestartPolicy(LIMITS), [0, 1, 2, 3, 4, 5]) == [0.5, 1.0, 2.0, 4.0, 4.0, None]


def test_deaths_that_lie_further_apart_than_the_window_never_end_it() -> None:
    delays = own_deaths(RestartPolicy(LIMITS), [61.0 * number for number in range(200)])
    assert delays == [0.5] * 200


def test_progress_between_deaths_makes_them_forgotten() -> None:
    policy = RestartPolicy(LIMITS)
    for progress in range(100):
        assert policy.died(progress * SECOND, progress=progress, from_outside=False) == 0.5


def test_a_process_that_falls_back_has_not_progressed() -> None:
    """A capture decodes from the beginning after each restart; only beyond the furthest point it gets on."""
    policy = RestartPolicy(LIMITS)
    counts = [9, 3, 4, 5, 8, 9]
    delays = [policy.died(number * SECOND, progress=at, from_outside=False) for number, at in enumerate(counts)]
    assert delays[-1] is None


@given(st.lists(st.integers(0, 1000), max_size=300), st.integers(0, 3))
def test_a_process_that_is_only_killed_is_always_started_again_soon_and_the_first_time_at_once(
    times: list[int], progress: int
) -> None:
    policy = RestartPolicy(LIMITS)
    delays = [policy.died(time, progress=progress, from_outside=True) for time in sorted(times)]
    assert delays[:1] in ([], [0.0])
    assert all(delay is not None and 0.0 <= delay <= 5.0 for delay in delays)


@given(
    st.lists(st.tuples(st.integers(0, 20 * SECOND), st.integers(0, 2), st.booleans()), max_size=60),
    st.integers(1, 7),
    st.floats(0.1, 100.0),
)
def test_given_up_means_more_own_deaths_in_the_window_than_allowed_since_the_last_progress(
    steps: list[tuple[int, int, bool]], restarts: int, window_s: float
) -> None:
    limits = RestartLimits(restarts=restarts, window_s=window_s, first_s=1.0, max_s=8.0)
    policy, now, progress = RestartPolicy(limits), 0, 0
    since_progress: list[int] = []
    for wait, gained, from_outside in steps:
        now, progress = now + wait, progress + gained
        if gained:
            since_progress = []
        if not from_outside:
            since_progress.append(now)
        recent = [death for death in since_progress if now - death < int(window_s * SECOND)]
        delay = policy.died(now, progress=progress, from_outside=from_outside)
        if from_outside:
            assert delay is not None
        elif len(recent) > restarts:
            assert delay is None
        else:
            assert delay == min(8.0, 2.0 ** (len(recent) - 1))
