from pipeline.clock import SECOND
from stages.capture.wall import WallClock

NOON = 1_790_000_000 * SECOND
MS = SECOND // 1000


def stamp(clock: WallClock, media_s: float, late_ms: int = 0, camera_s: float | None = None) -> tuple[int, int | None]:
    media_ns, late_ns = int(media_s * SECOND), late_ms * MS
    camera_ns = None if camera_s is None else NOON + int(camera_s * SECOND)
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


def test_a_camera_clock_that_is_far_off_is_ignored_and_told() -> None:
    assert stamp(WallClock(), 5, camera_s=65) == (5 * SECOND, 60 * SECOND)


def test_a_step_of_the_systems_clock_is_followed_at_once() -> None:
    clock = WallClock()
    stamp(clock, 0)
    made = clock.stamp(media_ns=SECOND, arrived_ns=SECOND, now_ns=NOON + 3601 * SECOND, camera_ns=None)
    assert made.wall_ns == NOON + 3601 * SECOND
