"""Events, as they are stored and sent."""

from typing import Any

import msgspec

from pipeline.messages.schema import SCHEMA


class EventObject(msgspec.Struct, frozen=True, kw_only=True):
    """What the event is about, at its deciding frame."""

    class_name: str = msgspec.field(name="class")
    track_id: int
    confidence: float
    box_px: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the source frame."""
    box: tuple[float, float, float, float]
    """The same, divided by the frame's width and height."""
    path: list[tuple[float, float, float]]
    """Anchor points so far: x and y normalised, media time in seconds; thinned to at most 64."""
    attributes: dict[str, str] = {}
    """What the classifiers are agreed on, by name of the classifier: ``{"colour": "red"}``."""


class BestFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that shows the object of an event well."""

    frame: int
    """1-based index in the source."""
    media_time: float
    track_id: int
    """By which it went then."""
    confidence: float
    box_px: tuple[float, float, float, float]
    box: tuple[float, float, float, float]
    """As in ``EventObject``."""
    score: float
    """Side of a square of the box's size in pixels, times confidence; half of that where the border of the picture may
    cut the object off."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One message about one event: its start, an update, or its end. Times are seconds of media time.

    Nothing here depends on the run: no processing time, no run id, no path of this machine.
    """

    schema: int = SCHEMA
    id: str
    """The same from start to end."""
    message_id: str
    """Unique for each message: the idempotency key."""
    type: str
    """``start``, ``update`` or ``end``."""
    camera: str
    rule: str
    """Kind of rule, such as ``in_field``."""
    name: str
    """The user's name for it."""
    severity: str
    """``low``, ``medium``, ``high`` or ``critical``."""
    ordinal: int
    """Counts the messages of the camera, from 1."""
    media_time: float
    started: float
    """Media time of the start."""
    frame: int
    """Deciding frame, 1-based index in the source."""
    wall_time: str | None = None
    """RFC 3339 UTC, where known."""
    reason: str
    """One line for people: why this message was sent."""
    ended: str = ""
    """Ends: ``left``, ``lost``, ``momentary``, ``end_of_stream`` or ``evidence_lost``; else empty."""
    object: EventObject | None = None
    also_about: list[int] = []
    """Track ids of others whom it is about so far: the second of two who are too close, the owners of a bag."""
    best: list[BestFrame] = []
    """Ends, and updates of live cameras if the object was seen clearly better since: frames that show it well by size
    and confidence, the best of them first."""
    region: dict[str, Any] = {}
    """The zone or line, normalised points: ``{"zone": [[x, y], ...]}`` or ``{"line": [[x, y], [x, y]]}``."""
    score_history: list[tuple[float, float]] = []
    """Media time and confidence of the object's last detections."""
    why: list[dict[str, Any]] = []
    """Rule trace, in order: ``{"time", "predicate", "value", "comparison", "threshold"}``, the first of a start's
    claim with what else explains it. ``stages.alert.verdict`` computes the verdict from it again."""
    evidence: dict[str, str] = {}
    """Paths within the output directory. Starts: ``snapshot``. Where ``best`` names frames: ``best``, the
    sharpest of them, and ``crop``, the object alone. ``clip``."""
    model: dict[str, str] = {}
    """``name`` and ``sha256`` of the detector."""
    analysis_sha256: str = ""
    version: str = ""
    """Of Bartizan, which decided."""
    correlation_id: str = ""
    """Names the deciding frame: ``camera/session/index``."""
