"""What an object looks like, as a vector: the detector's own feature maps, averaged over the object's box.

Of the maps of the backbone the first tells colours and edges, the one at stride 16 shapes. Both tell people apart
better than the neck, whose maps say what all people share: pairs of boxes from TUD-Stadtmitte within half a second,
same person or not, gave an AUC of 0.92 and 0.89 (first, stride 16) and 0.80 (neck). What both together give, beside
colours alone, which did better, stands in docs/guide/detectors.md.

Each map is averaged exactly over the area of the box, cell by cell, as in precise RoI pooling (Jiang et al.,
Acquisition of Localization Confidence, ECCV 2018), in bands one above the other, so that what is worn above is told
from what is worn below. Bands and maps are put in a row, each map with length 1, and the whole has length 1: the
product of two vectors is their cosine similarity. It costs no training and a fraction of a second network's time; it
tells objects on one camera apart over a short time, and is no substitute for re-identification.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

BANDS = 3
LOOKED_AT_BY = (1, 7)
"""Layers of YOLOv8, YOLO11 and YOLO26, plain convolutions all, that look at these maps: the first layer's output, at
stride 2, and the backbone's at stride 16."""


def pooled(maps: Sequence[FloatArray], boxes: FloatArray, *, canvas: tuple[int, int]) -> FloatArray:
    """Vectors float32 (n, d) of length 1 for ``boxes`` (n, 4), in pixels of a ``canvas`` of (height, width).

    ``maps``: float32 (channels, rows, columns) each, of one picture. d is BANDS times the sum of all channels.
    """
    levels = [_within(level, *weights(boxes, level.shape[1:], canvas)) for level in maps]
    return joined(levels)


def _within(level: FloatArray, across: FloatArray, down: FloatArray) -> FloatArray:
    """The averages (n, BANDS * channels). Only the cells under a box are looked at: most of a picture is background."""
    vectors = np.zeros((len(across), BANDS, len(level)), np.float32)
    for vector, columns, rows in zip(vectors, across, down, strict=True):
        (wide,), (high,) = np.nonzero(columns), np.nonzero(rows.any(axis=0))
        part = level[:, high[0] : high[-1] + 1, wide[0] : wide[-1] + 1]
        narrow = part @ columns[wide[0] : wide[-1] + 1]
        vector[:] = rows[:, high[0] : high[-1] + 1] @ narrow.T
    return vectors.reshape(len(vectors), BANDS * len(level))


def weights(boxes: FloatArray, cells: Sequence[int], canvas: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """How much each column and row of a map counts: float32 (n, columns) and (n, BANDS, rows), each summing to 1."""
    rows, columns = cells
    scale = np.array([columns / canvas[1], rows / canvas[0]] * 2, np.float64)
    left, top, right, bottom = (boxes.astype(np.float64) * scale).T
    edges = top[:, None] + (bottom - top)[:, None] * np.linspace(0, 1, BANDS + 1)
    across = _shares(left, right, columns)
    down = _shares(edges[:, :-1].reshape(-1), edges[:, 1:].reshape(-1), rows)
    return across, down.reshape(len(boxes), BANDS, rows)


def joined(levels: Sequence[FloatArray]) -> FloatArray:
    """The levels' vectors in a row, each level made length 1 first, and the whole then."""
    unit = [_unit(level) for level in levels]
    return _unit(np.concatenate(unit, axis=1)).astype(np.float32)


def _shares(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], cells: int) -> FloatArray:
    """What part of each span lies in each cell: (n, cells)."""
    low, high = np.clip(low, 0, cells - 1e-6), np.clip(high, 1e-6, cells)
    high = np.maximum(high, low + 1e-6)
    start = np.arange(cells)
    inside = np.minimum(high[:, None], start + 1) - np.maximum(low[:, None], start)
    np.maximum(inside, 0, out=inside)
    shares: FloatArray = (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    unit: FloatArray = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return unit
