"""What sets the frames of a camera apart, as a vector: what stands where, and how the scene looks.

A fixed camera's frames differ little as whole pictures, so the detector's boxes count more, as a map of what is where.
What choosing by it is worth: docs/guide/datasets.md.
"""

import numpy as np
import numpy.typing as npt

from pipeline.detections import Detections
from pipeline.stage import Picture

ROWS, COLUMNS = 18, 24
GRID = (6, 8)
"""Cells of the map of boxes, over height and width."""
SCALE = 32.0
"""Grey levels of difference that count as one."""
LOOKS = 0.5
Vector = npt.NDArray[np.float32]


def thumbnail(picture: Picture) -> Vector:
    """Float32 (864,): a small grey picture, its brightness and contrast evened out.

    The second half holds the contrast within each cell, which moves less with the light than brightness does.
    """
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    large = cv2.resize(grey, (COLUMNS * 8, ROWS * 8), interpolation=cv2.INTER_AREA).astype(np.float32)
    large = (large - large.mean()) / max(float(large.std()), 8.0) * SCALE
    cells = large.reshape(ROWS, 8, COLUMNS, 8)
    parts = np.stack([cells.mean(axis=(1, 3)), cells.std(axis=(1, 3))])
    flat: Vector = (parts / SCALE).astype(np.float32).ravel()
    return flat


def layout(found: Detections, size: tuple[int, int], classes: int) -> Vector:
    """Float32 (classes x 48,): how much of each class stands in each cell of a picture of ``size`` (height, width).

    A box counts by its confidence, shared among the four cells around its foot, where it touches the ground.
    """
    height, width = size
    grid = np.zeros((classes, GRID[0] + 1, GRID[1] + 1), np.float32)
    x = (found.xyxy[:, 0] + found.xyxy[:, 2]) / 2 / width * GRID[1] - 0.5
    y = found.xyxy[:, 3] / height * GRID[0] - 0.5
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    for down in (0, 1):
        for right in (0, 1):
            share = np.abs(1 - down - (y - row)) * np.abs(1 - right - (x - column))
            rows, columns = np.clip(row + down, 0, GRID[0] - 1), np.clip(column + right, 0, GRID[1] - 1)
            np.add.at(grid, (found.class_id, rows, columns), share * found.confidence)
    cells: Vector = np.sqrt(grid[:, : GRID[0], : GRID[1]]).ravel()
    return cells


def descriptors(
    thumbnails: npt.NDArray[np.float32], layouts: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.float32]:
    """Float32 (n, d): thumbnails (n, 864) beside layouts (n, m), where the thumbnails count ``LOOKS`` times as much.

    Distances are Euclidean; each part is scaled so that two of its frames are 1 apart at the median.
    """
    if layouts is None:
        return _scaled(thumbnails)
    parts = np.concatenate([_scaled(thumbnails) * np.float32(LOOKS), _scaled(layouts)], axis=1)
    both: npt.NDArray[np.float32] = parts / np.sqrt(np.float32(1 + LOOKS**2))
    return both


def _scaled(part: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, len(part), (512, 2))
    typical = float(np.median(np.linalg.norm(part[pairs[:, 0]] - part[pairs[:, 1]], axis=1)))
    return part / np.float32(typical or 1)
