"""Dialect: NVIDIA DeepStream, full schema of nvmsgconv (payload type 0): one message per object and event.

Where cameras hang, how fast and which way objects go is not known here: those fields are null.
"""

from collections.abc import Sequence
from typing import Any

from pipeline.messages import Event, EventObject
from stages.deliver.dialects.instant import timestamp
from stages.deliver.dialects.picture import box_px

NO_TRACK = "-1"
PEOPLE, VEHICLES = ("person",), ("bicycle", "bus", "car", "motorcycle", "train", "truck", "van", "vehicle")
_SCHEMA = "1.0"
_NOWHERE = {"lat": None, "lon": None, "alt": None}
_UNPLACED = {"x": None, "y": None, "z": None}
_EVENTS = {"start": "entry", "update": "moving", "end": "exit"}


def deepstream_event(event: Event, _earlier: Sequence[Event] = ()) -> dict[str, Any]:
    """The whole of one message of an event."""
    return {
        "messageid": event.message_id,
        "mdsversion": _SCHEMA,
        "@timestamp": timestamp(event),
        "place": {"id": "", "name": "", "type": "", "location": _NOWHERE},
        "sensor": {
            "id": event.camera,
            "type": "Camera",
            "description": "",
            "location": _NOWHERE,
            "coordinate": _UNPLACED,
        },
        "analyticsModule": {
            "id": event.rule,
            "description": event.name,
            "source": "bartizan",
            "version": event.version,
        },
        "object": _object(event.object),
        "event": {"id": event.id, "type": _type(event)},
        "videoPath": event.evidence.get("clip", ""),
    }


def colour(thing: EventObject) -> str:
    """What a classifier says of its colour, or nothing."""
    return thing.attributes.get("colour", thing.attributes.get("color", ""))


def _type(event: Event) -> str:
    stands = event.rule == "stopped_vehicle" and event.type != "end"
    return "stopped" if stands else _EVENTS[event.type]


def _object(thing: EventObject | None) -> dict[str, Any]:
    known: dict[str, Any] = {"id": NO_TRACK}
    if thing is not None:
        left, top, right, bottom = box_px(thing)
        kind, said = _kind(thing)
        known = {
            "id": str(thing.track_id) if thing.track_id else NO_TRACK,
            kind: {**said, "confidence": thing.confidence},
            "bbox": {"topleftx": left, "toplefty": top, "bottomrightx": right, "bottomrighty": bottom},
        }
    return {
        **known,
        "speed": None,
        "direction": None,
        "orientation": None,
        "location": _NOWHERE,
        "coordinate": _UNPLACED,
    }


def _kind(thing: EventObject) -> tuple[str, dict[str, Any]]:
    """Which of the schema's objects it is, with the fields of that; what has none goes by the name of its class."""
    name = thing.class_name
    if name in PEOPLE:
        return "person", {"age": None, "gender": "", "hair": "", "cap": "", "apparel": ""}
    if name in VEHICLES:
        said = {"make": "", "model": "", "color": colour(thing), "licenseState": "", "license": ""}
        return "vehicle", {"type": name, **said}
    return name, {}
