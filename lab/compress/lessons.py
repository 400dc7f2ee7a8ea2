"""The pictures that a smaller network learns from, in the words of the network that teaches it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lab.compress.proof_pictures import ProofPictures
from lab.dataset.labelled import Dataset, LabelledImage
from lab.evaluate.truth import Truth
from lab.evaluate.vocabulary import match_names
from pipeline.errors import UsageError

VAL_EVERY = 8
"""Without a split of its own, every eighth picture chooses the best epoch."""
SURE = 0.4
"""Confidence from which the teacher's boxes stand for labels, in pictures that choose the best epoch."""


def lessons_of(
    teacher: Path,
    names: Sequence[str],
    data: Sequence[Dataset],
    mapping: dict[str, tuple[str, ...]],
    *,
    left_out: Truth,
    imgsz: int = 640,
) -> Dataset:
    """All pictures of ``data`` but those of ``left_out``, with boxes under the numbers of ``names``: train and val.

    A class of the data that several of the teacher's mean, and one that it does not know, gives no boxes: there the
    teacher alone is heard, as it is in pictures that nobody labelled. If no picture of a val split has a box, every
    eighth training picture becomes val, where nothing is labelled with the teacher's boxes. Raises ``UsageError``.
    """
    proved_on = ProofPictures(image.path for image in left_out.images)
    train: list[LabelledImage] = []
    val: list[LabelledImage] = []
    for each in data:
        for split, image in _turned(each, names, mapping):
            if image.path not in proved_on:
                (val if split == "val" else train).append(image)
    if not any(len(image) for image in val):
        train += val
        labelled = [image for image in train if len(image)] or train
        val = labelled[::VAL_EVERY]
        chosen = {image.path for image in val}
        train = [image for image in train if image.path not in chosen]
        if not any(len(image) for image in val):
            val = list(_labelled_by(teacher, val, imgsz))
    if not train or not any(len(image) for image in val):
        raise UsageError("no pictures with objects are left to learn from beside those that the model is proved on")
    return Dataset(tuple(names), {"train": tuple(train), "val": tuple(val)})


def _turned(
    data: Dataset, names: Sequence[str], mapping: dict[str, tuple[str, ...]]
) -> Iterator[tuple[str, LabelledImage]]:
    """Split and picture, boxes under the teacher's numbers."""
    table = np.full(max(len(data.names), 1), -1, np.int32)
    if data.names:
        known = {name: wanted for name, wanted in mapping.items() if name in data.names}
        vocabulary = match_names(names, data.names, mapping=known)
        for theirs, measured in enumerate(vocabulary.of_truth):
            ours = np.flatnonzero(vocabulary.of_model == measured)
            if measured >= 0 and len(ours) == 1:
                table[theirs] = ours[0]
    for split, images in data.splits.items():
        for image in images:
            class_id = table[image.class_id]
            keep = class_id >= 0
            yield split, replace(image, xyxy=image.xyxy[keep], class_id=class_id[keep])


def _labelled_by(teacher: Path, images: Sequence[LabelledImage], imgsz: int) -> Iterator[LabelledImage]:
    from lab.detector import open_detector, read_picture, view

    detector = open_detector(teacher, confidence=SURE, imgsz=imgsz)
    for image in images:
        (found,) = detector.process([view(read_picture(image.path))])
        yield replace(image, xyxy=found.xyxy, class_id=found.class_id)
