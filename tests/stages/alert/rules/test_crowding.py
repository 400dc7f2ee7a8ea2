from collections.abc import Callable
from typing import Any

import pytest

from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.crowding import Crowding

Watching = Callable[[list[Any], Script], list[Event]]
ZONE = [(0.3, 0.3), (0.9, 0.3), (0.9, 0.9), (0.3, 0.9)]


def rule(**options: Any) -> Crowding:
    return Crowding(Crowding.Options.model_validate({"name": "platform", "zone": ZONE, "limit": 2, **options}))


def told(events: list[Event]) -> list[tuple[str, float]]:
    return [(event.type, event.media_time) for event in events if event.type != "update"]


def standing(track: int, start: float, end: float, **more: Any) -> Walk:
    """One who is in the zone from ``start`` to ``end``."""
    x = 0.3 + track / 10
    return Walk(track=track, stops=[(start, x, 0.5), (end, x, 0.5)], **more)


def test_one_more_than_the_limit_for_long_enough_is_one_event_about_the_zone(watch: Watching) -> None:
    walks = [standing(1, 0, 30), standing(2, 0, 30), standing(3, 5, 12)]
    events = watch([rule()], Script(walks=walks, seconds=30))
    # Known for 0.5 s before it counts, then 3 s of inertia; it counts 2 s on after it is gone, and again 3 s.
    assert told(events) == [("start", 8.5), ("end", 17.1)]
    assert events[0].object is None
    assert events[0].reason == "3 objects in zone 'platform' (limit 2)"
    assert events[0].why[0]["value"] == 3


def test_as_many_as_are_allowed_are_no_crowd(watch: Watching) -> None:
    assert watch([rule()], Script(walks=[standing(1, 0, 30), standing(2, 0, 30)], seconds=30)) == []


def test_those_outside_do_not_count(watch: Watching) -> None:
    outside = Walk(track=3, stops=[(0, 0.1, 0.2), (30, 0.1, 0.2)])
    assert watch([rule()], Script(walks=[standing(1, 0, 30), standing(2, 0, 30), outside], seconds=30)) == []


def test_a_crowd_is_one_event_though_its_people_hide_one_another(watch: Watching) -> None:
    hidden = standing(3, 0, 30, missed=[(6.0, 7.5), (10.0, 11.9), (15.0, 16.0)])
    events = watch([rule()], Script(walks=[standing(1, 0, 30), standing(2, 0, 30), hidden], seconds=30))
    assert [kind for kind, _ in told(events)] == ["start", "end"]
    assert events[-1].ended == "end_of_stream"


@pytest.mark.parametrize("flaw", [{"confidence": 0.3}, {"missed": [(1.0, 30.0)]}])
def test_what_is_unsure_or_was_seen_for_a_moment_does_not_count(watch: Watching, flaw: dict[str, Any]) -> None:
    walks = [standing(1, 0, 30), standing(2, 0, 30), standing(3, 0, 30, **flaw)]
    assert watch([rule()], Script(walks=walks, seconds=30)) == []


def test_without_a_zone_the_whole_picture_counts(watch: Watching) -> None:
    walks = [standing(1, 0, 10), standing(2, 0, 10), Walk(track=3, stops=[(0, 0.1, 0.9), (10, 0.1, 0.9)])]
    assert told(watch([rule(zone=None)], Script(walks=walks, seconds=10)))[0] == ("start", 3.5)


def test_a_rule_without_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        Crowding.Options.model_validate({"name": "platform", "zone": ZONE})
