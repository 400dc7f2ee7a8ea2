"""A verdict can be computed again from the event's record alone."""

from typing import Any

import msgspec
import pytest

from pipeline.messages import Event
from stages.alert.verdict import verdict
from tests.stages.alert.conftest import Watching
from tests.stages.alert.scenes import SCENES, rule_of

SHIFT = {">=": -1, ">": -1, "<=": 1, "<": 1}


@pytest.fixture(scope="module")
def told(watch: Watching) -> dict[str, list[Event]]:
    """Events as they are written and read again, by kind of rule."""
    found = {kind: watch([rule_of(kind)], script) for kind, (_, script) in SCENES.items()}
    return {kind: [_read_again(event) for event in events] for kind, events in found.items()}


def _read_again(event: Event) -> Event:
    return msgspec.json.decode(msgspec.json.encode(event), type=Event)


def _changed(event: Event, number: int, **values: Any) -> Event:
    why = [{**entry, **values} if place == number else entry for place, entry in enumerate(event.why)]
    return msgspec.structs.replace(event, why=why)


@pytest.mark.parametrize("kind", SCENES)
def test_every_message_follows_from_its_record(told: dict[str, list[Event]], kind: str) -> None:
    kinds = {event.type for event in told[kind]}
    assert {"start", "end"} <= kinds
    for event in told[kind]:
        again = verdict(event)
        assert again.follows, again.failed
        assert again.said == ("ended" if event.type == "end" else "raised")


@pytest.mark.parametrize("kind", SCENES)
def test_a_value_on_the_other_side_of_its_threshold_is_not_raised_and_named(
    told: dict[str, list[Event]], kind: str
) -> None:
    start = told[kind][0]
    for number, entry in enumerate(start.why):
        again = verdict(_changed(start, number, value=_worse(entry)))
        assert again.said == "not raised", entry
        assert entry["predicate"] in {check.predicate for check in again.failed}


def _worse(entry: dict[str, Any]) -> Any:
    if entry["comparison"] == "==":
        return not entry["value"] if isinstance(entry["value"], bool) else f"not {entry['value']}"
    return "nothing of it" if entry["comparison"] == "in" else entry["threshold"] + SHIFT[entry["comparison"]]


@pytest.mark.parametrize("kind", SCENES)
def test_a_record_without_one_of_its_conditions_does_not_follow(told: dict[str, list[Event]], kind: str) -> None:
    start = told[kind][0]
    needed = [entry for entry in start.why if entry["predicate"] not in ("class", "repeated")]
    for missing in needed:
        cut = msgspec.structs.replace(start, why=[entry for entry in start.why if entry is not missing])
        assert verdict(cut).said == "not raised", missing


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (None, "None is no list of parts"),
        ({"predicate": "x"}, "{'predicate': 'x'} is no list of parts"),
        (["inside"], "'inside' is no entry of a trace"),
        ([None], "None is no entry of a trace"),
        ([{"predicate": "x", "after_s": "soon", "within_s": 8}], "soon is not <= 8"),
    ],
)
def test_parts_that_are_no_trace_are_named(told: dict[str, list[Event]], parts: Any, says: str) -> None:
    start = told["then"][0]
    number = next(place for place, entry in enumerate(start.why) if "parts" in entry)
    again = verdict(_changed(start, number, parts=parts))
    assert again.said == "not raised"
    assert says in {check.says for check in again.failed}


def test_a_duration_that_its_times_do_not_give_is_found(told: dict[str, list[Event]]) -> None:
    start = told["in_field"][0]
    number = [entry["predicate"] for entry in start.why].index("age_s")
    (failed,) = verdict(_changed(start, number, value=40.0)).failed
    assert (failed.predicate, failed.says) == ("age_s", "40.0 is not the 2.3 s that its times give")


def test_a_record_that_does_not_say_how_to_compare_is_not_believed(told: dict[str, list[Event]]) -> None:
    start = told["in_field"][0]
    older = [{key: value for key, value in entry.items() if key != "comparison"} for entry in start.why]
    again = verdict(msgspec.structs.replace(start, why=older))
    assert not again.follows
    assert {check.says for check in again.failed} == {"the entry has no comparison"}


def test_an_end_without_a_trace_does_not_follow(told: dict[str, list[Event]]) -> None:
    end = told["in_field"][-1]
    assert verdict(msgspec.structs.replace(end, why=[])).said == "not ended"
