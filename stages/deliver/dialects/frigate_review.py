"""Dialect: Frigate, topic ``frigate/reviews``: what somebody should look at, before this message and after it. An event
about the whole scene is one, too: as the events that people make in Frigate, it goes by a label of its own, here the
kind of its rule."""

from collections.abc import Sequence
from typing import Any

from pipeline.messages import Event
from stages.deliver.dialects.frigate_object import (
    TYPES,
    frigate_id,
    frigate_severity,
    frigate_zones,
    shown_at,
    shown_by,
)
from stages.deliver.dialects.instant import epoch_s
from stages.deliver.snapshot import picture_of


def frigate_review(event: Event, earlier: Sequence[Event]) -> dict[str, Any]:
    """``new``, ``update`` or ``end``. Before the first message it was as after it."""
    messages = (*earlier, event)
    return {"type": TYPES[event.type], "before": _review(earlier or messages), "after": _review(messages)}


def _review(messages: Sequence[Event]) -> dict[str, Any]:
    first, last = messages[0], messages[-1]
    shown = shown_by(messages)
    labels = [message.rule if message.object is None else message.object.class_name for message in messages]
    return {
        "id": frigate_id(first, 1),
        "camera": last.camera,
        "start_time": epoch_s(first, first.started),
        "end_time": epoch_s(last) if last.type == "end" else None,
        "severity": frigate_severity(messages),
        "thumb_path": None if shown is None else picture_of(shown),
        "data": {
            "detections": [frigate_id(first)],
            "objects": list(dict.fromkeys(labels)),
            "verified_objects": [],
            "sub_labels": [],
            "zones": frigate_zones(messages),
            "audio": [],
            "thumb_time": None if shown is None else epoch_s(shown, shown_at(shown)),
            "metadata": None,
        },
    }
