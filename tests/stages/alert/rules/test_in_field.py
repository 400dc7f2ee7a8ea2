import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.clock import SECOND
from pipeline.messages import Event, StreamRecord
from pipeline.testing import Script, ScriptedTracker, Walk
from stages.alert.options import AlertOptions
from stages.alert.rules.in_field import InField
from stages.alert.stage import AlertStage

Watching = Callable[[list[Any], Script], list[Event]]
ZONE = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]
STAND = [(0.0, 0.5, 0.5), (60.0, 0.5, 0.5)]


def rule(**options: Any) -> InField:
    return InField(InField.Options.model_validate({"name": "lawn", "zone": ZONE, **options}))


def told(events: list[Event]) -> list[tuple[str, float]]:
    return [(event.type, event.media_time) for event in events]


def outside(x: float, y: float) -> float:
    """Distance to the zone, 0 inside."""
    return math.hypot(max(0.3 - x, 0, x - 0.7), max(0.3 - y, 0, y - 0.7))


def edge(x: float, y: float) -> float:
    return min(abs(x - 0.3), abs(x - 0.7), abs(y - 0.3), abs(y - 0.7), abs(outside(x, y) - 0.01))


coordinate = st.floats(0.05, 0.95)


@settings(max_examples=250, deadline=None)
@given(coordinate, coordinate, coordinate, coordinate, st.sampled_from([5, 8, 10, 12.5, 25]), st.integers(3, 20))
def test_start_and_end_fall_on_the_frames_that_geometry_says(
    watch: Watching, x0: float, y0: float, x1: float, y1: float, fps: float, seconds: int
) -> None:
    walk = Walk(stops=[(0, x0, y0), (seconds, x1, y1)])
    script = Script(walks=[walk], seconds=seconds, fps=fps, end=None)
    feet = [walk.feet(time) or (0, 0) for time in script.times()]
    assume(all(edge(x, y) > 1e-6 for x, y in feet))
    times = [round(time * SECOND) for time in script.times()]
    entered = next((t for t, p in zip(times, feet, strict=True) if outside(*p) == 0), None)
    left = (
        None
        if entered is None
        else next((t for t, p in zip(times, feet, strict=True) if t > entered and outside(*p) > 0.01), None)
    )
    expected = []
    if entered is not None:
        until = times[-1] + 1 if left is None else left
        start = next((t for t in times if entered + 3 * SECOND // 10 <= t < until and t >= SECOND // 2), None)
        if start is not None:
            expected.append(("start", start / SECOND))
            gone = None if left is None else next((t for t in times if t >= left + SECOND), None)
            if gone is not None:
                expected.append(("end", gone / SECOND))
    assert told(watch([rule(update_s=0)], script)) == [(kind, round(time, 6)) for kind, time in expected]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.009), st.floats(0.2, 0.9))
def test_jitter_at_the_edge_of_the_zone_gives_one_event(
    watch: Watching, seed: int, jitter: float, length: float
) -> None:
    on_the_edge = Walk(stops=[(0, 0.3, 0.5), (30, 0.3, 0.5)], jitter=jitter)
    events = watch([rule(rearm_s=0, update_s=0)], Script(walks=[on_the_edge], seconds=30, seed=seed))
    assert len([event for event in events if event.type == "start"]) <= 1
    assert [event.ended for event in events if event.type == "end"] in ([], ["end_of_stream"])


def test_a_person_seen_for_less_than_the_inertia_gives_nothing(watch: Watching) -> None:
    passing = Walk(stops=[(0, 0.1, 0.5), (1, 0.29, 0.5), (1.1, 0.31, 0.5), (1.3, 0.29, 0.5), (3, 0.1, 0.5)])
    assert watch([rule(margin=0)], Script(walks=[passing], seconds=3)) == []


def test_boxes_that_the_tracker_predicts_do_not_enter(watch: Watching) -> None:
    blink = Walk(stops=STAND, missed=[(0.1, 60)])
    assert watch([rule(min_age_s=0)], Script(walks=[blink], seconds=10)) == []


def test_a_person_in_a_still_picture_enters_in_time(watch: Watching) -> None:
    events = watch([rule(update_s=0)], Script(walks=[Walk(stops=STAND)], seconds=10, static=[(0.1, 20)]))
    assert told(events) == [("start", 0.5), ("end", 10.0)]
    assert events[-1].ended == "end_of_stream"


def test_dropped_frames_neither_start_nor_end_anything(watch: Watching) -> None:
    events = watch([rule(update_s=0)], Script(walks=[Walk(stops=STAND)], seconds=10, dropped=[(0.1, 0.9), (4, 4.9)]))
    assert told(events) == [("start", 0.9), ("end", 10.0)]


def test_a_person_not_seen_for_three_seconds_is_lost(watch: Watching) -> None:
    events = watch([rule(update_s=0)], Script(walks=[Walk(stops=STAND, missed=[(5, 60)])], seconds=12))
    assert told(events) == [("start", 0.5), ("end", 8.0)]
    assert events[-1].ended == "lost"


def test_a_person_who_walks_out_of_the_picture_has_left(watch: Watching) -> None:
    away = Walk(stops=[(0, 0.5, 0.5), (5, 0.98, 0.5)])
    events = watch([InField(InField.Options(update_s=0))], Script(walks=[away], seconds=12))
    assert [event.ended for event in events] == ["", "left"]


