"""What sets the frames of a camera apart, as a vector: what stands where in front of the background.

A fixed camera's frames differ little as whole pictures. So the typical picture of the source is taken away, and the
detector's boxes are added as a map of what is where. Which parts earn their place was measured, see
docs/guide/datasets.md. Deterministic: no network beside the detector.
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
Vector = npt.NDArray[np.float32]


def thumbnail(picture: Picture) -> Vector:
    """Float32 (864,): a small grey picture, its brightness and contrast evened out, with its mirror-free layout.

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
    """Float32 (n, d): thumbnails (n, 864) less their median, beside layouts (n, m), each of the same weight.

    Distances are Euclidean; each part is scaled so that two of its frames are 1 apart at the median.
    """
    parts = [_scaled(thumbnails - np.median(thumbnails, axis=0).astype(np.float32))]
    if layouts is not None:
        parts.append(_scaled(layouts))
    return np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))


def _scaled(part: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, len(part), (512, 2))
    typical = float(np.median(np.linalg.norm(part[pairs[:, 0]] - part[pairs[:, 1]], axis=1)))
    return part / np.float32(typical or 1)
