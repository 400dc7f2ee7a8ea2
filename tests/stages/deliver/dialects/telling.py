"""An event from its start to its end, as the alert stage tells it."""

import msgspec

from pipeline.messages import Event
from pipeline.store.sample_event import sample_event

START = sample_event(
    ordinal=1,
    id="73c2851a9a3ee18e0b426204f4d183e5",
    severity="medium",
    wall_time="2026-11-21T12:00:02.500Z",
    evidence={"snapshot": "media/sample-gate-1.jpg"},
    version="0.1.0",
)
UPDATE = msgspec.structs.replace(
    START,
    message_id="sample-gate-2",
    type="update",
    ordinal=2,
    severity="critical",
    media_time=14.5,
    frame=146,
    wall_time="2026-11-21T12:00:04.500Z",
    evidence={},
    score_history=[(14.4, 0.91)],
)
END = msgspec.structs.replace(
    UPDATE,
    message_id="sample-gate-3",
    type="end",
    ordinal=3,
    severity="medium",
    media_time=20.0,
    frame=201,
    wall_time="2026-11-21T12:00:10.000Z",
    ended="left",
)
STORY = (START, UPDATE, END)


def scene(event: Event = START) -> Event:
    """The same of a rule about the whole scene."""
    return msgspec.structs.replace(event, rule="camera_health", name="camera", object=None, region={}, evidence={})
