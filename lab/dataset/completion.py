"""Labels drawn by people and labels from teachers made into one set: people win, teachers fill in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lab.dataset.labelled import LabelledImage
from lab.dataset.pseudo import SAME_OBJECT, Origin, PseudoLabels
from lab.evaluate.tally import overlaps
from pipeline.detections import BoolArray, FloatArray, IntArray

TYPE_IOU = 0.5
"""Overlap from which a teacher's box says what kind of thing a person's box holds."""
TAKEN_IOU = 0.5
"""A teacher's box that overlaps a person's of its class this much is the same object."""
COVERED = 0.75
"""A teacher's box of which this share lies within a person's of its class is part of that object, or reaches into a
group drawn as one."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How labels of people are read.

    ``number``: for each class of the people, the class that it becomes, or -1 to drop it. ``types``: for a class of
    the people that stands for several (Vehicle), those it may turn out to be; the first where no teacher tells.
    ``fill``: classes in which teachers may add objects that people left out.
    """

    number: tuple[int, ...]
    types: Mapping[int, tuple[int, ...]]
    fill: frozenset[int]


@dataclass(frozen=True, slots=True)
class Completed:
    """The labels of one picture. ``kept`` False: only for review. Arrays as in ``PseudoLabels``."""

    xyxy: FloatArray
    class_id: IntArray
    confidence: FloatArray
    origin: tuple[Origin, ...]
    kept: BoolArray

    def __len__(self) -> int:
        return len(self.class_id)


def complete(image: LabelledImage, found: PseudoLabels, policy: Policy) -> Completed:
    """People's boxes, all of them, and those of the teachers' that are new and in a class to be filled.

    What teachers are sure of in a class that is not to be filled is for review: somebody may have forgotten it.
    """
    numbers = np.array(policy.number, np.int32)[image.class_id] if len(image) else image.class_id
    ours, human = image.xyxy[numbers >= 0], numbers[numbers >= 0].copy()
    for i, theirs in enumerate(image.class_id[numbers >= 0]):
        if int(theirs) in policy.types:
            human[i] = _type(ours[i], found, policy.types[int(theirs)])
    new = ~_taken(found, ours, human, policy)
    added = found.select(new)
    fills = np.isin(added.class_id, np.array(sorted(policy.fill), np.int32))
    return Completed(
        np.concatenate([ours, added.xyxy]),
        np.concatenate([human, added.class_id]),
        np.concatenate([np.ones(len(ours), np.float32), added.confidence]),
        (Origin.HUMAN,) * len(ours) + added.origin,
        np.concatenate([np.ones(len(ours), np.bool_), added.kept & fills]),
    )


def _type(box: FloatArray, found: PseudoLabels, types: Sequence[int]) -> int:
    shares = overlaps(box[None], found.xyxy)[0]
    weight = np.where((shares >= TYPE_IOU) & np.isin(found.class_id, types), found.confidence * shares, 0)
    return int(found.class_id[weight.argmax()]) if weight.max(initial=0) > 0 else types[0]


def _taken(found: PseudoLabels, xyxy: FloatArray, class_id: IntArray, policy: Policy) -> BoolArray:
    """Which of the teachers' boxes are objects that people have drawn."""
    if not len(xyxy) or not len(found):
        return np.zeros(len(found), np.bool_)
    kin = found.class_id[:, None] == class_id[None, :]
    for types in policy.types.values():
        kin |= np.isin(found.class_id, types)[:, None] & np.isin(class_id, types)[None, :]
    shares = overlaps(found.xyxy, xyxy)
    same = kin & ((shares >= TAKEN_IOU) | (_inside(found.xyxy, xyxy) >= COVERED))
    taken: BoolArray = (same | (shares >= SAME_OBJECT)).any(axis=1)
    return taken


def _inside(a: FloatArray, b: FloatArray) -> FloatArray:
    """Share of each box of ``a`` (n, 4) that lies within each of ``b`` (m, 4): (n, m)."""
    sides = np.clip(np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2]), 0, None)
    area = np.clip(a[:, 2:] - a[:, :2], 0, None).prod(axis=1)
    inside: FloatArray = sides.prod(axis=2) / np.maximum(area[:, None], 1e-9)
    return inside
