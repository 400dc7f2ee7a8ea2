"""Many boxes of one object made into one: weighted boxes fusion (Solovyev, Wang and Gabruseva, Image and Vision
Computing 107, 2021)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.evaluate.tally import overlaps
from pipeline.detections import BoolArray, Detections, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Fused:
    """Clusters of boxes that mean one object, surest first.

    ``xyxy``: float32 (n, 4), mean of a cluster's boxes, weighted by their confidence. ``class_id``: int32 (n,).
    ``votes``: float32 (n, views), the best confidence that each view gave the object, 0 where it saw nothing.
    """

    xyxy: FloatArray
    class_id: IntArray
    votes: FloatArray

    def __len__(self) -> int:
        return len(self.class_id)

    def select(self, keep: npt.NDArray[np.intp] | BoolArray) -> "Fused":
        """The clusters that an index array or a boolean mask picks."""
        return Fused(self.xyxy[keep], self.class_id[keep], self.votes[keep])


def fuse(views: list[Detections], *, iou: float = 0.55) -> Fused:
    """The objects behind the boxes of several views of one picture, all in pixels of that picture.

    A box joins the cluster of its class whose running mean it overlaps most, by ``iou`` or more; else it founds one.
    """
    xyxy = np.concatenate([view.xyxy for view in views]).astype(np.float64)
    confidence = np.concatenate([view.confidence for view in views]).astype(np.float64)
    class_id = np.concatenate([view.class_id for view in views])
    origin = np.repeat(np.arange(len(views)), [len(view) for view in views])
    clusters: dict[int, list[_Cluster]] = {}
    for i in np.argsort(-confidence, kind="stable"):
        mine = clusters.setdefault(int(class_id[i]), [])
        shares = _shares(xyxy[i], mine)
        if len(shares) and shares.max() >= iou:
            cluster = mine[int(shares.argmax())]
        else:
            mine.append(cluster := _Cluster(np.zeros(len(views))))
        cluster.add(xyxy[i], float(confidence[i]), int(origin[i]))
    found = [(number, cluster) for number, mine in clusters.items() for cluster in mine]
    found.sort(key=lambda entry: -float(entry[1].votes.mean()))
    return Fused(
        np.array([cluster.mean for _, cluster in found], np.float32).reshape(-1, 4),
        np.array([number for number, _ in found], np.int32),
        np.array([cluster.votes for _, cluster in found], np.float32).reshape(-1, len(views)),
    )


def _shares(box: npt.NDArray[np.float64], clusters: list["_Cluster"]) -> npt.NDArray[np.float64]:
    if not clusters:
        return np.zeros(0)
    means = np.stack([cluster.mean for cluster in clusters]).astype(np.float32)
    shares: npt.NDArray[np.float64] = overlaps(box[None].astype(np.float32), means)[0]
    return shares


class _Cluster:
    def __init__(self, votes: npt.NDArray[np.float64]) -> None:
        self.votes = votes
        self.mean: npt.NDArray[np.float64] = np.zeros(4)
        self._weight = 0.0

    def add(self, box: npt.NDArray[np.float64], confidence: float, view: int) -> None:
        self.mean = (self.mean * self._weight + box * confidence) / (self._weight + confidence)
        self._weight += confidence
        self.votes[view] = max(self.votes[view], confidence)
