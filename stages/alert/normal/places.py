"""Which kinds of objects are where: how many of each class came through each part of the picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.flow_field import Boxes, Floats
from stages.alert.normal.observed import Observed
from stages.alert.normal.poisson import upper_bound

ROWS, COLUMNS = 6, 8
"""Parts of the picture."""
PRIOR = 10.0
"""What is known of the whole picture weighs as much as so many objects in one part of it."""

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Places:
    """Normal objects, each counted once in every part of the picture where its feet were."""

    here: npt.NDArray[np.int64]
    """int64 (rows, columns, classes)."""
    anywhere: npt.NDArray[np.int64]
    """int64 (classes,): each object once."""

    def __post_init__(self) -> None:
        if self.here.shape != (ROWS, COLUMNS, len(self.anywhere)) or (self.here < 0).any() or (self.anywhere < 0).any():
            raise ValueError(f"places must be counts of shape ({ROWS}, {COLUMNS}, classes), got {self.here.shape}")

    @property
    def shares(self) -> Floats:
        """float64 (classes + 1,): share of each class, one added to each; the last is of classes never heard of."""
        counts = np.append(self.anywhere, 0) + 1.0
        return np.asarray(counts / counts.sum())

    def share(self, class_id: Ids, boxes: Boxes) -> Floats:
        """float64 (n,): share of each object's class among the normal objects where it stands.

        Where few were seen, what was seen in the whole picture counts (a Dirichlet prior).
        """
        here, classes = self._here(boxes), self._classes(class_id)
        known = self.shares[classes]
        return np.asarray((self._counts(here, classes) + PRIOR * known) / (here.sum(axis=1) + PRIOR))

    def counts(self, class_id: Ids, boxes: Boxes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """int64 (n,) each: how many objects of each object's class were seen where it stands, and how many in all."""
        here, classes = self._here(boxes), self._classes(class_id)
        return self._counts(here, classes), np.asarray(here.sum(axis=1))

    def _here(self, boxes: Boxes) -> npt.NDArray[np.int64]:
        row, column = cells(boxes)
        return np.asarray(self.here[row, column])

    def _classes(self, class_id: Ids) -> Ids:
        return np.minimum(class_id, len(self.anywhere)).astype(np.int32)

    @staticmethod
    def _counts(here: npt.NDArray[np.int64], classes: Ids) -> npt.NDArray[np.int64]:
        """Of each object's own class where it stands; none of a class never heard of."""
        known = classes < here.shape[1]
        return np.where(known, here[np.arange(len(classes)), np.where(known, classes, 0)], 0)

    @classmethod
    def fit(cls, clips: Iterable[Iterable[Observed]], *, classes: int, sources: Sequence[int] = ()) -> Self:
        """Count them. ``classes``: how many the detector knows, at least; ``sources``: as in ``Lessons``."""
        seen: set[tuple[int, int, int, int, int]] = set()
        for clip, frames in enumerate(clips):
            for frame in frames:
                rows, columns = cells(frame.box)
                told = (frame.subject.tolist(), frame.class_id.tolist(), rows.tolist(), columns.tolist())
                seen.update((sources[clip] if sources else clip, *each) for each in zip(*told, strict=True))
        classes = max([classes, *(kind + 1 for _, _, kind, _, _ in seen)])
        here, anywhere = np.zeros((ROWS, COLUMNS, classes), np.int64), np.zeros(classes, np.int64)
        for _, _, kind, row, column in seen:
            here[row, column, kind] += 1
        for _, _, kind in {each[:3] for each in seen}:
            anywhere[kind] += 1
        return cls(here, anywhere)


def most(count: int, total: int) -> float:
    """The true share is at most this with 95 % confidence, where ``count`` of ``total`` were seen; 1 of nothing.

    Garwood's bound (1936): never below the exact binomial one of Clopper and Pearson (1934), and as good as it for what
    is rare. 0 of 300 are less than 1 %, the rule of three.
    """
    return min(upper_bound(count) / total, 1.0) if total else 1.0


def cells(boxes: Boxes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Row and column of the part of the picture where each box has its feet."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]
    row = np.clip((y * ROWS).astype(np.intp), 0, ROWS - 1)
    return row, np.clip((x * COLUMNS).astype(np.intp), 0, COLUMNS - 1)
