"""Few points that stand for many."""

import numpy as np
import numpy.typing as npt


def k_centre(points: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.intp]:
    """int (k,), rising: rows of at most ``most`` points such that every other lies near one of them.

    Greedy k-centre (Gonzalez 1985; for features of normal pictures Roth et al. 2022): each next one is the farthest
    from all before; the first is the nearest to the middle. ``points``: float32 (n, d). Of equals the first is taken,
    so equal points give equal rows.
    """
    if len(points) <= most:
        return np.arange(len(points))
    squares = np.einsum("nd,nd->n", points, points)
    middle = points.mean(axis=0)
    chosen = [int((squares - 2 * points @ middle).argmin())]
    apart = np.full(len(points), np.inf, np.float32)
    while len(chosen) < most:
        last = chosen[-1]
        np.minimum(apart, squares - 2 * (points @ points[last]) + squares[last], out=apart)
        apart[last] = -np.inf
        chosen.append(int(apart.argmax()))
    return np.sort(np.array(chosen))
