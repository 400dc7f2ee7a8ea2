"""ONVIF Profile M, beside the messages of a producer that others wrote."""

import json
import random
from datetime import datetime
from typing import Any

import msgspec
import pytest
from onvif_m.metadata import build_frame, build_payload
from onvif_m.model import ClassCandidate, DetectedObject, from_pixel_bbox
from onvif_m.publish import build_mqtt_topic, serialize

from pipeline.messages import Event
from stages.deliver.dialects.table import DIALECTS
from tests.stages.deliver.dialects.telling import START, scene

WIDTH, HEIGHT = 768, 576


def told(event: Event) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(DIALECTS["onvif"].body(event))
    return payload


def placed(x1: float, y1: float, x2: float, y2: float, **changes: Any) -> Event:
    """The event with its object at these pixels."""
    assert START.object is not None
    shares = (x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT)
    thing = msgspec.structs.replace(START.object, box_px=(x1, y1, x2, y2), box=shares, **changes)
    return msgspec.structs.replace(START, object=thing)


def test_a_message_is_what_another_producer_makes_of_the_same_object() -> None:
    rng = random.Random(4)
    for _ in range(50):
        x1, x2 = sorted(rng.uniform(0, WIDTH) for _ in range(2))
        y1, y2 = sorted(rng.uniform(0, HEIGHT) for _ in range(2))
        event = placed(x1, y1, x2, y2)
        assert event.object is not None
        box = from_pixel_bbox(x1, y1, x2, y2, WIDTH, HEIGHT)
        seen = DetectedObject(event.object.track_id, box, [ClassCandidate("Human", event.object.confidence)])
        at = datetime.fromisoformat(str(event.wall_time))
        theirs = build_payload([build_frame(at, event.camera, [seen])])
        assert _rounded(told(event)) == _rounded(theirs)


def test_the_top_of_the_picture_is_up_and_reads_back_to_the_same_box() -> None:
    (thing,) = told(placed(0, 0, 384, 144))["Frame"][0]["Object"]
    box = thing["Appearance"]["Shape"]["BoundingBox"]
    assert box == {"@left": -1, "@top": 1, "@right": 0, "@bottom": 0.5}
    back = [(box["@left"] + 1) / 2 * WIDTH, (1 - box["@top"]) / 2 * HEIGHT]
    back += [(box["@right"] + 1) / 2 * WIDTH, (1 - box["@bottom"]) / 2 * HEIGHT]
    assert back == [0, 0, 384, 144]


@pytest.mark.parametrize(
    ("ours", "theirs"), [("person", "Human"), ("truck", "Vehicle"), ("dog", "Animal"), ("suitcase", "Other")]
)
def test_classes_go_by_onvifs_names(ours: str, theirs: str) -> None:
    (thing,) = told(placed(0, 0, 10, 10, class_name=ours))["Frame"][0]["Object"]
    assert [kind["#text"] for kind in thing["Appearance"]["Class"]["Type"]] == [theirs]


def test_the_other_producers_own_serializer_takes_it_as_xml() -> None:
    text = serialize(told(START), "xml")
    assert '<tt:Frame UtcTime="2026-11-21T12:00:02.500Z" Source="gate"><tt:Object ObjectId="7">' in text
    assert '<tt:Type Likelihood="0.83">Human</tt:Type>' in text


def test_the_topic_is_the_one_that_another_producer_uses() -> None:
    filled = DIALECTS["onvif"].topic.format(camera="gate", rule="in_field")
    assert filled == build_mqtt_topic("bartizan", "gate", "in_field")


def test_a_frame_without_an_object_would_only_say_that_we_are_there() -> None:
    assert not DIALECTS["onvif"].tells(scene())
    assert set(told(scene())["Frame"][0]) == {"@UtcTime", "@Source"}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return pytest.approx(value, abs=2e-6) if isinstance(value, float) else value
