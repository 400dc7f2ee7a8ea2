"""What is to be explained: one detection or one class, and the part of the picture that is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.detections import Detections
from pipeline.errors import UsageError

SMALLEST = 48
"""Pixels that a window has on each side at least, where the picture has them."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels; outside of it a picture is left alone."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, picture: npt.NDArray[np.uint8]) -> "Window":
        """The whole picture."""
        return cls(0, 0, picture.shape[1], picture.shape[0])

    @classmethod
    def around(cls, xyxy: npt.NDArray[np.float32], times: float, *, within: tuple[int, int]) -> "Window":
        """A box made ``times`` as large about its centre, cut off at a picture of ``within`` (height, width)."""
        centre, half = (xyxy[:2] + xyxy[2:]) / 2, np.maximum((xyxy[2:] - xyxy[:2]) * times, SMALLEST) / 2
        left, top = np.maximum(np.floor(centre - half), 0).astype(int)
        right, bottom = np.minimum(np.ceil(centre + half), within[::-1]).astype(int)
        return cls(int(left), int(top), int(right), int(bottom))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """To cut it out of an array (height, width, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True, slots=True)
class Target:
    """``xyxy``: float32 (4,), the box in pixels, or the whole picture for a classification."""

    xyxy: npt.NDArray[np.float32]
    class_id: int
    name: str
    score: float
    """Confidence or probability on the unchanged picture."""

    def __str__(self) -> str:
        left, top, right, bottom = (round(float(side)) for side in self.xyxy)
        return f"{self.name} {self.score:.2f} at {left},{top} to {right},{bottom}"


def targets_of(detections: Detections, names: Sequence[str]) -> list[Target]:
    """The detections of one picture, surest first."""
    rows = zip(detections.xyxy, detections.class_id, detections.confidence, strict=True)
    return [Target(xyxy, int(number), names[number], float(score)) for xyxy, number, score in rows]


def chosen(targets: Sequence[Target], which: str) -> list[Target]:
    """Those that ``which`` means: a number from the list, ``x,y`` (the smallest box around that point), or ``all``.

    Raises ``UsageError`` with what there is.
    """
    if not targets:
        raise UsageError("nothing was detected in this picture, so there is nothing to explain; lower --confidence")
    if which == "all":
        return list(targets)
    try:
        numbers = [int(part) for part in which.split(",")]
    except ValueError as error:
        raise UsageError(f"--box {which}: a number, a point x,y, or all is wanted") from error
    match numbers:
        case [number] if 0 <= number < len(targets):
            return [targets[number]]
        case [x, y]:
            around = [t for t in targets if t.xyxy[0] <= x <= t.xyxy[2] and t.xyxy[1] <= y <= t.xyxy[3]]
            if not around:
                raise UsageError(f"--box {which}: no box holds that point; there are: {_listed(targets)}")
            return [min(around, key=lambda t: float(np.prod(t.xyxy[2:] - t.xyxy[:2])))]
        case _:
            raise UsageError(f"--box {which}: there are: {_listed(targets)}")


def _listed(targets: Sequence[Target], at_most: int = 8) -> str:
    shown = "; ".join(f"{number}: {target}" for number, target in enumerate(targets[:at_most]))
    return shown + (f"; and {len(targets) - at_most} more" if len(targets) > at_most else "")
