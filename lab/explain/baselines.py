"""Maps that know nothing of the model: what a saliency map must beat to have told us anything."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lab.explain.masked import Map
from lab.explain.target import Target, Window
from pipeline.stage import Picture


def random_maps(shape: tuple[int, int], count: int, *, seed: int, cells: int = 6) -> Iterator[Map]:
    """Smooth noise. Smooth, because a map of single pixels would lose to any blob, and prove nothing."""
    import cv2

    random = np.random.default_rng(seed)
    for _ in range(count):
        grid = random.random((cells, cells)).astype(np.float32)
        yield np.asarray(cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def centre_map(target: Target, window: Window) -> Map:
    """Highest in the middle of the box and falling with the distance from it, in widths and heights of the box."""
    rows = np.arange(window.top, window.bottom)[:, None] + 0.5
    columns = np.arange(window.left, window.right)[None] + 0.5
    left, top, right, bottom = target.xyxy
    across = (columns - (left + right) / 2) / max(right - left, 1)
    down = (rows - (top + bottom) / 2) / max(bottom - top, 1)
    return np.asarray(np.exp(-2 * (across**2 + down**2)), np.float32)


def edge_map(picture: Picture, window: Window) -> Map:
    """Where the picture itself has edges (Sobel), smoothed: Adebayo et al. (NeurIPS 2018) found that maps which only
    trace edges look convincing."""
    import cv2

    grey = cv2.cvtColor(picture[window.slices], cv2.COLOR_BGR2GRAY).astype(np.float32)
    steep = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    blurred: npt.NDArray[np.float32] = np.asarray(cv2.GaussianBlur(steep, (0, 0), max(min(window.shape) / 40, 1)))
    return blurred
