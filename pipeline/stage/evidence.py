"""Pictures that prove an event."""

from typing import Protocol

from pipeline.messages import Event
from pipeline.stage.picture import Picture
from pipeline.stage.surroundings import NOBODY, Around


class Evidence(Protocol):
    """Pictures that prove an event."""

    def process(self, event: Event, pixels: Picture, around: Around | None = NOBODY) -> bytes:
        """The snapshot of an event as JPEG. ``pixels`` are read only. ``around``: what else is there to be hidden;
        None: nobody knows, so everything but the object is."""
        ...

    def crop(self, event: Event, pixels: Picture, around: Around | None = NOBODY) -> bytes:
        """The object of the event alone, as JPEG; arguments as for ``process``."""
        ...

    def sharpness(self, pixels: Picture, box_px: tuple[float, float, float, float]) -> float:
        """How sharp what lies in a box is; more is sharper. Comparable between frames of one object."""
        ...

    def pack(self, pixels: Picture) -> bytes:
        """The picture as it was, for ``unpack``."""
        ...

    def unpack(self, packed: bytes) -> Picture:
        """The pixels of a packed picture, nearly as they were."""
        ...

    def original(self, pixels: Picture) -> bytes | None:
        """The picture as it was, as JPEG; None where it is not to be kept."""
        ...
