"""How the picture of one camera is measured in metres, and what makes a calibration unfit for use."""

from collections.abc import Sequence
from itertools import combinations
from math import atan, hypot, radians, tan
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from stages.alert.geometry import Point, check_points
from stages.alert.ground import Ground, Matrix, homography

USUAL_ASPECT = 16 / 9
"""Width over height of the picture where a configuration is checked before any frame is seen."""
_NARROW = 0.02
"""Three points lie on one line if their triangle is flatter than this: height over longest side."""


def _rows(rows: tuple[float, float]) -> tuple[float, float]:
    feet, head = rows
    if not (0 <= head <= 1 and 0 <= feet <= 1):
        raise ValueError("rows are shares of the picture's height from 0 (top) to 1 (bottom): divide pixels by it")
    if feet - head < 0.02:
        raise ValueError(f"feet at row {feet:g} and head at row {head:g}: the feet must be lower, by 0.02 at least")
    return rows


Rows = Annotated[tuple[float, float], AfterValidator(_rows)]
"""Rows of feet and head as shares of the picture's height."""


class Scale(BaseModel):
    """Somebody of known height, upright, at two places of a flat ground; the camera is not rolled.

    The height of a standing person in the picture is taken as linear in the row of the feet (exact for a camera that
    looks level, within about a tenth for one that looks down by 25 degrees); so both rows give the horizon and the
    metres across. Metres away from the camera follow from the angle of view.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height_m: float = Field(gt=0.1, le=20, description="Height in metres of what was measured, such as a person.")
    near: Rows = Field(description="Rows of feet and head where it stands near: [0.92, 0.40].")
    far: Rows = Field(description="Rows of feet and head where it stands far away: [0.45, 0.30].")
    view_deg: float = Field(
        gt=1,
        lt=160,
        description="Horizontal angle of view in degrees, from the camera's data sheet; or 2 atan(w / 2d) where a "
        "width w just fits into the picture at a distance d.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.near[0] - self.far[0] < 0.05:
            raise ValueError(
                f"feet at rows {self.near[0]:g} (near) and {self.far[0]:g} (far): near must be lower in the picture, "
                "by 0.05 at least"
            )
        if self._slope <= 0:
            raise ValueError(
                "who stands far away must look smaller than who stands near, but has "
                f"{self.far[0] - self.far[1]:g} of the picture's height to {self.near[0] - self.near[1]:g}"
            )
        return self

    @property
    def _slope(self) -> float:
        """Height in the picture gained with each row of the feet."""
        return (self.near[0] - self.near[1] - self.far[0] + self.far[1]) / (self.near[0] - self.far[0])

    def matrix(self, aspect: float) -> Matrix:
        """The mapping to the ground, for pictures of this width over height."""
        start = self.near[0] - self.near[1] - self._slope * self.near[0]
        horizon = -start / self._slope
        focal = aspect / 2 / tan(radians(self.view_deg) / 2)
        away = hypot(focal, horizon - 0.5)
        across = self.height_m * aspect
        return np.array([[across, 0, -across / 2], [0, 0, self.height_m * away], [0, self._slope, start]])

    @property
    def tilt_deg(self) -> float:
        """How far the camera looks down, in degrees, for a picture of the usual aspect."""
        start = self.near[0] - self.near[1] - self._slope * self.near[0]
        focal = USUAL_ASPECT / 2 / tan(radians(self.view_deg) / 2)
        return float(np.degrees(atan((0.5 + start / self._slope) / focal)))


class Homography(BaseModel):
    """Four points of the picture and where they lie on the ground."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: tuple[Point, ...] = Field(
        description="Four points on the ground, in order around a quadrilateral, as shares of the picture."
    )
    ground_m: tuple[Point, ...] = Field(
        description="Where the same four points lie, in the same order, in metres from any corner, in any direction."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, points in (("picture", self.picture), ("ground_m", self.ground_m)):
            if len(points) != 4:
                raise ValueError(f"{key} needs exactly 4 points, got {len(points)}")
        check_points(self.picture)
        for key, points in (("picture", self.picture), ("ground_m", self.ground_m)):
            _check_spread(key, points)
            if not _is_convex(points):
                raise ValueError(
                    f"the four points of {key} make no simple quadrilateral that bulges outwards: list its corners in "
                    "order around it, and let no corner lie inside the triangle of the others"
                )
        return self

    def matrix(self) -> Matrix:
        """The mapping to the ground."""
        return homography(self.picture, self.ground_m)


class Calibration(BaseModel):
    """How one camera's picture is measured in metres: ``scale`` or ``homography``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: Scale | None = Field(default=None, description="From somebody of known height at two places.")
    homography: Homography | None = Field(default=None, description="From four points on the ground.")
    max_error_m: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="Points that an error of 1 % of the picture moves farther than this on the ground are out of "
        "reach: nothing is measured there, and no zone or line may lie there.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.scale is None) == (self.homography is None):
            raise ValueError("say either scale or homography, and not both")
        if self.homography is not None:
            points = self.homography.picture
            if fault := self.fault(points):
                raise ValueError(f"homography: point {fault}")
        if self.scale is not None:
            if abs(self.scale.tilt_deg) > 45:
                raise ValueError(
                    f"scale: the camera would look down by {self.scale.tilt_deg:.0f} deg, where heights say little "
                    "(45 at most): measure again, or take a homography"
                )
            if fault := self.fault([(0.5, self.scale.far[0])]):
                raise ValueError(f"scale: far, point {fault}")
        return self

    def ground(self, *, width: int, height: int) -> Ground:
        """The ground as pictures of this size show it."""
        return self._ground(width / max(height, 1))

    def _ground(self, aspect: float) -> Ground:
        matrix = self.homography.matrix() if self.homography is not None else None
        if matrix is None:
            assert self.scale is not None
            matrix = self.scale.matrix(aspect)
        return Ground(matrix, max_error_m=self.max_error_m)

    def fault(self, points: Sequence[Point]) -> str | None:
        """Why these points of the picture (corners of what is to be measured) are out of reach; None if they are not.

        A scale is judged for a picture of 16:9.
        """
        ground, array = self._ground(USUAL_ASPECT), np.asarray(points, np.float64).reshape(-1, 2)
        for number, (x, y, depth, error) in enumerate(
            zip(*array.T.tolist(), ground.depth(array).tolist(), ground.error(array).tolist(), strict=True), start=1
        ):
            where = f"{number} ({x:g}, {y:g})"
            if depth <= 0:
                return f"{where} lies above the horizon of the calibration"
            if error > self.max_error_m:
                about = f"{error:.1f} m" if np.isfinite(error) else "to the horizon"
                return (
                    f"{where} is out of reach: an error of 1 % of the picture moves it {about} on the ground "
                    f"(max_error_m is {self.max_error_m:g})"
                )
        return None


def _check_spread(key: str, points: Sequence[Point]) -> None:
    for numbers in combinations(range(4), 3):
        a, b, c = (np.asarray(points[number], np.float64) for number in numbers)
        longest = max(float(np.hypot(*(p - q))) for p, q in ((a, b), (b, c), (c, a)))
        twice = abs(float((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0]))
        if not longest or twice / longest**2 < _NARROW:
            names = f"{numbers[0] + 1}, {numbers[1] + 1} and {numbers[2] + 1}"
            raise ValueError(f"points {names} of {key} lie on one line: choose corners that spread over the ground")


def _is_convex(points: Sequence[Point]) -> bool:
    turns = [
        (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
        for a, b, c in ((points[n], points[(n + 1) % 4], points[(n + 2) % 4]) for n in range(4))
    ]
    return all(turn > 0 for turn in turns) or all(turn < 0 for turn in turns)
