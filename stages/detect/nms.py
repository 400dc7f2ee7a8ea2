"""Greedy non-maximum suppression within each class (Neubeck and Van Gool, ICPR 2006), vectorised.

In numpy, so that a worker that runs OpenVINO never loads torch for it.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
MOST_CANDIDATES = 3000
"""Boxes of a picture that enter suppression, the surest first; a real crowd has a few hundred above 0.05."""
BLOCK = 192
"""Boxes compared with one another at a time: a matrix of 192 x 192 stays in the cache."""


def overlaps(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union of boxes (n, 4) with boxes (m, 4), both xyxy: float32 (n, m). 0 where both are empty."""
    common, height = _shared(a, b, 0), _shared(a, b, 1)
    common *= height
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    union = np.add.outer(area_a, area_b)
    union -= common
    np.maximum(union, np.finfo(np.float32).tiny, out=union)
    common /= union
    return common


def _shared(a: FloatArray, b: FloatArray, axis: int) -> FloatArray:
    """What each has in common with each along one axis, at least 0. One axis at a time: rows then lie in a line."""
    span: FloatArray = np.minimum.outer(a[:, 2 + axis], b[:, 2 + axis])
    span -= np.maximum.outer(a[:, axis], b[:, axis])
    return np.maximum(span, np.float32(0), out=span)


def suppress(xyxy: FloatArray, class_id: npt.NDArray[np.int32], *, iou: float, limit: int) -> npt.NDArray[np.intp]:
    """Indexes of the boxes that stay, at most ``limit``, of boxes that come surest first.

    A box goes when it overlaps a box of its class that stays by more than ``iou``.
    """
    kept = np.zeros(0, np.intp)
    for start in range(0, len(xyxy), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(xyxy)))
        rivals: npt.NDArray[np.bool_] = np.logical_or.reduce(_rivals(xyxy, class_id, kept, block, iou), axis=0)
        inner = _rivals(xyxy, class_id, block, block, iou)
        for i in range(len(block)):
            if not rivals[i]:
                rivals[i + 1 :] |= inner[i, i + 1 :]
        kept = np.concatenate([kept, block[~rivals]])
        if len(kept) >= limit:
            break
    return kept[:limit]


def _rivals(
    xyxy: FloatArray,
    class_id: npt.NDArray[np.int32],
    stay: npt.NDArray[np.intp],
    block: npt.NDArray[np.intp],
    iou: float,
) -> npt.NDArray[np.bool_]:
    rivals: npt.NDArray[np.bool_] = overlaps(xyxy[stay], xyxy[block]) > iou
    rivals &= np.equal.outer(class_id[stay], class_id[block])
    return rivals
