"""Dialect: ONVIF Profile M metadata as JSON (``onvif-mj``): the frame that a message was decided at, with its object.
Coordinates go from -1 to 1, with y up (ONVIF Analytics Service Specification, 5.1.2)."""

from collections.abc import Sequence
from typing import Any

from pipeline.messages import Event, EventObject
from stages.deliver.dialects.instant import timestamp

TOPIC = "bartizan/onvif-mj/VideoAnalytics/{camera}/{rule}"
_CLASSES = {
    "person": "Human",
    "face": "Face",
    "license_plate": "LicensePlate",
    "bicycle": "Bike",
    **dict.fromkeys(("bus", "car", "motorcycle", "train", "truck", "van", "vehicle"), "Vehicle"),
    **dict.fromkeys(("bear", "bird", "cat", "cow", "dog", "elephant", "giraffe", "horse", "sheep", "zebra"), "Animal"),
}


def onvif_frame(event: Event, _earlier: Sequence[Event] = ()) -> dict[str, Any]:
    """``{"Frame": [...]}`` with one frame; without an object where the event has none."""
    frame: dict[str, Any] = {"@UtcTime": timestamp(event), "@Source": event.camera}
    if event.object is not None:
        frame["Object"] = [_object(event.object)]
    return {"Frame": [frame]}


def _object(thing: EventObject) -> dict[str, Any]:
    left, right = (_x(edge) for edge in thing.box[0::2])
    top, bottom = (_y(edge) for edge in thing.box[1::2])
    centre = {"@x": round((left + right) / 2, 6), "@y": round((top + bottom) / 2, 6)}
    shape = {
        "BoundingBox": {"@left": left, "@top": top, "@right": right, "@bottom": bottom},
        "CenterOfGravity": centre,
    }
    kind = {"@Likelihood": thing.confidence, "#text": _CLASSES.get(thing.class_name, "Other")}
    return {"@ObjectId": thing.track_id, "Appearance": {"Shape": shape, "Class": {"Type": [kind]}}}


def _x(share: float) -> float:
    return round(2 * share - 1, 6)


def _y(share: float) -> float:
    return round(1 - 2 * share, 6)
