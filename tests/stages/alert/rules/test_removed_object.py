"""Scripted scenes in which static foreground shows that something is gone."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.removed_object import RemovedObject
from stages.alert.verdict import verdict
from tests.stages.alert.conftest import Watching

PLACE = (0.52, 0.50, 0.56, 0.56)
THIEF = Walk(stops=[(0, 0.05, 0.6), (8, 0.52, 0.6), (12, 0.52, 0.6), (20, 0.95, 0.6), (21, 0.99, 0.6)])


def rule(**options: Any) -> RemovedObject:
    return RemovedObject(RemovedObject.Options.model_validate(options))


def gone(seconds: float, *, since: float = 12.0, until: float = 1000.0, came: bool = False) -> dict[str, Any]:
    edges = (30.0, 10.0) if came else (10.0, 30.0)
    blobs = [[*PLACE, seconds - since + 1, *edges, 0.8]] if since <= seconds < until else []
    return {"still": {"learning": False, "blobs": blobs}}


def script(*walks: Walk, seconds: float = 40, measured: Callable[[float], dict[str, Any]] = gone) -> Script:
    return Script(walks=walks, seconds=seconds, measured=measured)


def told(events: list[Event]) -> list[tuple[str, float]]:
    return [(event.type, event.media_time) for event in events if event.type != "update"]


def test_what_is_gone_for_five_seconds_was_removed(watch: Watching) -> None:
    events = watch([rule()], script(THIEF))
    assert [kind for kind, _ in told(events)] == ["start", "end"]
    assert 17 <= events[0].media_time <= 19, "he stands before the place until he has moved on"
    assert events[0].object is not None
    assert events[0].object.box == PLACE
    assert events[0].why[0]["touched_by"] == [1]
    assert events[0].reason == "something has been gone from its place for 5.0 s (limit 5 s)"


def test_what_is_back_ends_the_event(watch: Watching) -> None:
    events = watch([rule()], script(THIEF, measured=lambda s: gone(s, until=30)))
    assert told(events)[-1][1] == pytest.approx(35.0, abs=0.21)
    assert events[-1].ended == "left"


def test_an_outline_that_changes_after_the_alarm_does_not_change_for_how_long_it_is_gone(watch: Watching) -> None:
    def changing(seconds: float) -> dict[str, Any]:
        wide = [PLACE[0] - 0.03, PLACE[1] - 0.03, PLACE[2] + 0.03, PLACE[3] + 0.03]
        blobs = [[*wide, seconds - 11, 10.0, 30.0, 0.8]]
        return {"still": {"learning": False, "blobs": blobs}} if seconds >= 30 else gone(seconds)

    events = watch([rule(update_s=1)], script(THIEF, measured=changing))
    assert [kind for kind, _ in told(events)] == ["start", "end"]
    values = [event.why[0]["value"] for event in events if event.type != "end"]
    assert values == sorted(values)
    assert {verdict(event).said for event in events} == {"raised", "ended"}


def test_what_is_back_soon_was_not_removed(watch: Watching) -> None:
    assert watch([rule()], script(THIEF, measured=lambda s: gone(s, until=15))) == []


@pytest.mark.parametrize("class_id", [0, 1])
def test_a_person_or_a_car_that_stood_there_and_leaves_is_no_thing_that_was_removed(
    watch: Watching, class_id: int
) -> None:
    leaver = Walk(
        stops=[(0, 0.54, 0.56), (10, 0.54, 0.56), (13, 0.95, 0.56)], width=0.04, height=0.06, class_id=class_id
    )
    assert watch([rule(untouched=True)], script(leaver)) == []


def test_where_nobody_was_the_light_or_the_wind_did_it(watch: Watching) -> None:
    assert watch([rule()], script()) == []
    assert len(watch([rule(untouched=True)], script())) >= 1


def test_only_the_zone_is_guarded(watch: Watching) -> None:
    wall = [(0.4, 0.4), (0.7, 0.4), (0.7, 0.58), (0.4, 0.58)]
    events = watch([rule(zone=wall, name="wall")], script(THIEF))
    assert events[0].reason == "something has been gone from zone 'wall' for 5.0 s (limit 5 s)"
    assert watch([rule(zone=[(x, y - 0.4) for x, y in wall])], script(THIEF)) == []
