"""DeepStream's two schemas, read back to the facts of the event."""

import json
from typing import Any

import msgspec
import pytest

from pipeline.messages import Event, EventObject
from stages.deliver.dialects.table import DIALECTS
from tests.stages.deliver.dialects.telling import END, START, UPDATE, scene

FIELDS = {"messageid", "mdsversion", "@timestamp", "place", "sensor", "analyticsModule", "object", "event", "videoPath"}
INNER = {
    "place": {"id", "name", "type", "location"},
    "sensor": {"id", "type", "description", "location", "coordinate"},
    "analyticsModule": {"id", "description", "source", "version"},
    "object": {"id", "speed", "direction", "orientation", "person", "bbox", "location", "coordinate"},
    "event": {"id", "type"},
}
PERSON = {"age", "gender", "hair", "cap", "apparel", "confidence"}
VEHICLE = {"type", "make", "model", "color", "licenseState", "license", "confidence"}


def full(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(DIALECTS["deepstream"].body(event))
    return told


def minimal(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(DIALECTS["deepstream_minimal"].body(event))
    return told


def thing(**changes: Any) -> EventObject:
    assert START.object is not None
    return msgspec.structs.replace(START.object, **changes)


RED_TRUCK = msgspec.structs.replace(START, object=thing(class_name="truck", attributes={"colour": "red"}))
BAG = msgspec.structs.replace(START, object=thing(class_name="back|pack"))


def test_the_full_schema_has_its_fields_and_says_what_the_event_says() -> None:
    told = full(START)
    assert set(told) == FIELDS
    assert {name: set(told[name]) for name in INNER} == INNER
    assert set(told["object"]["person"]) == PERSON
    assert (told["messageid"], told["event"]["id"]) == (START.message_id, START.id)
    assert (told["@timestamp"], told["sensor"]["id"]) == (START.wall_time, START.camera)
    assert (told["analyticsModule"]["id"], told["analyticsModule"]["description"]) == (START.rule, START.name)
    assert told["object"]["id"] == "7"
    assert told["object"]["person"]["confidence"] == thing().confidence
    corners = [told["object"]["bbox"][name] for name in ("topleftx", "toplefty", "bottomrightx", "bottomrighty")]
    assert tuple(corners) == thing().box_px


def test_an_event_comes_in_and_goes_out() -> None:
    assert [full(event)["event"]["type"] for event in (START, UPDATE, END)] == ["entry", "moving", "exit"]
    parked = [msgspec.structs.replace(event, rule="stopped_vehicle") for event in (START, UPDATE, END)]
    assert [full(event)["event"]["type"] for event in parked] == ["stopped", "stopped", "exit"]


def test_vehicles_have_their_own_fields_and_other_things_their_class() -> None:
    truck = full(RED_TRUCK)["object"]["vehicle"]
    assert set(truck) == VEHICLE
    assert (truck["type"], truck["color"], truck["license"]) == ("truck", "red", "")
    assert full(BAG)["object"]["back|pack"] == {"confidence": thing().confidence}


def test_what_is_not_known_is_null_and_not_nought() -> None:
    told = full(START)
    assert told["object"]["speed"] is None
    assert told["sensor"]["location"] == {"lat": None, "lon": None, "alt": None}


def test_an_event_about_the_scene_has_an_object_that_nobody_tracks() -> None:
    told = full(scene())
    assert set(told["object"]) == INNER["object"] - {"person", "bbox"}
    assert told["object"]["id"] == "-1"
    assert minimal(scene())["objects"] == []


def test_a_thing_that_no_track_follows_has_the_number_for_that() -> None:
    loose = msgspec.structs.replace(START, object=thing(track_id=0))
    assert full(loose)["object"]["id"] == "-1"
    assert minimal(loose)["objects"][0].startswith("18446744073709551615|")


@pytest.mark.parametrize(
    ("event", "kind", "attributes"),
    [
        (START, "Person", ["", "", "", "", ""]),
        (RED_TRUCK, "Vehicle", ["truck", "", "", "red", "", ""]),
        (BAG, "Back_pack", []),
    ],
)
def test_a_line_of_the_minimal_schema_is_split_into_the_same_facts(
    event: Event, kind: str, attributes: list[str]
) -> None:
    told = minimal(event)
    assert set(told) == {"version", "id", "@timestamp", "sensorId", "objects"}
    assert (told["version"], told["id"], told["sensorId"]) == ("4.0", "125", "gate")
    (line,) = told["objects"]
    place, _, said = line.partition("|#|")
    track, *box, name = place.split("|")
    *found, confidence = said.split("|")
    assert (int(track), tuple(map(float, box)), name) == (7, thing().box_px, kind)
    assert (found, float(confidence)) == (attributes, thing().confidence)
