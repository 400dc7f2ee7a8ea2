"""What a network in training is judged by: the labels, and what it knew before.

Fine-tuning on a few hundred pictures of one kind makes a detector forget all others. Two things prevent it here.
The unmodified network sees the same picture, and its scores and boxes are targets wherever no label speaks (Li and
Hoiem, Learning without Forgetting, TPAMI 2017; for detectors Shmelkov et al., ICCV 2017). And where it is sure of
something that nobody labelled, that is not counted as background: labels of real footage are never complete.
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lab.train.detect.settings import Distillation

Raw = dict[str, Any]
"""What a head gives in training: ``boxes`` (b, 4 * reg_max, a), ``scores`` (b, classes, a) as logits, ``feats``."""

ONE_TO_MANY, ONE_TO_ONE = 0.6, 0.4
"""Weights of the two heads of a network that has both."""
SURE = 0.25
"""Teacher's confidence from which its boxes are targets."""


class _Judged:
    """Binary cross entropy that leaves out what counts neither way."""

    def __init__(self) -> None:
        self.left_out: Tensor | None = None

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        if self.left_out is not None:
            loss = loss.masked_fill(self.left_out & (target == 0), 0.0)
        return loss


class Teaching:
    """The loss of a network, with the network it started from as its teacher.

    ``known``: which of the classes the teacher knows. Without a teacher's outputs: labels alone.
    """

    def __init__(self, network: Any, options: Distillation, *, known: Sequence[bool], classes: Sequence[str]) -> None:
        from ultralytics.utils.loss import v8DetectionLoss

        self._options = options
        device = next(network.parameters()).device
        self._known = torch.tensor(known, device=device)
        self._speaks = _groups(classes, options.groups).to(device)
        self._complete = [
            (each.pictures, torch.tensor([name in each.classes for name in classes], device=device))
            for each in options.complete
        ]
        two = getattr(network.model[-1], "one2one_cv2", None) is not None
        self._heads: dict[str, tuple[Any, float]] = (
            {
                "one2many": (v8DetectionLoss(network, tal_topk=10), ONE_TO_MANY),
                "one2one": (v8DetectionLoss(network, tal_topk=7, tal_topk2=1), ONE_TO_ONE),
            }
            if two
            else {"": (v8DetectionLoss(network), 1.0)}
        )
        for judge, _ in self._heads.values():
            judge.bce = _Judged()

    def __call__(self, predictions: Any, before: Any, batch: dict[str, Any]) -> dict[str, Tensor]:
        """``predictions`` of the network and ``before`` of its teacher (or None), as heads give them in training.

        Returns the parts of the loss, each a mean over the batch: ``box``, ``class``, ``shape`` from the labels, and
        ``kept scores``, ``kept boxes`` from the teacher; their sum is to be minimised."""
        parts: dict[str, Tensor] = {}
        for name, (judge, weight) in self._heads.items():
            raw: Raw = predictions[name] if name else predictions
            spoken = self._spoken(judge, raw, batch)
            if before is not None:
                target: Raw = before[name] if name else before
                kept = self._kept(judge, raw, target, spoken)
                for part, value in kept.items():
                    parts[part] = parts.get(part, value.new_zeros(())) + weight * value
                sure = target["scores"].sigmoid().permute(0, 2, 1) > self._options.ignore_above
                judge.bce.left_out = sure & self._known & ~spoken
            _, loss, _ = judge.get_assigned_targets_and_loss(raw, batch)
            for part, value in zip(("box", "class", "shape"), loss, strict=True):
                parts[part] = parts.get(part, value.new_zeros(())) + weight * value
        return parts

    def _spoken(self, judge: Any, raw: Raw, batch: dict[str, Any]) -> Tensor:
        """Where labels speak: bool (b, a, classes), true within a labelled box for what its class speaks for, and
        everywhere for classes that are labelled completely."""
        points, strides = _anchors(raw, judge)
        pixels = points * strides
        pictures = raw["scores"].shape[0]
        height, width = (side * float(judge.stride[0]) for side in raw["feats"][0].shape[2:])
        spoken = torch.zeros((pictures, len(pixels), len(self._known)), dtype=torch.bool, device=raw["scores"].device)
        centre, half = batch["bboxes"][:, :2], batch["bboxes"][:, 2:] / 2
        scale = torch.tensor([width, height], device=centre.device, dtype=centre.dtype)
        low, high = (centre - half) * scale, (centre + half) * scale
        for number in range(pictures):
            for pattern, classes in self._complete:
                if fnmatch(Path(batch["im_file"][number]).name, pattern):
                    spoken[number] |= classes
            mine = batch["batch_idx"] == number
            if not mine.any():
                continue
            inside = ((pixels[:, None] >= low[mine]) & (pixels[:, None] <= high[mine])).all(dim=2)
            says = self._speaks[batch["cls"][mine].view(-1).long()]
            spoken[number] |= (inside.float() @ says) > 0
        return spoken

    def _kept(self, judge: Any, raw: Raw, target: Raw, spoken: Tensor) -> dict[str, Tensor]:
        from ultralytics.utils.metrics import bbox_iou

        logits = raw["scores"].permute(0, 2, 1).float()
        sure = target["scores"].permute(0, 2, 1).float().sigmoid()
        counts = (self._known & ~spoken).float()
        gap = functional.binary_cross_entropy_with_logits(logits, sure, reduction="none")
        gap = gap - functional.binary_cross_entropy(sure, sure, reduction="none")
        weight = (sure * counts).sum().clamp(min=1.0)
        scores = (gap * counts).sum() / weight
        best = (sure * counts).amax(dim=2)
        chosen = best > SURE
        boxes = logits.new_zeros(())
        if chosen.any():
            points, _ = _anchors(raw, judge)
            mine, theirs = (
                judge.bbox_decode(points, each["boxes"].permute(0, 2, 1).float())[chosen] for each in (raw, target)
            )
            overlap = bbox_iou(mine, theirs, xywh=False, CIoU=True).view(-1)
            boxes = ((1 - overlap) * best[chosen]).sum() / best[chosen].sum()
        return {"kept scores": self._options.weight * scores, "kept boxes": self._options.box_weight * boxes}


def _anchors(raw: Raw, judge: Any) -> tuple[Tensor, Tensor]:
    """Centres of the cells float (a, 2), in cells, and the pixels in one cell (a, 1)."""
    from ultralytics.utils import tal

    make: Any = tal.make_anchors  # untyped there
    points, strides = make(raw["feats"], judge.stride, 0.5)
    return points, strides


def _groups(classes: Sequence[str], groups: Sequence[Sequence[str]]) -> Tensor:
    """For the class of a label (row), which classes it speaks for: float32 (classes, classes)."""
    table = torch.eye(len(classes))
    for group in groups:
        numbers = [classes.index(name) for name in group if name in classes]
        for first in numbers:
            table[first, numbers] = 1.0
    return table
