"""What is said about the pictures of events, between alert, the dispatcher and evidence."""

import msgspec

from pipeline.messages.frame import Slot


class Keep(msgspec.Struct, frozen=True, tag=True):
    """The picture of this frame is wanted as evidence for this message."""

    camera: str
    index: int
    message_id: str


class EvidenceHello(msgspec.Struct, frozen=True, tag=True):
    """The evidence process introduces itself; repeated."""

    worker: str


class Cut(msgspec.Struct, frozen=True, tag=True):
    """Make the snapshot of this message; ``slot`` is None when the slot is gone."""

    camera: str
    index: int
    message_id: str
    slot: Slot | None


class CutDone(msgspec.Struct, frozen=True, tag=True):
    """The snapshot is written, or cannot be: the slot may go."""

    camera: str
    index: int
    message_id: str
