import pytest

from pipeline.clock import SECOND
from stages.capture.wall import WallClock

NOON = 1_790_000_000 * SECOND
MS = SECOND // 1000
YEAR_S = 365 * 86400


def stamp(clock: WallClock, media_s: float, late_ms: int = 0, camera_s: float | None = None) -> tuple[int, int | None]:
    media_ns, late_ns = round(media_s * SECOND), late_ms * MS
    camera_ns = None if camera_s is None else NOON + round(camera_s * SECOND)
    arrived_ns = media_ns + late_ns
    made = clock.stamp(media_ns=media_ns, arrived_ns=arrived_ns, now_ns=NOON + arrived_ns, camera_ns=camera_ns)
    return made.wall_ns - NOON, made.drift_ns


def test_frames_that_come_late_get_the_time_of_those_that_came_at_once() -> None:
    clock = WallClock()
    stamp(clock, 0, late_ms=5)
    assert stamp(clock, 1, late_ms=700)[0] == SECOND + 5 * MS
    assert stamp(clock, 2, late_ms=0)[0] == 2 * SECOND


def test_a_delay_that_stays_is_believed_after_a_minute() -> None:
    clock = WallClock()
    stamp(clock, 0)
    walls = [stamp(clock, second, late_ms=300)[0] - second * SECOND for second in range(1, 80)]
    assert walls[30] == 0
    assert walls[-1] == 300 * MS


def test_the_cameras_own_clock_is_taken_within_two_seconds() -> None:
    assert stamp(WallClock(), 5, camera_s=4.2) == (int(4.2 * SECOND), None)


@pytest.mark.parametrize("off_s", [60, -3600, -70 * YEAR_S])
def test_a_camera_clock_that_is_far_off_is_told_and_set_right_once_it_is_known_how_far(off_s: int) -> None:
    """Frames that were held for a while before they were sent come first, as from many servers."""
    clock = WallClock()
    late_ms = [max(2500 - 700 * number, 40) for number in range(30)]
    walls = [stamp(clock, number / 2, late, number / 2 + off_s) for number, late in enumerate(late_ms)]
    assert all(drift_ns is not None and abs(drift_ns - off_s * SECOND) <= 2.5 * SECOND for _, drift_ns in walls)
    assert clock.known_ns == off_s * SECOND - 40 * MS
    assert [wall_ns for wall_ns, _ in walls[10:]] == [number * SECOND // 2 + 40 * MS for number in range(10, 30)]


def test_what_a_camera_clock_is_ahead_is_kept_through_sessions_and_processes() -> None:
    """However late its frames come now: nothing moves."""
    clock = WallClock()
    for number in range(12):
        stamp(clock, number, 10, number + 60)
    clock.reset()
    assert stamp(clock, 20, 900, 80)[0] == 20 * SECOND + 10 * MS
    after = WallClock()
    after.known_ns = clock.known_ns
    assert stamp(after, 30, 1200, 90)[0] == 30 * SECOND + 10 * MS


@pytest.mark.parametrize(("before_s", "after_s"), [(60, 0), (0, 60), (60, -60)])
def test_a_camera_clock_that_is_set_is_followed(before_s: int, after_s: int) -> None:
    clock = WallClock()
    for number in range(12):
        stamp(clock, number, 10, number + before_s)
    walls = [stamp(clock, number, 10, number + after_s)[0] - number * SECOND for number in range(12, 20)]
    assert max(abs(wall_ns) for wall_ns in walls) <= 10 * MS


def test_a_second_stream_that_takes_longer_gets_the_times_of_the_first() -> None:
    analysis, recording = WallClock(), WallClock()
    for number in range(100):
        first, _ = stamp(analysis, number / 10, 30, number / 10 + 3600)
    media_ns, late_ns = 99 * SECOND // 10, 800 * MS
    times = {"media_ns": media_ns, "arrived_ns": media_ns + late_ns, "now_ns": NOON + media_ns + late_ns}
    camera_ns = NOON + media_ns + 3600 * SECOND
    second = recording.follow(**times, camera_ns=camera_ns, ahead_ns=analysis.known_ns)
    assert (second.wall_ns - NOON, second.ahead_ns) == (first, analysis.known_ns)
    alone = recording.follow(**times, camera_ns=camera_ns, ahead_ns=None)
    assert (alone.wall_ns - NOON, alone.ahead_ns) == (media_ns + late_ns, None)


def test_a_second_stream_with_another_clock_goes_by_when_it_comes() -> None:
    recording = WallClock()
    told = recording.follow(
        media_ns=0, arrived_ns=0, now_ns=NOON, camera_ns=NOON + 10 * SECOND, ahead_ns=-70 * YEAR_S * SECOND
    )
    assert (told.wall_ns, told.ahead_ns) == (NOON, None)


def test_a_step_of_the_systems_clock_is_followed_at_once() -> None:
    clock = WallClock()
    stamp(clock, 0)
    made = clock.stamp(media_ns=SECOND, arrived_ns=SECOND, now_ns=NOON + 3601 * SECOND, camera_ns=None)
    assert made.wall_ns == NOON + 3601 * SECOND


def test_frames_that_were_held_back_at_a_reconnect_do_not_make_it_forget_what_the_clock_is_ahead() -> None:
    clock = WallClock()
    for number in range(12):
        stamp(clock, number, 200, number + 3600)
    clock.reset()
    late_ms = [max(4000 - 250 * number, 200) for number in range(20)]
    walls = [stamp(clock, 20 + number / 25, late, 3620 + number / 25)[0] for number, late in enumerate(late_ms)]
    assert walls == [20 * SECOND + number * SECOND // 25 + 200 * MS for number in range(20)]


def test_a_clock_that_was_slow_and_is_set_right_is_taken_as_it_is_after_a_minute() -> None:
    clock = WallClock()
    for number in range(12):
        stamp(clock, number, 200, number - 1.85)
    assert clock.known_ns == -2050 * MS
    walls = [stamp(clock, number, 200, number)[0] - number * SECOND for number in range(12, 90)]
    assert clock.known_ns == 0
    assert walls[60:] == [0] * 18


@pytest.mark.parametrize("rate", [50e-6, -50e-6])
def test_a_clock_that_nobody_sets_is_followed_in_small_steps(rate: float) -> None:
    """Fifty parts in a million are four seconds a day."""
    clock = WallClock()
    offs = [stamp(clock, second, 20, second * (1 + rate) + 3600)[0] - second * SECOND for second in range(0, 86400, 5)]
    assert max(abs(off - 20 * MS) for off in offs) <= 501 * MS
