import pytest

from pipeline.clock import SECOND
from pipeline.errors import SourceError
from stages.record.timeline import Timeline

NOON_NS = 1_795_000_000 * SECOND


def said(timeline: Timeline, media_s: float, wall_s: float) -> int:
    media_ns = round(media_s * SECOND)
    at_ns = timeline.stamp(media_ns, NOON_NS + round(wall_s * SECOND))
    timeline.note(media_ns, at_ns)
    return at_ns


def test_a_media_time_leads_to_the_very_time_of_its_frame_however_the_offset_changes() -> None:
    timeline = Timeline()
    offsets = [0.5, 0.5, 0.4, 0.4, 0.41, 0.2, 0.2, 0.2, 0.25]
    times = {number: said(timeline, number / 10, number / 10 + offset) for number, offset in enumerate(offsets)}
    assert {number: timeline.at(number * SECOND // 10) for number in times} == times


def test_time_never_stands_still() -> None:
    timeline = Timeline()
    times = [said(timeline, number / 100, max(0.3 - number / 100, 0)) for number in range(60)]
    assert times == sorted(set(times))


def test_between_frames_time_goes_on_and_before_the_first_it_is_unknown() -> None:
    timeline = Timeline()
    first = said(timeline, 10, 10)
    said(timeline, 11, 11)
    assert timeline.at(9 * SECOND) is None
    assert timeline.at(round(10.5 * SECOND)) == first + SECOND // 2


@pytest.mark.parametrize("wall_s", [-3600.0, 3600.0])
def test_a_clock_that_is_set_is_noticed_and_another_stream_may_begin_with_it(wall_s: float) -> None:
    timeline = Timeline()
    said(timeline, 10, 10)
    with pytest.raises(SourceError, match="clock of this machine was set"):
        timeline.stamp(11 * SECOND, NOON_NS + round(wall_s * SECOND))
    timeline.begin()
    assert said(timeline, 12, wall_s) == NOON_NS + round(wall_s * SECOND)
    assert timeline.at(12 * SECOND) == NOON_NS + round(wall_s * SECOND)
