"""What crops and stretches of time show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from pipeline.messages import Answer, Wish
from pipeline.stage.picture import Picture


@runtime_checkable
class CropClassifier(Protocol):
    """Tells what a crop shows. Equal crops give equal answers, whatever shared the batch."""

    model: dict[str, str]
    """``name`` and ``sha256``."""

    @property
    def names(self) -> Sequence[str]:
        """What it can say."""
        ...

    def process(self, crops: Sequence[Picture]) -> npt.NDArray[np.float32]:
        """Probabilities, float32 (n, classes)."""
        ...


class BehaviourModel(Protocol):
    """Tells what goes on over time, from samples of a track or of the whole picture."""

    model: dict[str, str]
    frames: int
    """Samples in a window."""
    fps: float
    """Samples a second."""
    scope: str
    """``track`` or ``scene``."""
    width: int
    """Numbers that describe one sample."""
    needs_previous: bool
    """Whether it looks at the sample before, too."""

    @property
    def names(self) -> Sequence[str]:
        """What it can say."""
        ...

    def embed(
        self, crops: Sequence[Picture], previous: Sequence[Picture | None] | None = None
    ) -> npt.NDArray[np.float32]:
        """What is seen in each sample, float32 (n, width); ``previous``: the sample before each, where there is one."""
        ...

    def judge(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities, float32 (n, classes), of windows float32 (n, frames, width)."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """A wish and its pixels: uint8 (h, w, 3) BGR, the stage's own."""

    wish: Wish
    pixels: Picture


class Classify(Protocol):
    """Answers wishes of one camera, with one model."""

    model: dict[str, str]
    names: list[str]
    frames: int
    """Samples in a window; 0 where each crop is judged for itself."""
    fps: float
    scene: bool
    engine: str
    """What computes it: answers of another one may differ."""
    margin: float
    """How far a box is widened on each side, as a share of its size."""

    def lacks(self, wish: Wish) -> bool:
        """Whether the pixels of the sample before this one are needed and unknown: ``show`` them first."""
        ...

    def show(self, look: Look) -> None:
        """The pixels of a sample that was answered by an earlier incarnation."""
        ...

    def process(self, batch: Sequence[Look]) -> list[Answer]:
        """Answers to these wishes and to earlier ones that had to wait for them. An empty list is possible."""
        ...

    def remember(self, answer: Answer) -> None:
        """Take note of an answer of an earlier incarnation, in the order in which they were given."""
        ...
