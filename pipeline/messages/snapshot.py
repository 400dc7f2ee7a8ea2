"""What is said about the pictures of events, between alert, the dispatcher and evidence."""

import msgspec

from pipeline.messages.frame import Slot


class Keep(msgspec.Struct, frozen=True, tag=True):
    """The picture of this frame is wanted as evidence for this message; for the end of an event, the best of those that
    were kept."""

    camera: str
    index: int
    message_id: str


class Candidates(msgspec.Struct, frozen=True, tag=True):
    """Frames of a live camera whose picture may become the best one of an event: all of them, whatever was said before.
    From alert, and handed on to evidence. A frame is cut once, while its slot is there, for the message ``CANDIDATE``.
    """

    camera: str
    indexes: list[int]


CANDIDATE = ""
"""In the place of a message: the frame as it is, for events that are not over."""


class EvidenceHello(msgspec.Struct, frozen=True, tag=True):
    """The evidence process introduces itself; repeated."""

    worker: str


class Cut(msgspec.Struct, frozen=True, tag=True):
    """Make the picture of this message; ``slot`` is None when the slot is gone."""

    camera: str
    index: int
    message_id: str
    slot: Slot | None


class CutDone(msgspec.Struct, frozen=True, tag=True):
    """The picture is written, or cannot be, or will be made of candidates: the slot may go."""

    camera: str
    index: int
    message_id: str
