"""Records of a camera's log."""

from typing import TypeAlias

import msgspec

from pipeline.messages.frame import Frame, Status


class LogHeader(msgspec.Struct, frozen=True, tag=True):
    """First record of each log: what it is a log of."""

    schema: int
    camera: str
    live: bool
    analysis_sha256: str
    source_sha256: str


class EngineRecord(msgspec.Struct, frozen=True, tag=True):
    """The engine that made the detections that follow."""

    engine: str
    model: dict[str, str]
    names: list[str]


class FrameRecord(msgspec.Struct, frozen=True, tag=True):
    """One frame and what became of it. ``detections`` is packed ``Detections``, empty unless analysed."""

    frame: Frame
    status: Status
    detections: bytes = b""


class StreamRecord(msgspec.Struct, frozen=True, tag=True):
    """The camera went offline or came back (live)."""

    online: bool
    media_ns: int
    wall_ns: int | None
    reason: str


class ChangeRecord(msgspec.Struct, frozen=True, tag=True):
    """Something beside the footage, which rules follow, is this from here on (live), or for good (recordings)."""

    what: str
    """As ``RuleOptions.follows`` names it."""
    value: bytes
    """Content of the file that says so; empty where there is none."""


class EndRecord(msgspec.Struct, frozen=True, tag=True):
    """Nothing follows. ``reason`` as in ``EndOfStream``."""

    last_index: int
    reason: str


Record: TypeAlias = LogHeader | EngineRecord | FrameRecord | StreamRecord | ChangeRecord | EndRecord
