"""Picking boxes where they were computed, in steps of fixed size: few bytes return, and a CUDA graph can hold it.

Greedy suppression is a chain: a box goes if a surer one that stays overlaps it. Asked of all boxes at once, again and
again, the answer is final for every box whose chain is shorter than the number of rounds, and once a round changes
nothing it is the greedy one. Where the last round still changed something the host does that picture (``settle``).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.detect.nms import MOST_CANDIDATES, suppress

CANDIDATES = 512
"""Boxes of a picture that enter suppression, the surest first. Of a crowded street at 1080p at most 227 were over 0.1,
of vtest.avi 116 (YOLO11n)."""
LOW = 0.05
"""Below this confidence, which measuring wants, more of them enter: over 0.001 there were 912."""
ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """Turns candidates (``stages.detect.postprocess``) into rows. ``allowed``: bool (classes,) tensor, or None."""

    confidence: float
    iou: float
    most: int
    """Boxes of a picture that may be wanted at most."""
    allowed: Any = None

    def rows(self, torch: Any, candidates: Any) -> tuple[Any, Any]:
        """Of float32 (batch, 4 + classes, anchors): float32 (batch, k, 6) and bool (batch,).

        Rows are left, top, right, bottom, score, class, surest first. The score of a box that goes is negative. The
        second says for which pictures that is not final.
        """
        scores, class_id = candidates[:, 4:].max(1)
        if self.allowed is not None:
            scores = torch.where(self.allowed[class_id], scores, torch.zeros_like(scores))
        entering = max(CANDIDATES if self.confidence >= LOW else MOST_CANDIDATES, self.most)
        index = _surest(torch, scores, min(entering, scores.shape[1]))
        scores, class_id = scores.gather(1, index), class_id.gather(1, index)
        boxes = candidates[:, :4].gather(2, index[:, None].expand(-1, 4, -1)).transpose(1, 2)
        centre, half = boxes[..., :2], boxes[..., 2:] / 2
        xyxy = torch.cat((centre - half, centre + half), 2)
        stays, settled = self._suppress(torch, xyxy, class_id, scores > self.confidence)
        signed = torch.where(stays, scores, -scores)
        return torch.cat((xyxy, signed[..., None], class_id[..., None].float()), 2), ~settled

    def _suppress(self, torch: Any, xyxy: Any, class_id: Any, valid: Any) -> tuple[Any, Any]:
        beats = _overlaps(torch, xyxy) > self.iou
        beats &= class_id[:, :, None] == class_id[:, None, :]
        beats &= torch.ones_like(beats[0]).triu(1)
        # A product of matrices asks all boxes at once; half is exact here, since sums of ones are compared with zero.
        weight = beats.to(torch.float16 if xyxy.is_cuda else torch.float32)
        stays = before = valid
        for _ in range(ROUNDS):
            before = stays
            stays = valid & (torch.bmm(before[:, None].to(weight.dtype), weight)[:, 0] == 0)
        return stays, (stays == before).all(1)

    def settle(self, rows: npt.NDArray[np.float32]) -> None:
        """Suppress in one picture's rows (k, 6) anew, in place, without a limit of rounds."""
        scores = np.abs(rows[:, 4])
        valid = np.flatnonzero(scores > self.confidence)
        class_id = rows[valid, 5].astype(np.int32)
        kept = suppress(np.ascontiguousarray(rows[valid, :4]), class_id, iou=self.iou, limit=len(valid))
        rows[:, 4] = -scores
        rows[valid[kept], 4] = scores[valid[kept]]


def _surest(torch: Any, scores: Any, count: int) -> Any:
    """Indexes (batch, count) of the highest scores, highest first, of equal ones the first."""
    index = scores.topk(count, dim=1).indices.sort(dim=1).values
    order = scores.gather(1, index).sort(dim=1, descending=True, stable=True).indices
    return index.gather(1, order)


def _overlaps(torch: Any, xyxy: Any) -> Any:
    """Intersection over union within each picture: (batch, k, k). The same sums as ``stages.detect.nms.overlaps``."""
    first, last = xyxy[..., :2], xyxy[..., 2:]
    low, high = torch.maximum(first[:, :, None], first[:, None]), torch.minimum(last[:, :, None], last[:, None])
    sides = (high - low).clamp_(min=0)
    common = sides[..., 0] * sides[..., 1]
    area = (last[..., 0] - first[..., 0]) * (last[..., 1] - first[..., 1])
    union = area[:, :, None] + area[:, None] - common
    return common / union.clamp_(min=torch.finfo(torch.float32).tiny)
