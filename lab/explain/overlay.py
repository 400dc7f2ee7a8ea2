"""A saliency map over its picture."""

import numpy as np
import numpy.typing as npt

from lab.explain.masked import Map
from lab.explain.target import Target, Window
from pipeline.stage import Picture

STRONGEST = 0.65
"""How much of the picture the strongest colour covers."""


def overlay(picture: Picture, window: Window, saliency: Map, target: Target | None = None) -> Picture:
    """The picture with the map in colour (a new array): nothing where it is 0 or below, warm where it is high.

    The scale runs to the 99.5th percentile; the window and the target's box are outlined.
    """
    import cv2

    scaled = np.clip(saliency / max(float(np.quantile(saliency, 0.995)), 1e-9), 0, 1)
    colour = cv2.applyColorMap((scaled * 255).astype(np.uint8), cv2.COLORMAP_INFERNO).astype(np.float32)
    cover = (STRONGEST * np.sqrt(scaled))[:, :, None]
    drawn = picture.copy()
    drawn[window.slices] = (drawn[window.slices] * (1 - cover) + colour * cover).astype(np.uint8)
    thick = max(round(max(picture.shape[:2]) / 500), 1)
    if window != Window.of(picture):
        _outline(drawn, (window.left, window.top, window.right - 1, window.bottom - 1), (200, 200, 200), thick)
    if target is not None:
        left, top, right, bottom = (int(side) for side in target.xyxy)
        _outline(drawn, (left, top, right, bottom), (255, 255, 255), 2 * thick)
        _outline(drawn, (left, top, right, bottom), (0, 160, 0), thick)
    return drawn


def _outline(
    picture: npt.NDArray[np.uint8], box: tuple[int, int, int, int], colour: tuple[int, int, int], thick: int
) -> None:
    import cv2

    cv2.rectangle(picture, box[:2], box[2:], colour, thick, cv2.LINE_AA)
