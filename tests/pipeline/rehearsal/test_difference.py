"""Events are found again by what they are about, and what differs is said."""

from random import Random

import msgspec
import pytest

from pipeline.messages import Event
from pipeline.rehearsal.difference import NEAR_S, Verdict, alarms, compare, of_one_track
from pipeline.store.sample_event import sample_event


def event(
    started: float,
    ended: float | None,
    *,
    mark: str,
    track: int = 7,
    name: str = "lawn",
    severity: str = "high",
    way: list[tuple[float, float, float]] | None = None,
) -> list[Event]:
    """The messages of one event; ``mark`` makes its ids."""
    sample = sample_event(severity=severity)
    assert sample.object is not None
    about = (
        msgspec.structs.replace(sample.object, track_id=track, path=way or [(track / 100, 0.3, started)])
        if track
        else None
    )
    start = msgspec.structs.replace(
        sample, id=f"{mark}{started}{track}", type="start", name=name, started=started, media_time=started, object=about
    )
    if ended is None:
        return [start]
    return [start, msgspec.structs.replace(start, type="end", media_time=ended, ended="left")]


def verdicts(raised: list[Event], told: list[Event]) -> list[tuple[str, tuple[str, ...]]]:
    return [(pair.verdict.value, pair.what) for pair in compare(raised, told)]


def test_an_event_with_other_ids_is_the_same() -> None:
    assert verdicts(event(5, 9, mark="a"), event(5, 9, mark="b")) == [("same", ())]


def test_what_starts_or_ends_at_another_time_has_moved() -> None:
    assert verdicts(event(5, 9, mark="a"), event(7, 9, mark="b")) == [("moved", ("start 5.00 s → 7.00 s",))]
    assert verdicts(event(5, 9, mark="a"), event(5, None, mark="b")) == [("moved", ("end 9.00 s → open",))]


def test_what_says_something_else_at_the_same_times_has_changed() -> None:
    found = verdicts(event(5, 9, mark="a"), event(5, 9, mark="b", severity="low"))
    assert found == [("changed", ("severity high → low",))]


@pytest.mark.parametrize("other", [{"track": 8}, {"name": "path"}])
def test_another_object_or_rule_is_another_event(other: dict[str, object]) -> None:
    told = event(5, 9, mark="b", **other)  # type: ignore[arg-type]  # one keyword at a time
    assert sorted(verdict for verdict, _ in verdicts(event(5, 9, mark="a"), told)) == ["gone", "new"]


def test_events_that_are_far_apart_are_two() -> None:
    assert [v for v, _ in verdicts(event(5, 9, mark="a"), event(30, 31, mark="b"))] == ["gone", "new"]
    assert [v for v, _ in verdicts(event(5, 9, mark="a"), event(12, 13, mark="b"))] == ["moved"]


def test_of_events_about_the_whole_picture_only_those_that_overlap_are_one() -> None:
    raised, told = event(5, 9, mark="a", track=0), event(9.5, 13, mark="b", track=0)
    assert [v for v, _ in verdicts(raised, told)] == ["gone", "new"]
    assert [v for v, _ in verdicts(raised, event(8, 13, mark="b", track=0))] == ["moved"]


def test_of_two_events_the_nearer_one_is_found_again() -> None:
    raised = [*event(5, 6, mark="a"), *event(10, 12, mark="a")]
    pairs = compare(raised, event(10.5, 12, mark="b"))
    assert [(pair.verdict, pair.alarm.started) for pair in pairs] == [(Verdict.GONE, 5), (Verdict.MOVED, 10.5)]


def test_an_object_that_changed_its_track_between_two_starts_is_known_by_its_way() -> None:
    way = [(0.1, 0.5, 3.0), (0.2, 0.5, 4.0)]
    raised = event(5, 20, mark="a", track=15, way=way)
    assert [v for v, _ in verdicts(raised, event(9, 20, mark="b", track=21, way=[*way, (0.3, 0.5, 8.0)]))] == ["moved"]
    assert sorted(v for v, _ in verdicts(raised, event(9, 20, mark="b", track=21))) == ["gone", "new"]


def test_ten_thousand_events_of_one_track_are_each_held_against_their_neighbours_alone() -> None:
    was = alarms(message for n in range(10_000) for message in event(20.0 * n, 20.0 * n + 5, mark="a"))
    would = alarms(message for n in range(10_000) for message in event(20.0 * n + 1, 20.0 * n + 6, mark="b"))
    assert of_one_track(was, would) == {(n, n) for n in range(10_000)}
    messages = ([message for alarm in side for message in alarm.messages] for side in (was, would))
    assert [pair.verdict for pair in compare(*messages)] == [Verdict.MOVED] * 10_000


def test_events_of_one_track_are_neighbours_exactly_if_little_time_lies_between_them() -> None:
    random = Random(3)
    sides = []
    for mark in "ab":
        messages = list[Event]()
        for _ in range(300):
            started, track = float(random.randrange(1500)), random.choice((7, 8, 0))
            ended = None if random.random() < 0.02 else started + random.choice((0, 1, 5, 60, 200))
            messages += event(started, ended, mark=f"{mark}{len(messages)}-", track=track)
        sides.append(alarms(messages))
    was, would = sides
    expected = {
        (one, other)
        for one, raised in enumerate(was)
        for other, told in enumerate(would)
        if raised.track_id == told.track_id != 0
        and max(raised.started, told.started) - min(raised.last_s, told.last_s) <= NEAR_S
    }
    assert of_one_track(was, would) == expected
    assert 0 < len(expected) < len(was) * len(would) / 4
