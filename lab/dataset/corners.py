"""Boxes as other tools wrote them: refused where they are none, cut to their pictures where they reach out of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.dataset.labelled import Dataset, LabelledImage
from pipeline.detections import FloatArray
from pipeline.errors import UsageError

SLACK_PX = 1.0
"""How far a box may reach out of its picture by rounding."""


def corners(boxes: Sequence[Sequence[float]] | FloatArray, where: str) -> FloatArray:
    """Float32 (n, 4), left top right bottom. Raises ``UsageError`` with ``where`` for what cannot be a box."""
    with np.errstate(over="ignore"):
        xyxy = np.array(boxes, np.float64).reshape(-1, 4).astype(np.float32)
    for i, (left, top, right, bottom) in enumerate(xyxy.tolist()):
        if not np.isfinite([left, top, right, bottom]).all():
            raise UsageError(f"{where}: box {i} is not finite: {left:g},{top:g} to {right:g},{bottom:g}")
        if right < left or bottom < top:
            raise UsageError(f"{where}: box {i} ends before it begins: {left:g},{top:g} to {right:g},{bottom:g}")
    return xyxy


@dataclass(frozen=True, slots=True)
class Cut:
    """A data set with every box within its picture; how many were ``cut``, how many ``dropped`` as nothing was left."""

    dataset: Dataset
    cut: int
    dropped: int


def cut(dataset: Dataset) -> Cut:
    """The data set with boxes cut to their pictures."""
    counts = np.zeros(2, np.intp)
    splits = {split: tuple(_cut(image, counts) for image in images) for split, images in dataset.splits.items()}
    return Cut(Dataset(dataset.names, splits), int(counts[0]), int(counts[1]))


def _cut(image: LabelledImage, counts: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> LabelledImage:
    height, width = image.size
    xyxy = np.clip(image.xyxy, 0, np.array([width, height, width, height], np.float32))
    kept = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    counts += (int((np.abs(xyxy - image.xyxy).max(axis=1, initial=0) > SLACK_PX)[kept].sum()), int((~kept).sum()))
    return replace(image, xyxy=xyxy[kept], class_id=image.class_id[kept])
