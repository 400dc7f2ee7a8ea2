"""Another vocabulary for a data set: classes renamed, merged, dropped, put into a wanted order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lab.dataset.labelled import Dataset, LabelledImage
from pipeline.configuration.suggestions import did_you_mean
from pipeline.errors import UsageError


def remapped(dataset: Dataset, renamed: Mapping[str, str], wanted: Sequence[str] = ()) -> Dataset:
    """The data set with classes called as ``renamed`` says (``""`` drops the boxes, not the pictures).

    Without ``wanted`` classes keep their order, and those that became one share a number; with it, these are the
    names. Raises ``UsageError`` for a name that the data set or ``wanted`` does not know.
    """
    for name in renamed:
        if name not in dataset.names:
            hint = did_you_mean(name, dataset.names) or f"; it has {', '.join(dataset.names[:20])}"
            raise UsageError(f"--map {name}: the data set has no such class{hint}")
    called = [renamed.get(name, name) for name in dataset.names]
    names = tuple(wanted) or tuple(dict.fromkeys(name for name in called if name))
    for theirs, ours in zip(dataset.names, called, strict=True):
        if ours and ours not in names:
            hint = did_you_mean(ours, names)
            raise UsageError(f"class {ours!r} is not among --classes{hint}; drop it with --map {theirs}=, or rename it")
    numbers = np.array([names.index(name) if name else -1 for name in called] or [-1], np.int32)
    splits = {split: tuple(_with(image, numbers) for image in images) for split, images in dataset.splits.items()}
    return Dataset(names, splits)


def _with(image: LabelledImage, numbers: np.ndarray[tuple[int], np.dtype[np.int32]]) -> LabelledImage:
    class_id = numbers[image.class_id]
    keep = class_id >= 0
    return replace(image, xyxy=image.xyxy[keep], class_id=class_id[keep])
