"""From points of the picture to metres on the ground, which is taken for flat.

Every mapping here is a homography: a 3x3 matrix that takes ``(x, y, 1)``, shares of the picture, to ``(X w, Y w, w)``,
X and Y in metres. Below the horizon ``w`` is positive; on it ``w`` is 0 and the ground is infinitely far.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stages.alert.geometry import Mask, Point, Points, Values

Matrix = npt.NDArray[np.float64]
"""float64 (3, 3)."""

USUAL_ASPECT = 16 / 9
"""Width over height of the picture where a configuration is checked before any frame is seen."""
STEP = 0.01
"""The error of a point, in shares of the picture, that ``Ground.error`` is about: 1 %."""


class Ground:
    """A flat ground, as one camera sees it."""

    def __init__(self, matrix: Matrix, *, max_error_m: float) -> None:
        """``max_error_m``: how much an error of 1 % of the picture may move a point that is still to be measured."""
        self._matrix = matrix
        self._max_error_m = max_error_m

    def depth(self, points: Points) -> Values:
        """``w`` of each point: positive below the horizon."""
        return np.asarray(points @ self._matrix[2, :2] + self._matrix[2, 2])

    def metres(self, points: Points) -> Points:
        """float64 (n, 2): where points of the picture (n, 2) lie on the ground; NaN where they are out of reach."""
        return np.where(self.reaches(points)[:, None], self._project(points), np.nan)

    def reaches(self, points: Points) -> Mask:
        """Which points lie below the horizon and near enough to be measured within ``max_error_m``."""
        return np.asarray((self.depth(points) > 0) & (self.error(points) <= self._max_error_m))

    def error(self, points: Points) -> Values:
        """How far, in metres, an error of 1 % of the picture moves each point at most; infinite at the horizon."""
        worst = np.zeros(len(points))
        here = self._project(points)
        for step in ((STEP, 0.0), (-STEP, 0.0), (0.0, STEP), (0.0, -STEP)):
            there = points + np.array(step)
            moved = np.hypot(*(self._project(there) - here).T)
            worst = np.maximum(worst, np.where(self.depth(there) > 0, moved, np.inf))
        return np.where(self.depth(points) > 0, worst, np.inf)

    def _project(self, points: Points) -> Points:
        homogeneous = points @ self._matrix[:, :2].T + self._matrix[:, 2]
        w = homogeneous[:, 2:]
        return np.asarray(homogeneous[:, :2] / np.where(w > 0, w, 1.0))


def homography(picture: Sequence[Point], ground: Sequence[Point]) -> Matrix:
    """The mapping that takes four points of the picture to four of the ground, by the direct linear transform with
    normalised coordinates (Hartley, "In defense of the eight-point algorithm", 1997); ``w`` of the first is positive.
    """
    near, far = _normalising(picture), _normalising(ground)
    rows = []
    for (x, y), (u, v) in zip(_moved(near, picture), _moved(far, ground), strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, -u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, -v])
    solution = np.linalg.svd(np.array(rows, np.float64))[2][-1].reshape(3, 3)
    matrix = np.linalg.inv(far) @ solution @ near
    first = matrix[2] @ np.array([*picture[0], 1.0])
    return np.asarray(matrix / np.linalg.norm(matrix) * (1 if first >= 0 else -1))


def _normalising(points: Sequence[Point]) -> Matrix:
    """Moves the centre of the points to 0 and their mean distance from it to the root of 2."""
    array = np.asarray(points, np.float64)
    centre = array.mean(axis=0)
    size = np.sqrt(2) / max(float(np.hypot(*(array - centre).T).mean()), 1e-12)
    return np.array([[size, 0, -size * centre[0]], [0, size, -size * centre[1]], [0, 0, 1.0]])


def _moved(matrix: Matrix, points: Sequence[Point]) -> Points:
    array = np.asarray(points, np.float64)
    return np.asarray(array @ matrix[:2, :2].T + matrix[:2, 2])
