"""Labels that teachers agree on: what several detectors, asked at several sizes and of mirror images, see alike.

Self-training with test-time augmentation as in data distillation (Radosavovic et al., CVPR 2018); that two teachers
must agree keeps the mistakes that each makes alone out of the labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lab.dataset.fusion import Fused
from lab.evaluate.tally import overlaps
from pipeline.detections import BoolArray, FloatArray, IntArray
from pipeline.stage import Picture

SIZES = (320, 480, 640, 960, 1280)
"""Longer sides in pixels at which teachers look."""
ENLARGE = 1.5
"""A picture is enlarged to no more than this many times its size: on 128 COCO pictures of 640 pixels, looking at 1280
too brought the recall at precision 0.85 from 0.54 down to 0.46, while 960 brought it up to 0.56. Small sizes matter as
much: on blurred camera frames that were enlarged to 640 pixels, people's recall is 0.17 at 640 alone and 0.71 with 320
and 480 (precision 0.9)."""
AGREE = 0.6
"""Overlap (IoU) from which two teachers' boxes are one object."""
SAME_OBJECT = 0.8
"""Boxes of two classes that overlap this much are one thing called by two names."""


class Observer(Protocol):
    """Who can look at a picture; ``Teacher`` is one."""

    knows: frozenset[int]
    """Numbers of the classes it can see."""

    def look(self, picture: Picture, *, sizes: Sequence[int], flip: bool) -> Fused:
        """The objects it sees; votes of the picture at each size, then of its mirror image at each."""
        ...


class Origin(StrEnum):
    """Who says that there is an object."""

    HUMAN = "human"
    AGREED = "agreed"
    """Two teachers, with one class."""
    DISPUTED = "disputed"
    """Two teachers see an object and call it by different names; the surer one's stands."""
    SINGLE = "single"
    """One teacher."""


@dataclass(frozen=True, slots=True)
class PseudoLabels:
    """What the teachers make of one picture, surest first.

    ``xyxy``: float32 (n, 4), pixels. ``class_id``: int32 (n,). ``confidence``: float32 (n,), mean of those teachers
    who see it. ``origin``: one of ``Origin`` for each. ``kept``: bool (n,), good enough to be learned from; the others
    are for a human to judge.
    """

    xyxy: FloatArray
    class_id: IntArray
    confidence: FloatArray
    origin: tuple[Origin, ...]
    kept: BoolArray

    def __len__(self) -> int:
        return len(self.class_id)

    def select(self, keep: npt.NDArray[np.intp] | BoolArray) -> "PseudoLabels":
        """The boxes that an index array or a boolean mask picks."""
        places = np.arange(len(self))[keep]
        origin = tuple(self.origin[i] for i in places)
        return PseudoLabels(self.xyxy[keep], self.class_id[keep], self.confidence[keep], origin, self.kept[keep])


def fused_labels(
    picture: Picture,
    teachers: Sequence[Observer],
    *,
    sizes: Sequence[int] = SIZES,
    flip: bool = True,
    agree: float = AGREE,
    keep: float = 0.35,
    sure: float = 0.8,
    review: float = 0.15,
) -> PseudoLabels:
    """Boxes for a picture (uint8 (height, width, 3), BGR) that the teachers stand for.

    Boxes on which two teachers agree (IoU of ``agree`` or more) are kept from a mean confidence of ``keep``; those
    that one teacher alone sees, from ``sure``. ``sizes`` that would enlarge the picture more than ``ENLARGE`` times
    are left out, but for the smallest. What lies below but above ``review`` is there with ``kept`` False. Of a
    class that one teacher alone knows, and with one teacher only, ``keep`` is enough.
    """
    longest = max(picture.shape[:2]) * ENLARGE
    sizes = [size for size in sorted(sizes) if size <= longest] or [min(sizes)]
    seen = [_confident(teacher.look(picture, sizes=sizes, flip=flip), len(sizes)) for teacher in teachers]
    merged = _merge(seen, agree)
    witnesses = np.array([sum(i in teacher.knows for teacher in teachers) for i in merged.class_id], np.int32)
    alone = np.array([origin is Origin.SINGLE for origin in merged.origin], np.bool_) & (witnesses > 1)
    kept = merged.confidence >= np.where(alone, sure, keep)
    found = PseudoLabels(merged.xyxy, merged.class_id, merged.confidence, merged.origin, kept)
    return _one_name_each(found.select(kept | (merged.confidence >= review)))


@dataclass(frozen=True, slots=True)
class _Opinion:
    xyxy: FloatArray
    class_id: IntArray
    confidence: FloatArray


def _confident(fused: Fused, sizes: int) -> _Opinion:
    """Confidence of a teacher: mean over mirror images, at the size at which it is surest."""
    votes = fused.votes.reshape(len(fused), fused.votes.shape[1] // sizes, sizes).mean(axis=1)
    return _Opinion(fused.xyxy, fused.class_id, votes.max(axis=1, initial=0).astype(np.float32))


def _merge(seen: Sequence[_Opinion], agree: float) -> PseudoLabels:
    """Groups of at most one box a teacher, greedily from the surest box on: same class first, then any class."""
    xyxy = np.concatenate([opinion.xyxy for opinion in seen])
    class_id = np.concatenate([opinion.class_id for opinion in seen])
    confidence = np.concatenate([opinion.confidence for opinion in seen])
    teacher = np.repeat(np.arange(len(seen)), [len(opinion.class_id) for opinion in seen])
    shares = overlaps(xyxy, xyxy)
    order = np.argsort(-confidence, kind="stable")
    free = np.ones(len(order), np.bool_)
    groups: list[tuple[list[int], Origin]] = []
    for origin in (Origin.AGREED, Origin.DISPUTED):
        for i in order:
            if not free[i]:
                continue
            fits = free & (shares[i] >= agree) & (teacher != teacher[i])
            if origin is Origin.AGREED:
                fits &= class_id == class_id[i]
            group = [int(i)]
            for other in range(len(seen)):
                theirs = np.flatnonzero(fits & (teacher == other))
                if len(theirs):
                    group.append(int(theirs[shares[i, theirs].argmax()]))
            if len(group) > 1:
                free[group] = False
                groups.append((group, origin))
    groups += [([int(i)], Origin.SINGLE) for i in order if free[i]]
    return _averaged(groups, xyxy, class_id, confidence)


def _averaged(
    groups: Sequence[tuple[list[int], Origin]], xyxy: FloatArray, class_id: IntArray, confidence: FloatArray
) -> PseudoLabels:
    means = [float(confidence[group].mean()) for group, _ in groups]
    boxes = [np.average(xyxy[group], axis=0, weights=np.maximum(confidence[group], 1e-6)) for group, _ in groups]
    return PseudoLabels(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([class_id[group[0]] for group, _ in groups], np.int32),  # the surest comes first
        np.array(means, np.float32),
        tuple(origin for _, origin in groups),
        np.ones(len(groups), np.bool_),
    )


def _one_name_each(found: PseudoLabels) -> PseudoLabels:
    """Without the weaker of two boxes that lie on one thing under two names; surest first."""
    order = np.lexsort((-found.confidence, ~found.kept))
    found = found.select(order)
    shares = overlaps(found.xyxy, found.xyxy)
    stays = np.ones(len(found), np.bool_)
    for i in range(len(found)):
        if stays[i]:
            stays[i + 1 :] &= shares[i, i + 1 :] < SAME_OBJECT
    return found.select(stays)
