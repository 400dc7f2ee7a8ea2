from collections.abc import Callable
from math import cos, radians, sin
from typing import Any

import pytest

from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.wrong_way import WrongWay

Watching = Callable[[list[Any], Script], list[Event]]


def rule(**options: Any) -> WrongWay:
    wanted = {"name": "exit", "direction": [(0.2, 0.5), (0.8, 0.5)], **options}
    return WrongWay(WrongWay.Options.model_validate(wanted))


def told(events: list[Event]) -> list[tuple[str, float]]:
    return [(event.type, event.media_time) for event in events if event.type != "update"]


def going(degrees: float, *, pace: float = 0.1, **more: Any) -> Walk:
    """Four seconds from the middle, at ``pace`` of the picture a second; 0 degrees is to the right, 90 down."""
    x, y = 0.5 + 4 * pace * cos(radians(degrees)), 0.55 + 4 * pace * sin(radians(degrees))
    return Walk(stops=[(0, 0.5, 0.55), (4, x, y)], **({"width": 0.05, "height": 0.05} | more))


@pytest.mark.parametrize("degrees", [180, 130, 230, 121, 239])
def test_one_who_goes_against_the_arrow_is_told(watch: Watching, degrees: float) -> None:
    events = watch([rule()], Script(walks=[going(degrees)], seconds=4))
    assert told(events)[0] == ("start", 2.0), "1 s until there is a way to measure, 1 s of inertia"
    assert events[0].reason == "person 1 goes the wrong way"


@pytest.mark.parametrize("degrees", [0, 45, 90, 115, 245, 270])
def test_those_who_go_along_it_or_across_are_not(watch: Watching, degrees: float) -> None:
    assert watch([rule()], Script(walks=[going(degrees)], seconds=4)) == []


def test_angles_are_those_of_the_picture_and_not_of_its_shares(watch: Watching) -> None:
    """In a picture four times as wide as high, a way down by half its height leads hardly aside."""
    walk = Walk(stops=[(0, 0.9, 0.3), (4, 0.5, 0.7)], width=0.02, height=0.08)
    assert watch([rule()], Script(walks=[walk], seconds=4, width=2000, height=500)) != []
    steep = Walk(stops=[(0, 0.6, 0.1), (4, 0.5, 0.9)], width=0.02, height=0.08)
    assert watch([rule()], Script(walks=[steep], seconds=4, width=1000, height=1000)) == []


def test_one_who_stands_and_jitters_goes_no_way(watch: Watching) -> None:
    walk = Walk(stops=[(0, 0.5, 0.55), (20, 0.5, 0.55)], jitter=0.01, width=0.1, height=0.2)
    assert watch([rule()], Script(walks=[walk], seconds=20)) == []


def test_a_step_back_is_no_way(watch: Watching) -> None:
    walk = Walk(stops=[(0, 0.3, 0.55), (3, 0.6, 0.55), (3.8, 0.5, 0.55), (7, 0.9, 0.55)], width=0.05, height=0.05)
    assert watch([rule()], Script(walks=[walk], seconds=7)) == []


def test_one_who_turns_round_ends_the_event(watch: Watching) -> None:
    walk = Walk(stops=[(0, 0.9, 0.55), (4, 0.5, 0.55), (10, 0.9, 0.55)], width=0.05, height=0.05)
    events = watch([rule()], Script(walks=[walk], seconds=10))
    assert [kind for kind, _ in told(events)] == ["start", "end"]
    assert events[-1].ended == "left"


def test_outside_the_zone_any_way_will_do(watch: Watching) -> None:
    zone = [(0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.0, 0.1)]
    assert watch([rule(zone=zone)], Script(walks=[going(180)], seconds=4)) == []
