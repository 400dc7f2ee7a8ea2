"""A plausible event that no camera saw: for trying sinks, and for tests."""

from typing import Any

import msgspec

from pipeline.messages import Event, EventObject

_SAMPLE = Event(
    id="sample",
    message_id="sample-gate-1",
    type="start",
    camera="gate",
    rule="in_field",
    name="yard",
    severity="high",
    ordinal=1,
    media_time=12.5,
    started=10.4,
    frame=126,
    reason="person #7 was inside the zone for 2.1 s (at least 2 s)",
    object=EventObject(
        class_name="person",
        track_id=7,
        confidence=0.83,
        box_px=(320.0, 240.0, 360.0, 340.0),
        box=(0.41667, 0.41667, 0.46875, 0.59028),
        path=[(0.3, 0.6, 10.4), (0.38, 0.6, 11.4), (0.44271, 0.59028, 12.5)],
    ),
    region={"zone": [[0.25, 0.3], [0.9, 0.3], [0.9, 0.95], [0.25, 0.95]]},
    score_history=[(12.3, 0.81), (12.4, 0.85), (12.5, 0.83)],
    why=[{"time": 12.5, "predicate": "inside_s", "value": 2.1, "comparison": ">=", "threshold": 2.0}],
    model={"name": "motion", "sha256": ""},
    analysis_sha256="0" * 64,
    correlation_id="gate/0/125",
)


def sample_event(camera: str = "gate", ordinal: int = 1, **changes: Any) -> Event:
    """A start event of a camera, with a message id of its own for each ordinal; ``changes`` replace fields."""
    message_id = f"sample-{camera}-{ordinal}"
    return msgspec.structs.replace(
        _SAMPLE, **{"camera": camera, "ordinal": ordinal, "message_id": message_id, **changes}
    )
