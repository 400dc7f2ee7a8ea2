from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.clock import SECOND
from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.line_crossed import LineCrossed

Watching = Callable[[list[Any], Script], list[Event]]
ACROSS = [(0.2, 0.5), (0.8, 0.5)]
"""From left to right over the picture: its left is up, its right is down."""


def rule(**options: Any) -> LineCrossed:
    return LineCrossed(LineCrossed.Options.model_validate({"name": "kerb", "line": ACROSS, **options}))


def starts(events: list[Event]) -> list[tuple[float, str]]:
    return [(event.media_time, event.why[1]["value"]) for event in events if event.type == "start"]


coordinate = st.floats(0.05, 0.95)


@settings(max_examples=250, deadline=None)
@given(
    coordinate,
    coordinate,
    coordinate,
    coordinate,
    st.sampled_from([5, 8, 10, 12.5, 25]),
    st.integers(3, 20),
    st.sampled_from(["left", "right", "any"]),
)
def test_a_crossing_is_told_when_geometry_says_and_never_else(
    watch: Watching, x0: float, y0: float, x1: float, y1: float, fps: float, seconds: int, direction: str
) -> None:
    walk = Walk(stops=[(0, x0, y0), (seconds, x1, y1)])
    script = Script(walks=[walk], seconds=seconds, fps=fps, end=None)
    feet = [walk.feet(time) or (0, 0) for time in script.times()]
    offsets = [y - 0.5 for _, y in feet]
    assume(all(min(abs(abs(o) - 0.01), abs(o)) > 1e-6 for o in offsets))
    expected = []
    if abs(offsets[0]) > 0.01 and offsets[0] * offsets[-1] < 0:
        at = x0 + (x1 - x0) * (0.5 - y0) / (y1 - y0)
        assume(min(abs(at - 0.2), abs(at - 0.8)) > 1e-4)
        side = "right" if offsets[-1] > 0 else "left"
        times = [round(time * SECOND) for time in script.times()]
        over = next((t for t, o in zip(times, offsets, strict=True) if o * offsets[0] < 0 and abs(o) > 0.01), None)
        if over is not None and 0.2 < at < 0.8 and direction in (side, "any"):
            fires = next((t for t in times if t >= over + 3 * SECOND // 10 and t >= SECOND // 2), None)
            expected = [] if fires is None else [(round(fires / SECOND, 6), side)]
    assert starts(watch([rule(direction=direction)], script)) == expected


def test_a_crossing_starts_and_ends_at_the_same_frame(watch: Watching) -> None:
    events = watch([rule()], Script(walks=[Walk(stops=[(0, 0.5, 0.305), (4, 0.5, 0.705)])], seconds=4))
    assert [(event.type, event.ended, event.media_time) for event in events] == [
        ("start", "", 2.4),
        ("end", "momentary", 2.4),
    ]
    assert events[0].id == events[1].id
    assert events[0].reason == "person 1 crossed line 'kerb' to the right"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.0095))
def test_standing_on_the_line_with_jitter_is_no_crossing(watch: Watching, seed: int, jitter: float) -> None:
    standing = Walk(stops=[(0, 0.5, 0.5), (10, 0.5, 0.5)], jitter=jitter)
    assert watch([rule()], Script(walks=[standing], seconds=10, seed=seed)) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.0095))
def test_a_slow_walk_with_jitter_crosses_once(watch: Watching, seed: int, jitter: float) -> None:
    slow = Walk(stops=[(0, 0.5, 0.45), (30, 0.5, 0.55)], jitter=jitter)
    assert len(starts(watch([rule(rearm_s=0)], Script(walks=[slow], seconds=30, seed=seed)))) == 1


def test_a_crossing_that_is_taken_back_within_the_inertia_never_was(watch: Watching) -> None:
    stops = [(0, 0.5, 0.4), (2, 0.5, 0.48), (2.1, 0.5, 0.52), (2.2, 0.5, 0.48), (6, 0.5, 0.4)]
    assert watch([rule()], Script(walks=[Walk(stops=stops)], seconds=6)) == []


def test_a_way_around_the_end_of_the_line_is_no_crossing_but_the_way_back_through_it_is(watch: Watching) -> None:
    stops = [(0, 0.5, 0.4), (2, 0.1, 0.4), (4, 0.1, 0.6), (6, 0.5, 0.6), (8, 0.5, 0.4), (9, 0.5, 0.3)]
    assert [side for _, side in starts(watch([rule()], Script(walks=[Walk(stops=stops)], seconds=9)))] == ["left"]


def test_there_and_back_are_two_crossings_once_rearmed(watch: Watching) -> None:
    stops = [(0, 0.5, 0.4), (2, 0.5, 0.6), (9, 0.5, 0.6), (11, 0.5, 0.4), (12, 0.5, 0.4)]
    script = Script(walks=[Walk(stops=stops)], seconds=12)
    assert [side for _, side in starts(watch([rule()], script))] == ["right", "left"]
    assert [side for _, side in starts(watch([rule(rearm_s=60)], script))] == ["right"]


def test_two_people_over_the_same_spot_are_two_events(watch: Watching) -> None:
    walks = [Walk(stops=[(s, 0.5, 0.3), (s + 4, 0.5, 0.7)], track=t) for s, t in ((0, 1), (1.5, 2))]
    assert len(starts(watch([rule()], Script(walks=walks, seconds=8)))) == 2


def test_a_crossing_while_hidden_counts_when_the_person_is_seen_again(watch: Watching) -> None:
    hidden = Walk(stops=[(0, 0.5, 0.3), (4, 0.5, 0.7)], missed=[(1.7, 2.4)])
    assert starts(watch([rule()], Script(walks=[hidden], seconds=4))) == [(2.7, "right")]


def test_one_frame_a_second_still_tells_a_crossing(watch: Watching) -> None:
    walk = Walk(stops=[(0, 0.5, 0.3), (12, 0.5, 0.7)], missed=[])
    script = Script(walks=[walk], seconds=12, fps=1)
    assert starts(watch([rule()], script)) == [(8.0, "right")]


def test_a_line_rule_without_a_line_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"line\n  Field required"):
        LineCrossed.Options.model_validate({"name": "kerb"})


@pytest.mark.parametrize("line", [[(0.1, 0.1)], [(0.1, 0.1), (0.1, 0.1)], [(0.1, 0.1), (0.5, 3)]])
def test_a_bad_line_is_refused(line: list[tuple[float, float]]) -> None:
    with pytest.raises(ValidationError):
        rule(line=line)
