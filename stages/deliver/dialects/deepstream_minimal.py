"""Dialect: NVIDIA DeepStream, minimal schema of nvmsgconv (payload type 1): one message per frame with its objects as
strings. An event gives the frame that it was decided at, with the one object that it is about."""

from collections.abc import Sequence
from typing import Any

from pipeline.messages import Event, EventObject
from stages.deliver.dialects.deepstream import PEOPLE, VEHICLES, colour
from stages.deliver.dialects.instant import timestamp

_VERSION = "4.0"
_UNTRACKED = str(2**64 - 1)
_UNSAFE = str.maketrans({"|": "_", "\n": " "})


def deepstream_frame(event: Event, _earlier: Sequence[Event] = ()) -> dict[str, Any]:
    """The deciding frame; ``id`` is its number in the source, from 0."""
    return {
        "version": _VERSION,
        "id": str(max(event.frame - 1, 0)),
        "@timestamp": timestamp(event),
        "sensorId": event.camera,
        "objects": [] if event.object is None else [_line(event.object)],
    }


def _line(thing: EventObject) -> str:
    """``track|x1|y1|x2|y2|Class|#|attributes|confidence``: of people gender, age, hair, cap, apparel; of vehicles type,
    make, model, colour, licence plate, region; of others none."""
    attributes: list[str] = []
    kind = thing.class_name.capitalize()
    if thing.class_name in PEOPLE:
        attributes = [""] * 5
    elif thing.class_name in VEHICLES:
        kind, attributes = "Vehicle", [thing.class_name, "", "", colour(thing), "", ""]
    box = [f"{edge:g}" for edge in (round(edge, 3) for edge in thing.box_px)]
    track = str(thing.track_id) if thing.track_id else _UNTRACKED
    parts = [track, *box, kind, "#", *attributes, f"{thing.confidence:g}"]
    return "|".join(part.translate(_UNSAFE) for part in parts)
