from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import SECOND
from stages.capture.session import SessionClock

MS = SECOND // 1000

anything = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(0, 5000).map(lambda ms: ms * MS)),
        st.integers(0, 5 * SECOND),
        st.booleans(),
    ),
    max_size=60,
)


def stamps(clock: SessionClock, pts_ms: list[int | None], every_ms: int = 40) -> list[tuple[int, float]]:
    clock.open(session=0, last_media_ns=-1, opened_ns=0)
    given_ns = [None if pts is None else pts * MS for pts in pts_ms]
    made = [clock.stamp(pts_ns=pts, arrived_ns=i * every_ms * MS) for i, pts in enumerate(given_ns)]
    return [(stamp.session, stamp.media_ns / MS) for stamp in made]


@given(live=st.booleans(), frames=anything, last=st.integers(-1, 10**15))
def test_media_time_rises_strictly_and_sessions_never_fall_whatever_the_source_says(
    live: bool, frames: list[tuple[int | None, int, bool]], last: int
) -> None:
    clock = SessionClock(live=live)
    clock.open(session=3, last_media_ns=last, opened_ns=0)
    media_ns, session, now_ns = last, 3, 0
    for pts_ns, later_ns, reopened in frames:
        now_ns += later_ns
        if reopened:
            clock.open(session=0, last_media_ns=media_ns, opened_ns=now_ns)
        stamp = clock.stamp(pts_ns=pts_ns, arrived_ns=now_ns)
        assert stamp.media_ns > media_ns
        assert stamp.session >= session + reopened
        media_ns, session = stamp.media_ns, stamp.session


@given(st.lists(st.integers(1, 900), max_size=40), st.integers(-(10**12), 10**12), st.booleans())
def test_within_a_session_media_time_is_the_difference_of_pts(steps: list[int], start: int, live: bool) -> None:
    clock = SessionClock(live=live)
    clock.open(session=0, last_media_ns=-1, opened_ns=0)
    pts_ns, expected = start, 0
    assert clock.stamp(pts_ns=start, arrived_ns=0).media_ns == 0
    for step in steps:
        pts_ns, expected = pts_ns + step * MS, expected + step * MS
        assert clock.stamp(pts_ns=pts_ns, arrived_ns=0).media_ns == expected


def test_a_repeated_pts_takes_one_step_and_the_next_is_true_again() -> None:
    assert stamps(SessionClock(live=True), [0, 0, 40, 80]) == [(0, 0), (0, 1), (0, 40), (0, 80)]


def test_pts_that_fall_back_for_a_few_frames_do_not_lose_the_base() -> None:
    times = [media for _, media in stamps(SessionClock(live=True), [0, 40, 80, 0, 40, 80, 120])]
    assert times == [0, 40, 80, 81, 82, 83, 120]


def test_pts_that_stand_still_are_replaced_by_arrival() -> None:
    times = [media for _, media in stamps(SessionClock(live=True), [0] * 20)]
    assert times[-1] - times[-2] == 40
    assert times[-1] > 400


def test_a_live_jump_over_a_second_opens_a_session_that_goes_on_by_the_monotonic_clock() -> None:
    made = stamps(SessionClock(live=True), [0, 40, 90_000, 90_040, 5, 45])
    assert made == [(0, 0), (0, 40), (1, 80), (1, 120), (2, 160), (2, 200)]


def test_a_slow_camera_does_not_open_a_session_with_every_frame() -> None:
    made = stamps(SessionClock(live=True), [i * 3000 for i in range(10)], every_ms=3000)
    assert made[-1][0] <= 1
    assert made[-1][1] == 27_000


def test_a_recording_may_jump_ahead_and_goes_on_where_its_pts_begin_anew() -> None:
    made = stamps(SessionClock(live=False), [0, 40, 5000, 5040, 0, 40])
    assert made == [(0, 0), (0, 40), (0, 5000), (0, 5040), (0, 5080), (0, 5120)]


def test_missing_pts_are_filled_from_arrival_when_live_and_from_the_usual_step_in_files() -> None:
    live = [media for _, media in stamps(SessionClock(live=True), [0, None, None, 120], every_ms=50)]
    assert live == [0, 50, 100, 120]
    file = [media for _, media in stamps(SessionClock(live=False), [0, 100, 200, None, None, 500], every_ms=7)]
    assert file == [0, 100, 200, 300, 400, 500]


def test_reopening_goes_on_after_the_last_frame_by_the_time_that_passed() -> None:
    clock = SessionClock(live=True)
    assert stamps(clock, [700, 740])[-1] == (0, 40)
    clock.open(session=1, last_media_ns=40 * MS, opened_ns=9 * SECOND)
    stamp = clock.stamp(pts_ns=0, arrived_ns=10 * SECOND)
    assert (stamp.session, stamp.media_ns) == (1, 10 * SECOND)


def test_a_new_process_goes_on_after_the_media_time_in_the_log() -> None:
    clock = SessionClock(live=True)
    clock.open(session=4, last_media_ns=7 * SECOND, opened_ns=100 * SECOND)
    stamp = clock.stamp(pts_ns=123, arrived_ns=102 * SECOND)
    assert (stamp.session, stamp.media_ns) == (4, 9 * SECOND)