def test_feet_on_the_lower_edge_of_the_picture_are_in_a_zone_that_ends_there(watch: Watching) -> None:
    near = Walk(stops=[(0, 0.5, 1.0), (5, 0.5, 1.1)])
    events = watch([rule(zone=[(0, 0), (1, 0), (1, 1), (0, 1)])], Script(walks=[near], seconds=3))
    assert told(events)[0] == ("start", 0.5)


def test_an_id_that_switches_in_the_zone_goes_on_with_the_same_event(watch: Watching) -> None:
    switched = Walk(stops=STAND, switches=[(5, 2), (9, 3)], missed=[(8, 9)])
    events = watch([rule(update_s=0)], Script(walks=[switched], seconds=20))
    assert told(events) == [("start", 0.5), ("end", 20.0)]
    assert [event.object.track_id for event in events if event.object] == [1, 3]
    assert len({event.id for event in events}) == 1


@pytest.mark.parametrize("x", [0.5, 0.02])
def test_a_parked_car_that_is_lost_and_found_for_ten_minutes_is_one_event(watch: Watching, x: float) -> None:
    starts = range(0, 600, 20)
    car = Walk(
        stops=[(0, x, 0.5), (600, x, 0.5)],
        class_id=1,
        missed=[(start + 10, start + 20) for start in starts],
        switches=[(start, 10 + number) for number, start in enumerate(starts)],
    )
    events = watch([InField(InField.Options(update_s=0))], Script(walks=[car], seconds=600, fps=5))
    assert [event.type for event in events] == ["start", "end"]


def test_who_comes_back_within_the_rearm_time_is_told_again_only_after_it(watch: Watching) -> None:
    back = Walk(stops=[(0, 0.5, 0.5), (5, 0.5, 0.5), (5.1, 0.9, 0.5), (10, 0.9, 0.5), (10.1, 0.5, 0.5), (60, 0.5, 0.5)])
    events = watch([rule(update_s=0)], Script(walks=[back], seconds=60))
    assert events[2].type == "start"
    assert events[2].media_time == pytest.approx(events[1].media_time + 30)


def test_another_person_who_comes_in_after_the_first_left_is_told(watch: Watching) -> None:
    first = Walk(stops=[(0, 0.5, 0.5), (5, 0.5, 0.5), (6, 0.9, 0.5), (10, 0.95, 0.5)])
    second = Walk(stops=[(8, 0.1, 0.5), (12, 0.5, 0.5), (20, 0.5, 0.5)], track=2)
    events = watch([rule(update_s=0)], Script(walks=[first, second], seconds=20))
    assert [event.object.track_id for event in events if event.type == "start" and event.object] == [1, 2]


def test_a_car_that_stands_there_when_the_camera_comes_back_is_told_again_once_rearmed(watch: Watching) -> None:
    script = Script(walks=[Walk(stops=[(0, 0.5, 0.5), (60, 0.5, 0.5)], switches=[(5, 2)])], seconds=60)
    records = script.records()
    records[52:52] = [
        StreamRecord(False, 5 * SECOND - 1, None, "gone"),
        StreamRecord(True, 5 * SECOND - 1, None, "back"),
    ]
    stage = AlertStage(AlertOptions(), rules=[rule(update_s=0)], trackers=ScriptedTracker)
    events = stage.process("gate", records).events
    assert [(event.type, event.ended) for event in events[:2]] == [("start", ""), ("end", "evidence_lost")]
    assert events[2].media_time == pytest.approx(35, abs=0.2)


def test_updates_come_as_often_as_asked(watch: Watching) -> None:
    events = watch([rule(update_s=5)], Script(walks=[Walk(stops=STAND)], seconds=20))
    assert told(events) == [("start", 0.5), ("update", 5.5), ("update", 10.5), ("update", 15.5), ("end", 20.0)]


def test_classes_and_confidence_decide_who_counts(watch: Watching) -> None:
    car = Walk(stops=STAND, class_id=1, track=4)
    faint = Walk(stops=[(0, 0.4, 0.4), (60, 0.4, 0.4)], confidence=0.3, track=5)
    clear = Walk(stops=[(0, 0.6, 0.6), (60, 0.6, 0.6)], confidence=0.5, track=6)
    events = watch([rule(classes=["person"], min_confidence=0.4)], Script(walks=[car, faint, clear], seconds=3))
    assert [event.object.track_id for event in events if event.type == "start" and event.object] == [6]


def test_one_high_score_among_low_ones_starts_nothing(watch: Watching) -> None:
    low = Walk(stops=[(0, 0.5, 0.5), (5, 0.5, 0.5)], confidence=0.2)
    high = Walk(stops=[(5.1, 0.5, 0.5), (5.2, 0.5, 0.5)], confidence=0.9)
    again = Walk(stops=[(5.3, 0.5, 0.5), (9, 0.5, 0.5)], confidence=0.2)
    assert watch([rule()], Script(walks=[low, high, again], seconds=9)) == []


@pytest.mark.parametrize(
    ("zone", "complaint"),
    [
        ([(0.1, 0.1), (0.9, 0.9)], "at least 3 points, got 2"),
        ([(0.1, 0.1), (640, 0.2), (0.5, 0.5)], "point 2 is \\(640, 0.2\\); coordinates are shares"),
        ([(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)], "edge from point 1 crosses the edge from point 3"),
        ([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.1)], "the last point repeats the first"),
        ([(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)], "no area|crosses"),
        ([(float("nan"), 0.1), (0.5, 0.5), (0.9, 0.2)], "shares of the picture"),
    ],
)
def test_a_bad_zone_is_refused_with_the_reason(zone: list[tuple[float, float]], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        rule(zone=zone)
