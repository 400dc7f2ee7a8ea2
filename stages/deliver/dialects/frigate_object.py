"""Dialect: Frigate, topic ``frigate/events`` (https://docs.frigate.video/integrations/mqtt/): the object as it was
before this message, and as it is.

What Bartizan does not measure has the value that Frigate itself begins with: no zone speed, no licence plate, nothing
known of standing still.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from pipeline.messages import Event, EventObject
from stages.deliver.dialects.instant import epoch_s
from stages.deliver.dialects.picture import box_px, size_px
from stages.deliver.snapshot import picture_of

TYPES = {"start": "new", "update": "update", "end": "end"}
_TAIL = 6
_ALERTS = ("high", "critical")
_UNMEASURED: dict[str, Any] = {
    "active": True,
    "stationary": False,
    "motionless_count": 0,
    "position_changes": 0,
    "attributes": {},
    "current_attributes": [],
    "pending_loitering": False,
    "current_estimated_speed": 0,
    "average_estimated_speed": 0,
    "velocity_angle": 0,
    "recognized_license_plate": None,
    "recognized_license_plate_score": None,
    "thumbnail": None,
}


def frigate_event(event: Event, earlier: Sequence[Event]) -> dict[str, Any]:
    """``new``, ``update`` or ``end`` of an event that has an object."""
    after = _object((*earlier, event))
    before = _object(earlier) if earlier else _unborn(after)
    return {"before": before, "after": after, "type": TYPES[event.type]}


def frigate_id(first: Event, part: int = 0) -> str:
    """Seconds of the start and six characters, as Frigate makes them; ours are the beginning of the event's id (or,
    with ``part`` 1, what follows there)."""
    tail = first.id[part * _TAIL : (part + 1) * _TAIL] or first.id[:_TAIL]
    return f"{epoch_s(first, first.started):.6f}-{tail}"


def frigate_severity(messages: Sequence[Event]) -> str:
    """The highest of ours, as one of Frigate's two."""
    return "alert" if any(message.severity in _ALERTS for message in messages) else "detection"


def frigate_zones(messages: Sequence[Event]) -> list[str]:
    """Zones that the object was in: rules with a zone, by name."""
    return list(dict.fromkeys(message.name for message in messages if "zone" in message.region))


def _object(messages: Sequence[Event]) -> dict[str, Any]:
    """After these messages of an event, in order."""
    first, last = messages[0], messages[-1]
    thing = next((message.object for message in reversed(messages) if message.object is not None), None)
    if thing is None:
        raise ValueError(f"event {last.id} has no object, which is all that frigate/events speaks of")
    scores = [thing.confidence, *(score for message in messages for _, score in message.score_history)]
    zones, left = frigate_zones(messages), last.type == "end" and last.ended == "left"
    shown = shown_by(messages)
    return {
        "id": frigate_id(first),
        "camera": last.camera,
        "frame_time": epoch_s(last),
        "snapshot": None if shown is None else _snapshot(shown),
        "label": thing.class_name,
        "sub_label": None,
        "top_score": max(scores),
        "false_positive": False,
        "start_time": epoch_s(first, first.started),
        "end_time": epoch_s(last) if last.type == "end" else None,
        "score": thing.confidence,
        **_place(thing),
        **_UNMEASURED,
        "current_zones": [] if left else zones,
        "entered_zones": zones,
        "has_snapshot": shown is not None,
        "has_clip": any("clip" in message.evidence for message in messages),
        "max_severity": frigate_severity(messages),
        "path_data": _path(last, thing),
    }


def _unborn(after: dict[str, Any]) -> dict[str, Any]:
    """What Frigate knows of an object before the first message about it: that it is there, and may be a mistake."""
    return {
        **after,
        "snapshot": None,
        "top_score": 0.0,
        "false_positive": True,
        "end_time": None,
        "current_zones": [],
        "entered_zones": [],
        "has_snapshot": False,
        "has_clip": False,
        "path_data": [],
    }


def shown_by(messages: Sequence[Event]) -> Event | None:
    """The last message that names a picture."""
    return next((message for message in reversed(messages) if picture_of(message) is not None), None)


def shown_at(event: Event) -> float:
    """Media time of the picture that a message names. The best one shows one of a few frames: the first of them."""
    return event.best[0].media_time if "best" in event.evidence and event.best else event.media_time


def _snapshot(event: Event) -> dict[str, Any] | None:
    thing = event.object
    if thing is None:
        return None
    if "best" in event.evidence and event.best:
        best = event.best[0]
        thing = msgspec.structs.replace(thing, confidence=best.confidence, box_px=best.box_px, box=best.box)
    place = _place(thing)
    return {
        "frame_time": epoch_s(event, shown_at(event)),
        "box": place["box"],
        "area": place["area"],
        "region": place["region"],
        "score": thing.confidence,
        "attributes": [],
    }


def _place(thing: EventObject) -> dict[str, Any]:
    """``region`` is where the detector looked: here the whole picture."""
    left, top, right, bottom = box = box_px(thing)
    width, height = max(right - left, 0), max(bottom - top, 0)
    ratio = round(width / height, 2) if height else 0.0
    return {"box": box, "area": width * height, "ratio": ratio, "region": [0, 0, *size_px(thing)]}


def _path(event: Event, thing: EventObject) -> list[Any]:
    return [[[x, y], epoch_s(event, at_s)] for x, y, at_s in thing.path]
