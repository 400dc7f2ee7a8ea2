from collections.abc import Callable
from typing import Any

import pytest

from pipeline.messages import Event
from pipeline.testing import Script, Walk
from stages.alert.rules.tailgating import Tailgating

Watching = Callable[[list[Any], Script], list[Event]]
Resuming = Callable[[Callable[[], list[Any]], Script], None]

DOOR = [[0.5, 0.2], [0.5, 0.8]]
"""From top to bottom: who walks to the right arrives on its left."""


def rule(**options: Any) -> Tailgating:
    return Tailgating(Tailgating.Options.model_validate({"name": "door", "line": DOOR, "margin": 0, **options}))


def walker(track: int, at: float, *, to: str = "right", y: float = 0.5, **more: Any) -> Walk:
    """Crosses the door at ``at`` seconds, at 0.2 of the picture a second."""
    ends = (0.2, 0.8) if to == "right" else (0.8, 0.2)
    return Walk(stops=[(at - 1.5, ends[0], y), (at + 1.5, ends[1], y)], track=track, **more)


def told(events: list[Event]) -> list[tuple[float, str]]:
    return [(event.media_time, event.reason) for event in events if event.type == "start"]


def test_one_right_behind_another_is_told(watch: Watching) -> None:
    events = watch([rule()], Script(walks=[walker(1, 2.05), walker(2, 4.05)], seconds=8))
    assert told(events) == [(4.4, "person 2 crossed line 'door' to the left 2.0 s behind person 1")]
    assert [event.ended for event in events if event.type == "end"] == ["momentary"]
    assert [event.also_about for event in events] == [[1], [1]]
    entry = next(entry for entry in events[0].why if entry["predicate"] == "seconds_behind_another")
    assert (entry["value"], entry["comparison"], entry["threshold"], entry["behind"]) == (2.0, "<=", 5.0, "person 1")


@pytest.mark.parametrize(("gap", "count"), [(4.9, 1), (5.2, 0)])
def test_a_proper_distance_in_time_is_no_tailgating(watch: Watching, gap: float, count: int) -> None:
    script = Script(walks=[walker(1, 2.05), walker(2, 2.05 + gap)], seconds=12)
    assert len(watch([rule()], script)) == 2 * count


def test_of_three_in_a_row_the_second_and_the_third_are_told(watch: Watching) -> None:
    script = Script(walks=[walker(1, 2.05), walker(2, 3.05), walker(3, 4.05)], seconds=8)
    assert [reason.rpartition(" behind ")[2] for _, reason in told(watch([rule()], script))] == ["person 1", "person 2"]


def test_two_side_by_side_are_one_behind_the_other(watch: Watching) -> None:
    script = Script(walks=[walker(1, 2.05, y=0.4), walker(2, 2.05, y=0.7)], seconds=6)
    assert told(watch([rule()], script)) == [(2.4, "person 2 crossed line 'door' to the left 0.0 s behind person 1")]


def test_the_same_object_seen_twice_is_alone(watch: Watching) -> None:
    script = Script(walks=[walker(1, 2.05), walker(2, 2.05, y=0.51)], seconds=6)
    assert watch([rule()], script) == []


def test_those_who_meet_in_the_door_do_not_follow_each_other(watch: Watching) -> None:
    script = Script(walks=[walker(1, 2.05), walker(2, 3.05, to="left")], seconds=6)
    assert watch([rule()], script) == []


@pytest.mark.parametrize(("direction", "count"), [("left", 1), ("right", 0)])
def test_only_the_wanted_direction_counts(watch: Watching, direction: str, count: int) -> None:
    script = Script(walks=[walker(1, 2.05), walker(2, 3.05)], seconds=6)
    assert len(told(watch([rule(direction=direction)], script))) == count


def test_one_who_turns_back_at_once_led_nobody(watch: Watching) -> None:
    peeks = Walk(stops=[(0.5, 0.2, 0.5), (2.0, 0.5, 0.5), (2.1, 0.52, 0.5), (2.25, 0.48, 0.5), (3.5, 0.2, 0.5)])
    assert watch([rule()], Script(walks=[peeks, walker(2, 3.05, y=0.7)], seconds=6)) == []


def test_one_who_goes_to_and_fro_does_not_follow_himself(watch: Watching) -> None:
    walk = Walk(stops=[(0, 0.2, 0.5), (2, 0.8, 0.5), (4, 0.2, 0.5), (6, 0.8, 0.5)])
    assert watch([rule(rearm_s=0)], Script(walks=[walk], seconds=6)) == []


@pytest.mark.parametrize("seed", range(3))
def test_jitter_dropouts_and_a_change_of_track_change_nothing(watch: Watching, seed: int) -> None:
    worse: dict[str, Any] = {"jitter": 0.004, "width": 0.1}
    first = walker(1, 2.05, missed=[(1.5, 1.7)], **worse)
    second = walker(2, 4.05, switches=[(3.6, 7)], y=0.7, **worse)
    events = watch([rule(margin=0.01)], Script(walks=[first, second], seconds=8, seed=seed))
    assert [time for time, _ in told(events)] == [pytest.approx(4.5, abs=0.2)]


def test_its_state_survives_any_frame(resumed: Resuming) -> None:
    resumed(lambda: [rule()], Script(walks=[walker(1, 2.05), walker(2, 3.05), walker(3, 4.05)], seconds=9))
