"""Frames that teach most: that stand for many others, far from what is there already, doubtful ones first.

Greedy facility location (Nemhauser, Wolsey and Fisher 1978; for active learning: Wei, Iyer and Bilmes, ICML 2015),
each candidate's gain multiplied by how much its frame would teach. k-centre (Sener and Savarese, ICLR 2018) was
measured beside it: it collects what is odd, and frames in which the detector errs less than in every n-th; see
docs/guide/datasets.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
MOST_SERVED = 2000
"""Candidates that gains are summed over; of more, an even share."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A chosen candidate: its number, and its ``distance`` to the nearest known or chosen before it, ``inf`` if none.

    ``stands_for``: the share of candidates that it is nearer to than anything known or chosen before it.
    """

    number: int
    distance: float
    stands_for: float


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

    ``worth`` float32 (n,), 1 and more: by how much a candidate's gain is multiplied. ``known`` float32 (m, d): what is
    in the set already. None is picked nearer than ``least`` to another, nor where ``allowed`` is False.
    """
    served = np.linspace(0, len(vectors) - 1, min(len(vectors), MOST_SERVED)).astype(int)
    distance = _distances(vectors, vectors[served])
    nearest = distance.max(axis=0, initial=0)
    own = np.full(len(vectors), np.inf, np.float32)
    for vector in known if known is not None else ():
        own = np.minimum(own, np.linalg.norm(vectors - vector, axis=1))
        nearest = np.minimum(nearest, np.linalg.norm(vectors[served] - vector, axis=1))
    free = np.ones(len(vectors), np.bool_) if allowed is None else np.array(allowed, np.bool_)
    picks: list[Pick] = []
    while len(picks) < count and (free := free & (own >= least)).any():
        gain = np.maximum(nearest[None] - distance, 0).sum(axis=1)
        # Where nothing is left to be gained, as in a scene of one frame, the most doubtful and farthest goes first.
        merit = np.where(free, (gain + 1e-6 * np.minimum(own, 1)) * worth, -1)
        best = int(merit.argmax())
        stands_for = float((distance[best] < nearest).mean())
        picks.append(Pick(best, float(own[best]), stands_for))
        free[best] = False
        nearest = np.minimum(nearest, distance[best])
        own = np.minimum(own, np.linalg.norm(vectors - vectors[best], axis=1))
    return picks


def coverage_radius(vectors: FloatArray, chosen: Sequence[int]) -> float:
    """Mean distance of all candidates to the nearest chosen one: the smaller, the better the choice stands for all."""
    return float(_distances(vectors, vectors[list(chosen)]).min(axis=1).mean())


def _distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Euclidean, of (n, d) and (m, d): float32 (n, m)."""
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None] - 2 * a @ b.T
    distances: FloatArray = np.sqrt(np.maximum(squares, 0))
    return distances
