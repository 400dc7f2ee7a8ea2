"""What capture and the dispatcher tell one another: frames announced, committed and asked for again."""

import msgspec

from pipeline.messages.frame import Frame, Slot, Status


class CaptureHello(msgspec.Struct, frozen=True, tag=True):
    """A capture process introduces itself; repeated until welcomed."""

    camera: str
    incarnation: str
    live: bool
    source_sha256: str = ""
    """Files: fingerprint of the content, pinned in the camera's log."""


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """Where the camera stands: a fresh capture goes on with ``next_index``, which for a live camera comes after what
    an earlier capture announced; what was announced from ``committed`` on may have been lost."""

    camera: str
    incarnation: str
    epoch: str
    """Names the dispatcher's own incarnation."""
    committed: int
    """Everything before is in the log."""
    next_index: int
    next_session: int
    last_media_ns: int
    """-1 when the log is empty."""
    last_digest: int
    ended: bool
    """The log is complete: nothing more is wanted."""


class Offer(msgspec.Struct, frozen=True, tag=True):
    """A frame waits in a slot for analysis."""

    incarnation: str
    frame: Frame
    slot: Slot


class Skip(msgspec.Struct, frozen=True, tag=True):
    """A frame that capture does not offer, and why."""

    incarnation: str
    frame: Frame
    status: Status


class EndOfStream(msgspec.Struct, frozen=True, tag=True):
    """A camera is over. ``last_index`` is -1 if it never gave a frame."""

    camera: str
    incarnation: str
    last_index: int
    reason: str
    """``eof``, ``stopped`` or ``failed: ...``"""


class StreamState(msgspec.Struct, frozen=True, tag=True):
    """A live camera went offline or came back; becomes a log record, so that rules and reports know."""

    camera: str
    incarnation: str
    online: bool
    media_ns: int
    wall_ns: int | None
    reason: str


class CaptureSync(msgspec.Struct, frozen=True, tag=True):
    """Sent by a capture every quarter second: the frames it announced and has not seen committed."""

    camera: str
    incarnation: str
    announced: list[int]
    held: list[int]
    """Frames whose slots it still keeps."""
    frames_read: int


class Synced(msgspec.Struct, frozen=True, tag=True):
    """The answer to a sync: announce ``missing`` again, reuse the slots of ``free``."""

    camera: str
    incarnation: str
    epoch: str
    next_index: int
    missing: list[int]
    free: list[int]
    ended: bool
    """The end of the camera is in the log: nothing more is wanted."""


class Release(msgspec.Struct, frozen=True, tag=True):
    """These frames' slots may be reused; everything before ``next_index`` is in the log."""

    camera: str
    incarnation: str
    indexes: list[int]
    next_index: int
