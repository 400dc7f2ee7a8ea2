from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import SECOND
from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.loitering import Loitering

Watching = Callable[[list[Any], Script], list[Event]]
ZONE = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]


def rule(**options: Any) -> Loitering:
    return Loitering(Loitering.Options.model_validate({"name": "lawn", "zone": ZONE, "seconds": 5, **options}))


def told(events: list[Event]) -> list[tuple[str, float]]:
    return [(event.type, event.media_time) for event in events if event.type != "update"]


def visit(enter: float, leave: float, seconds: float) -> Walk:
    """Jumps into the zone at ``enter`` and out at ``leave``, both between frames."""
    return Walk(
        stops=[
            (0, 0.1, 0.5),
            (enter - 0.001, 0.1, 0.5),
            (enter, 0.5, 0.5),
            (leave - 0.001, 0.5, 0.5),
            (leave, 0.1, 0.5),
            (seconds, 0.1, 0.5),
        ]
    )


@settings(max_examples=250, deadline=None)
@given(st.integers(1, 200), st.integers(1, 800), st.integers(1, 70), st.sampled_from([5, 8, 10, 12.5, 25]))
def test_the_event_starts_when_the_limit_is_reached_and_ends_when_the_absence_is_long_enough(
    watch: Watching, enter: int, stay: int, limit: int, fps: float
) -> None:
    entered, left = enter / 100 + 0.005, (enter + stay) / 100 + 0.007
    script = Script(walks=[visit(entered, left, 16)], seconds=16, fps=fps, end=None)
    times = [round(time * SECOND) for time in script.times()]
    inside = [t for t in times if entered <= t / SECOND < left - 0.001]
    outside = [t for t in times if t / SECOND >= left]
    start = next((t for t in inside if t - inside[0] >= limit * SECOND // 10 and t >= SECOND // 2), None)
    end = next((t for t in outside if t - outside[0] >= 5 * SECOND), None)
    expected = [] if start is None else [("start", start)] + ([("end", end)] if end is not None else [])
    events = watch([rule(seconds=limit / 10)], script)
    assert told(events) == [(kind, round(time / SECOND, 6)) for kind, time in expected]


def test_a_short_absence_does_not_start_the_count_anew_and_does_not_count_itself(watch: Watching) -> None:
    stops = [(0, 0.5, 0.5), (3, 0.5, 0.5), (3.05, 0.9, 0.5), (6, 0.9, 0.5), (6.05, 0.5, 0.5), (20, 0.5, 0.5)]
    assert told(watch([rule()], Script(walks=[Walk(stops=stops)], seconds=10)))[0] == ("start", 8.1)


def test_a_long_absence_starts_the_count_anew(watch: Watching) -> None:
    stops = [(0, 0.5, 0.5), (3, 0.5, 0.5), (3.05, 0.9, 0.5), (9, 0.9, 0.5), (9.05, 0.5, 0.5), (20, 0.5, 0.5)]
    assert told(watch([rule()], Script(walks=[Walk(stops=stops)], seconds=16)))[0] == ("start", 14.1)


def test_a_person_in_a_still_picture_keeps_loitering(watch: Watching) -> None:
    stand = Walk(stops=[(0, 0.5, 0.5), (60, 0.5, 0.5)])
    events = watch([rule(seconds=10)], Script(walks=[stand], seconds=20, static=[(1, 60)]))
    assert told(events) == [("start", 10.0), ("end", 20.0)]
    assert events[0].reason == "person 1 stayed in zone 'lawn' for 10.0 s (limit 10 s)"


def test_dropped_frames_count_as_stay_up_to_the_longest_gap(watch: Watching) -> None:
    stand = Walk(stops=[(0, 0.5, 0.5), (60, 0.5, 0.5)])
    assert told(watch([rule()], Script(walks=[stand], seconds=9, dropped=[(1, 1.9)])))[0] == ("start", 5.0)


def test_an_id_switch_does_not_start_the_count_anew(watch: Watching) -> None:
    switched = Walk(stops=[(0, 0.5, 0.5), (60, 0.5, 0.5)], switches=[(2, 2), (4, 3)], missed=[(3, 4)])
    assert told(watch([rule()], Script(walks=[switched], seconds=6)))[0] == ("start", 5.0)


def test_walking_through_is_not_loitering(watch: Watching) -> None:
    through = Walk(stops=[(0, 0.1, 0.5), (8, 0.9, 0.5)])
    assert watch([rule()], Script(walks=[through], seconds=10)) == []
