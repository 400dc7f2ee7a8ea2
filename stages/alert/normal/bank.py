"""What normal objects look like: their vectors in few dimensions, and how far a new one is from the nearest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pipeline.detections import VectorArray
from stages.alert.normal.coreset import k_centre

MOST = 5_000
"""Vectors that are kept."""
WIDTH = 64
"""Numbers of each, at most."""
MOST_SEEN = 30_000
"""Vectors that those are chosen from, evenly over all."""

Singles = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Bank:
    """Fixed once it is made. A vector is made length 1 first: only its direction tells what something looks like."""

    mean: Singles
    """float32 (d,): of the normal vectors."""
    basis: Singles
    """float32 (d, w): the directions in which they differ most."""
    points: Halves
    """float16 (k, w): those kept."""
    _points: Singles
    _squares: Singles

    @classmethod
    def holding(cls, mean: Singles, basis: Singles, points: Halves) -> Self:
        """Of these parts. Raises ``ValueError`` where they do not fit together."""
        if mean.ndim != 1 or basis.ndim != 2 or points.ndim != 2 or not len(points):
            raise ValueError("a bank must be of one mean, directions, and points")
        if len(basis) != len(mean) or basis.shape[1] != points.shape[1] or not np.isfinite(points).all():
            raise ValueError(f"points of {points.shape[1]} numbers do not fit directions {basis.shape}")
        wide = points.astype(np.float32)
        return cls(mean.astype(np.float32), basis.astype(np.float32), points, wide, np.einsum("kw,kw->k", wide, wide))

    @classmethod
    def fit(cls, vectors: VectorArray) -> tuple[Self, npt.NDArray[np.intp]]:
        """From normal vectors (n, d), and which of them are kept. Equal vectors give equal banks on one machine."""
        seen = np.arange(0, len(vectors), -(-len(vectors) // MOST_SEEN))
        units = unit(vectors[seen])
        mean = units.mean(axis=0)
        _, strength, directions = np.linalg.svd(_square(units - mean))
        width = max(min(WIDTH, int((strength > 1e-12 * max(strength[0], 1e-30)).sum())), 1)
        basis = directions[:width].T
        largest = basis[np.abs(basis).argmax(axis=0), np.arange(width)]
        basis = (basis * np.where(largest < 0, -1, 1)).astype(np.float32)
        points = (units - mean) @ basis
        kept = k_centre(points, MOST)
        return cls.holding(mean, basis, points[kept].astype(np.float16)), seen[kept]

    @property
    def width(self) -> int:
        """Numbers of a vector as the detector gives it."""
        return len(self.mean)

    def distances(self, vectors: VectorArray, *, without: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[Any]:
        """float32 (n,): half the squared distance of each vector (n, d) from the nearest kept one.

        Of vectors of length 1 that is the cosine distance, 0 for the same direction and 1 for none in common. What of a
        vector lies in no direction that normal ones differ in counts in full. ``without``: bool (n, k), kept ones that
        do not count; where none does, 1.
        """
        apart = unit(vectors) - self.mean
        points = apart @ self.basis
        squares = np.einsum("nd,nd->n", apart, apart)
        found = squares[:, None] - 2 * (points @ self._points.T) + self._squares
        if without is not None:
            found[without] = np.inf
        nearest = np.maximum(found.min(axis=1), 0) / 2
        return np.where(np.isfinite(nearest), nearest, 1)

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """For storing, under names that begin with this one."""
        return {
            f"{name}.mean": self.mean,
            f"{name}.basis": self.basis.astype(np.float16),
            f"{name}.points": self.points,
        }

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]], name: str) -> Self:
        """From ``arrays()``. Raises ``KeyError`` or ``ValueError`` for others."""
        mean, basis, points = (np.asarray(arrays[f"{name}.{part}"]) for part in ("mean", "basis", "points"))
        return cls.holding(mean, basis.astype(np.float32), points.astype(np.float16))


def unit(vectors: VectorArray) -> Singles:
    """float32 (n, d): the same directions, each of length 1."""
    wide = vectors.astype(np.float32)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-6), np.float32)


def _square(apart: Singles) -> npt.NDArray[np.float64]:
    """float64 (d, d): how the columns vary together."""
    wide = apart.astype(np.float64)
    return np.asarray(wide.T @ wide)
