"""What every inference runtime offers to the detector."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Canvas = npt.NDArray[np.uint8]
"""uint8 (batch, height, width, 3), BGR."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a model beside its weights."""

    name: str
    sha256: str
    names: tuple[str, ...]
    """Class names by class id."""
    stride: int
    """Sides of its canvas are multiples of this."""
    suppresses: bool
    """Its boxes still overlap: non-maximum suppression is due."""
    canvas: tuple[int, int] | None = None
    """Height and width, where it takes only one size."""


class Engine(Protocol):
    """A model, loaded. Works in flights: fill a canvas, start, finish; several may be under way at once."""

    card: ModelCard
    runtime: str
    """Name and version."""
    flights: int
    """How many may be under way at once; they are numbered from 0."""
    batch: int
    """Frames in one flight, at most."""
    suppressed: bool
    """Whether its answer has been through suppression, and comes in rows, also where the model's boxes overlap."""

    def canvas(self, flight: int, shape: tuple[int, int]) -> Canvas:
        """The input of a flight that is not under way, to be drawn into; its pixels are what they were before."""
        ...

    def start(self, flight: int, count: int) -> None:
        """Compute the first ``count`` pictures of the flight's canvas; may return before that is done."""
        ...

    def finish(self, flight: int) -> FloatArray:
        """Wait for a flight: float32 (count, ...), laid out as ``stages.detect.postprocess`` says.

        Valid until the flight's canvas is asked for again.
        """
        ...

    def embed(self, flight: int, boxes: list[FloatArray]) -> list[FloatArray]:
        """What the network saw in the boxes of each picture of a finished flight (``stages.detect.embedding``).

        ``boxes``: float32 (n, 4) in pixels of the canvas; returns float32 (n, d) of length 1. Only where the option
        ``embedding`` is on, and before the flight's canvas is asked for again.
        """
        ...
