"""Fit a picture into the model's canvas, and boxes back into the picture.

The geometry is that of ultralytics' ``LetterBox`` and ``scale_boxes`` with ``rect=True``: the smallest canvas whose
sides are multiples of the stride, the picture in its middle, grey 114 around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.stage import Picture

FloatArray = npt.NDArray[np.float32]
Four = tuple[float, float, float, float]

GREY = 114
"""Value of the border, as in the models' training."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a picture of ``source`` (height, width) lies within a canvas of ``canvas`` (height, width)."""

    source: tuple[int, int]
    canvas: tuple[int, int]
    inner: tuple[int, int]
    """Height and width of the picture once resized."""
    top: int
    left: int

    @classmethod
    def fit(cls, source: tuple[int, int], *, imgsz: int, stride: int, rect: bool = True) -> "Letterbox":
        """The letterbox for a model whose longer side is ``imgsz``; without ``rect`` the canvas is square."""
        gain = min(imgsz / source[0], imgsz / source[1])
        inner = (max(round(source[0] * gain), 1), max(round(source[1] * gain), 1))
        spare = (imgsz - inner[0], imgsz - inner[1])
        if rect:
            spare = (spare[0] % stride, spare[1] % stride)
        return cls._centred(source, inner, (inner[0] + spare[0], inner[1] + spare[1]))

    @classmethod
    def into(cls, source: tuple[int, int], canvas: tuple[int, int]) -> "Letterbox":
        """The letterbox for a model that takes one canvas only."""
        gain = min(canvas[0] / source[0], canvas[1] / source[1])
        inner = (max(round(source[0] * gain), 1), max(round(source[1] * gain), 1))
        return cls._centred(source, inner, canvas)

    @classmethod
    def _centred(cls, source: tuple[int, int], inner: tuple[int, int], canvas: tuple[int, int]) -> "Letterbox":
        # The odd pixel goes to the bottom and right.
        top, left = (round((outer - side) / 2 - 0.1) for outer, side in zip(canvas, inner, strict=True))
        return cls(source, canvas, inner, top, left)

    def draw(self, picture: Picture, canvas: Picture) -> None:
        """Resize ``picture`` straight into ``canvas`` (uint8, height x width x 3) and paint the border grey.

        Raises ``ValueError`` for a picture of another kind: cv2 would then leave the canvas as it was, silently.
        """
        import cv2

        if picture.dtype != np.uint8 or picture.shape != (*self.source, 3):
            raise ValueError(f"picture must be uint8 {(*self.source, 3)}, got {picture.dtype} {picture.shape}")
        bottom, right = self.top + self.inner[0], self.left + self.inner[1]
        canvas[: self.top] = canvas[bottom:] = GREY
        canvas[:, : self.left] = canvas[:, right:] = GREY
        inside = canvas[self.top : bottom, self.left : right]
        if self.inner == self.source:
            inside[:] = picture
            return
        cv2.resize(picture, (self.inner[1], self.inner[0]), dst=inside, interpolation=cv2.INTER_LINEAR)

    def restore(self, xyxy: FloatArray) -> FloatArray:
        """Boxes (n, 4) from pixels of the canvas to pixels of the picture, clipped to it; a new array."""
        return restore(xyxy, [self], np.zeros(len(xyxy), np.intp))

    def project(self, xyxy: FloatArray) -> FloatArray:
        """Boxes (n, 4) from pixels of the picture to pixels of the canvas; a new array."""
        shift, gain, _ = self._transform()
        return xyxy * np.array(gain, np.float32) + np.array(shift, np.float32)

    def _transform(self) -> tuple[Four, Four, Four]:
        height, width = self.source
        horizontal, vertical = self.inner[1] / width, self.inner[0] / height
        shift = (self.left, self.top, self.left, self.top)
        return shift, (horizontal, vertical, horizontal, vertical), (width, height, width, height)


def restore(xyxy: FloatArray, letterboxes: "Sequence[Letterbox]", which: npt.NDArray[np.intp]) -> FloatArray:
    """Boxes (n, 4) of several pictures from pixels of the canvas to pixels of their picture, clipped to it.

    ``which`` (n,) says which of the letterboxes a box was drawn with. A new array.
    """
    transforms = np.array([letterbox._transform() for letterbox in letterboxes], np.float32).reshape(-1, 3, 4)[which]
    restored: FloatArray = np.clip((xyxy - transforms[:, 0]) / transforms[:, 1], np.float32(0), transforms[:, 2])
    return restored
