"""A frame: its name, its times, where its pixels lie and what became of it."""

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """What became of a frame. Exactly one holds for each frame of each camera."""

    ANALYSED = "analysed"
    STATIC = "static"
    """The picture did not change: tracks are held."""
    RATE_LIMITED = "rate_limited"
    SUPERSEDED = "superseded"
    """Live: a newer frame of the camera came before a worker was free."""
    STALE = "stale"
    """Live: older than the staleness budget when a worker was free."""
    NO_SLOT = "no_slot"
    """Live: every slot of the ring was in use."""
    WORKER_LOST = "worker_lost"
    """Live: the worker that had it died or hung."""
    CAPTURE_LOST = "capture_lost"
    """Live: the capture process died before a worker had read the pixels."""
    CORRUPT = "corrupt"
    """The decoder could not make a picture of it."""
    POISON = "poison"
    """Its work crashed two workers by itself."""


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """Where the pixels of a frame lie: a slot of a memory-mapped ring on this machine."""

    ring: str
    """Absolute path of the ring's file."""
    number: int
    generation: int
    """Raised by the writer each time it reuses the slot; a reader that finds another one raises ``StaleSlot``."""
    shape: tuple[int, int, int]
    """Height, width, channels of the uint8 BGR picture."""
    aux_shape: tuple[int, int] = (0, 0)
    """Height and width of the uint8 plane beside the picture (foreground mask of the motion model), if any."""


class Frame(msgspec.Struct, frozen=True):
    """One frame of one camera, as its header; ``camera/session/index`` names it."""

    camera: str
    session: int
    """Counts the openings of the source, from 0."""
    index: int
    """Counts the frames of the source, from 0, over all sessions."""
    media_ns: int
    """Strictly increasing within a camera."""
    wall_ns: int | None = None
    """UTC at capture, or None where it is unknown (recordings without ``start_time``)."""
    arrived_ns: int = 0
    width: int = 0
    height: int = 0
    key_frame: bool = False
    digest: int = 0
    """CRC-32C chained over the pixels (masks applied) and gate verdicts of all frames so far; 0 where live."""
    features: bytes = b""
    """MessagePack map of what capture measured: ``motion`` (0 to 1, share of changed picture) and others."""
