"""How well tracks agree with the truth: CLEAR MOT, identity and HOTA measures, computed by TrackEval."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.evaluate.rows import Rows
from pipeline.errors import UsageError


@dataclass(frozen=True, slots=True)
class Scores:
    """Agreement of tracks with the truth. Shares are 0 to 1 (``mota`` may be negative), the rest are counts.

    ``mota``, ``motp``, ``fp``, ``fn``, ``id_switches``: Bernardin and Stiefelhagen 2008, at one IoU threshold.
    ``idf1``: Ristani et al. 2016, same threshold. ``hota``, ``deta``, ``assa``: Luiten et al. 2021, mean over IoU
    0.05 to 0.95, whatever the threshold.
    """

    mota: float
    idf1: float
    hota: float
    deta: float
    assa: float
    motp: float
    precision: float
    recall: float
    id_switches: int
    fp: int
    fn: int
    boxes: int
    """Boxes of the truth."""
    objects: int
    """Identities of the truth."""
    tracks: int
    """Identities of the result."""


def evaluate(result: Rows, truth: Rows, *, iou: float = 0.5) -> Scores:
    """Score ``result`` against ``truth``; a box may match where its IoU is at least ``iou`` (0 to 1, exclusive).

    Raises ``UsageError`` when the truth is empty: nothing could be said.
    """
    from trackeval.metrics import CLEAR, HOTA, Identity  # type: ignore[import-untyped]  # ships no stubs

    if not len(truth):
        raise UsageError("the ground truth has no boxes to compare with")
    if not 0 < iou < 1:
        raise UsageError(f"the IoU threshold must lie between 0 and 1, got {iou}")
    sequence = _sequence(result, truth)
    config = {"THRESHOLD": iou, "PRINT_CONFIG": False}
    clear = CLEAR(config).eval_sequence(sequence) if len(result) else {"CLR_FN": len(truth)}
    identity = Identity(config).eval_sequence(sequence)
    hota = HOTA().eval_sequence(sequence)
    return Scores(
        mota=float(clear.get("MOTA", 0)),
        idf1=float(identity["IDF1"]),
        hota=float(np.mean(hota["HOTA"])),
        deta=float(np.mean(hota["DetA"])),
        assa=float(np.mean(hota["AssA"])),
        motp=float(clear.get("MOTP", 0)),
        precision=float(clear.get("CLR_Pr", 0)),
        recall=float(clear.get("CLR_Re", 0)),
        id_switches=int(clear.get("IDSW", 0)),
        fp=int(clear.get("CLR_FP", 0)),
        fn=int(clear["CLR_FN"]),
        boxes=len(truth),
        objects=sequence["num_gt_ids"],
        tracks=sequence["num_tracker_ids"],
    )


def _sequence(result: Rows, truth: Rows) -> dict[str, Any]:
    """What TrackEval's metrics read: for each frame dense identities from 0 and the IoU of all pairs."""
    frames = range(1, int(max(truth.frame.max(), result.frame.max(initial=0))) + 1)
    truth_names, truth_ids = np.unique(truth.track_id, return_inverse=True)
    result_names, result_ids = np.unique(result.track_id, return_inverse=True)
    truth_at = [np.flatnonzero(truth.frame == frame) for frame in frames]
    result_at = [np.flatnonzero(result.frame == frame) for frame in frames]
    return {
        "num_timesteps": len(frames),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(result),
        "num_gt_ids": len(truth_names),
        "num_tracker_ids": len(result_names),
        "gt_ids": [truth_ids[rows] for rows in truth_at],
        "tracker_ids": [result_ids[rows] for rows in result_at],
        "similarity_scores": [
            overlaps(truth.xyxy[mine], result.xyxy[theirs]) for mine, theirs in zip(truth_at, result_at, strict=True)
        ],
    }


def overlaps(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Intersection over union of all pairs: (n, 4) and (m, 4) give (n, m)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    shares: npt.NDArray[np.float64] = overlap / np.maximum(area_a[:, None] + area_b[None, :] - overlap, 1e-12)
    return shares
