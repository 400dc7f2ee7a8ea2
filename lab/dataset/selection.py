"""Frames that teach most: far from what is there already and from one another, those the detector is unsure of first.

Greedy k-centre (Gonzalez 1985; as active learning by Sener and Savarese, ICLR 2018), each candidate's distance
multiplied by how much its frame would teach.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pick:
    """A chosen candidate: its number, and how far it lay from everything known and chosen before it.

    That is ``inf`` for the first of all."""

    number: int
    distance: float


def select(
    vectors: FloatArray,
    worth: FloatArray,
    count: int,
    *,
    known: FloatArray | None = None,
    least: float = 0.0,
    allowed: Sequence[bool] | None = None,
) -> list[Pick]:
    """Up to ``count`` of the candidates ``vectors`` float32 (n, d), best first.

    ``worth`` float32 (n,), 1 and more: by how much a candidate's distance is multiplied. ``known`` float32 (m, d):
    what is in the set already. None is picked nearer than ``least`` to another, nor where ``allowed`` is False.
    """
    distance = np.full(len(vectors), np.inf, np.float32)
    for vector in known if known is not None else ():
        distance = np.minimum(distance, np.linalg.norm(vectors - vector, axis=1))
    free = np.ones(len(vectors), np.bool_) if allowed is None else np.array(allowed, np.bool_)
    picks: list[Pick] = []
    while len(picks) < count and free.any():
        finite = np.isfinite(distance).all()
        gain = np.where(free, (distance if finite else np.float32(1)) * worth, -1)
        best = int(gain.argmax())
        if distance[best] < least:
            free[best] = False
            continue
        picks.append(Pick(best, float(distance[best])))
        free[best] = False
        distance = np.minimum(distance, np.linalg.norm(vectors - vectors[best], axis=1))
    return picks


def coverage_radius(vectors: FloatArray, chosen: Sequence[int]) -> float:
    """Mean distance of all candidates to the nearest chosen one: the smaller, the better the choice stands for all."""
    distance = np.full(len(vectors), np.inf)
    for number in chosen:
        distance = np.minimum(distance, np.linalg.norm(vectors - vectors[number], axis=1))
    return float(distance.mean())
