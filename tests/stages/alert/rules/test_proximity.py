from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.proximity import Proximity

Watching = Callable[[list[Any], Script], list[Event]]
Resuming = Callable[[Callable[[], list[Any]], Script], None]

FLOOR = {
    "homography": {
        "picture": [[0.1, 0.9], [0.9, 0.9], [0.9, 0.1], [0.1, 0.1]],
        "ground_m": [[0, 0], [8, 0], [8, 8], [0, 8]],
    }
}
"""Seen from above: the whole picture is 10 m wide and high."""


def rule(**options: Any) -> Proximity:
    return Proximity(Proximity.Options.model_validate({"update_s": 0, **options}))


def standing(track: int, x: float, until: float = 10.0, since: float = 0.0, **more: Any) -> Walk:
    return Walk(stops=[(since, x, 0.5), (until, x, 0.5)], track=track, **more)


def told(events: list[Event]) -> list[tuple[str, float, int]]:
    return [(event.type, event.media_time, event.object.track_id if event.object else 0) for event in events]


def test_a_pair_that_is_too_close_for_too_long_is_told_once(watch: Watching) -> None:
    leaves = Walk(stops=[(0, 0.55, 0.5), (5, 0.55, 0.5), (6, 0.9, 0.5), (10, 0.9, 0.5)], track=2)
    events = watch([rule()], Script(walks=[standing(1, 0.5), leaves], seconds=10))
    assert told(events) == [("start", 2.5, 1), ("end", 7.2, 1)]
    assert events[0].reason == "person 1 is 0.2 heights from person 2 (limit 0.5 heights)"
    assert [event.also_about for event in events] == [[2], [2]], "both of them, whenever it is asked"


def test_those_who_pass_each_other_are_not(watch: Watching) -> None:
    passing = Walk(stops=[(0, 0.1, 0.55), (8, 0.9, 0.55)], track=2)
    assert watch([rule()], Script(walks=[standing(1, 0.5), passing], seconds=8)) == []


def test_the_first_is_whom_the_event_is_about_however_they_are_numbered(watch: Watching) -> None:
    pair = {"first": ["person"], "second": ["car"]}
    car = {"class_id": 1}
    for walks in ([standing(1, 0.5), standing(2, 0.55, **car)], [standing(1, 0.5, **car), standing(2, 0.55)]):
        events = watch([rule(**pair)], Script(walks=walks, seconds=5))
        assert [event.object.class_name for event in events if event.type == "start" and event.object] == ["person"]


def test_two_of_the_first_class_are_no_pair(watch: Watching) -> None:
    walks = [standing(1, 0.5), standing(2, 0.55)]
    assert watch([rule(first=["person"], second=["car"])], Script(walks=walks, seconds=5)) == []


def test_three_in_a_huddle_are_three_pairs_and_each_is_told_once(watch: Watching) -> None:
    walks = [standing(1, 0.45), standing(2, 0.5), standing(3, 0.53)]
    events = watch([rule()], Script(walks=walks, seconds=9))
    starts = [event.reason.split(" (")[0] for event in events if event.type == "start"]
    assert sorted(starts) == [
        "person 1 is 0.2 heights from person 2",
        "person 1 is 0.4 heights from person 3",
        "person 2 is 0.1 heights from person 3",
    ]
    assert len({event.id for event in events}) == 3


def test_one_who_is_hidden_for_a_moment_stays_company(watch: Watching) -> None:
    walks = [standing(1, 0.5), standing(2, 0.55, missed=[(5, 6)])]
    assert told(watch([rule()], Script(walks=walks, seconds=10)))[:1] == [("start", 2.5, 1)]
    assert len(watch([rule()], Script(walks=walks, seconds=10))) == 2


def test_a_change_of_track_is_the_same_pair(watch: Watching) -> None:
    walks = [standing(1, 0.5, switches=[(4, 8)]), standing(2, 0.55, switches=[(5, 9)])]
    assert [event.type for event in watch([rule(rearm_s=0)], Script(walks=walks, seconds=10))] == ["start", "end"]


def test_a_box_at_the_limit_does_not_come_and_go(watch: Watching) -> None:
    walks = [standing(1, 0.5, jitter=0.002), standing(2, 0.598, jitter=0.002)]
    assert len(watch([rule(rearm_s=0)], Script(walks=walks, seconds=10))) == 2


@pytest.mark.parametrize(("limit", "told"), [(1.05, True), (0.95, False)])
def test_with_a_calibration_distances_are_metres(watch: Watching, limit: float, told: bool) -> None:
    walks = [standing(1, 0.5), standing(2, 0.6)]
    events = watch([rule(limit_m=limit, calibration=FLOOR)], Script(walks=walks, seconds=5))
    assert bool(events) is told
    assert not told or events[0].reason == "person 1 is 1.0 m from person 2 (limit 1.05 m)"


def test_one_object_that_is_seen_twice_is_no_pair(watch: Watching) -> None:
    assert watch([rule()], Script(walks=[standing(1, 0.5), standing(2, 0.505)], seconds=5)) == []


def test_both_must_be_in_the_zone(watch: Watching) -> None:
    walks = [standing(1, 0.48), standing(2, 0.53)]
    zone = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
    assert watch([rule(zone=zone)], Script(walks=walks, seconds=5)) == []


def test_what_it_cannot_tell_is_refused(watch: Watching) -> None:
    with pytest.raises(ValidationError, match="limit_m needs a calibration"):
        rule(limit_m=2)
    with pytest.raises(ValidationError, match="anchor must be bottom_centre, not centre"):
        rule(limit_m=2, calibration=FLOOR, anchor="centre")
    with pytest.raises(ValidationError, match="say first and second"):
        rule(classes=["person"])
    with pytest.raises(UsageError, match="knows no class 'truk'"):
        watch([rule(second=["truk"])], Script(walks=[], seconds=1))


def test_its_state_survives_any_frame(resumed: Resuming) -> None:
    walks = [standing(1, 0.45), standing(2, 0.5, jitter=0.01, missed=[(3, 4)]), standing(3, 0.55, 6.0)]
    resumed(lambda: [rule(enter_inertia_s=1)], Script(walks=walks, seconds=9))


@pytest.mark.parametrize("who", [1, 2])
def test_either_of_the_two_may_be_missed_for_a_moment(watch: Watching, who: int) -> None:
    def seen(track: int) -> Any:
        return [(1.4, 1.8)] if track == who else []

    walks = [standing(1, 0.5, missed=seen(1)), standing(2, 0.55, missed=seen(2))]
    events = watch([rule()], Script(walks=walks, seconds=10))
    assert told(events)[0] == ("start", 2.5, 1)


def test_one_who_is_missed_for_longer_is_no_company(watch: Watching) -> None:
    walks = [standing(1, 0.5), standing(2, 0.55, missed=[(1.4, 9.0)])]
    assert watch([rule()], Script(walks=walks, seconds=9)) == []


@pytest.mark.parametrize(("leaves", "events"), [(2.3, 0), (2.7, 2)])
def test_one_who_goes_away_before_it_is_too_long_makes_no_event_afterwards(
    watch: Watching, leaves: float, events: int
) -> None:
    # Known for 0.5 s, then too close for 2 s: an event from 2.5 s on. Nobody is company any more once he is gone.
    walks = [standing(1, 0.5), standing(2, 0.55, until=leaves)]
    assert len(watch([rule()], Script(walks=walks, seconds=8))) == events
