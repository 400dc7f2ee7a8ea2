"""How the picture of one camera is measured in metres, and what makes a calibration unfit for use."""

from collections.abc import Sequence
from itertools import combinations
from math import atan, degrees, hypot, radians, tan
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipeline.messages import Frame
from stages.alert.geometry import Point, Points, check_points
from stages.alert.ground import Ground, Matrix, homography

USUAL_ASPECT = 16 / 9
"""Width over height of the picture where a configuration is checked before any frame is seen."""
_ROUNDS = 1000
"""In which a scale is put right for the tilt of the camera; a few dozen do for most."""
_EXACT = 1e-9
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

    Of a camera that looks level, the height of somebody in the picture is linear in the row of the feet: two places
    give the horizon and the metres across, and the angle of view those away from the camera. A camera that looks down
    shows heights shortened, which the same numbers put right: the mapping is exact for a pinhole camera.
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
        tilt_deg = self.tilt_deg(USUAL_ASPECT)
        if not -15 <= tilt_deg <= 60:
            raise ValueError(
                f"the camera would look down by {tilt_deg:.0f} degrees, beyond what heights tell (-15 to 60): measure "
                "again, or take a homography"
            )
        return self

    def matrix(self, aspect: float) -> Matrix:
        """The mapping to the ground, for pictures of this width over height."""
        focal = self._focal(aspect)
        horizon, slope = self._fit(focal)
        steep = hypot(focal, horizon)
        across = self.height_m * steep / focal
        return np.array(
            [
                [across * aspect, 0, -across * aspect / 2],
                [0, 0, across * steep],
                [0, slope, -slope * (horizon + 0.5)],
            ]
        )

    def tilt_deg(self, aspect: float) -> float:
        """How far the camera looks down, in degrees."""
        focal = self._focal(aspect)
        return degrees(atan(-self._fit(focal)[0] / focal))

    def _focal(self, aspect: float) -> float:
        """Focal length in heights of the picture."""
        return aspect / 2 / tan(radians(self.view_deg) / 2)

    def _fit(self, focal: float) -> tuple[float, float]:
        """Row of the horizon below the middle of the picture, and the height gained with each row of the feet, as a
        camera that looks level would show it.

        With feet at D and head at E below the horizon y, a camera at height C shows H upright where
        D (1 + k E) / (D - E) = C / H, k = y / (focal^2 + y^2): heights D - E divided by 1 + k E are linear in D.
        """
        horizon, slope = 0.0, 0.0
        for number in range(_ROUNDS):
            k = horizon / (focal**2 + horizon**2) if number else 0.0
            near, far = ((feet - head) / (1 + k * (head - 0.5 - horizon)) for feet, head in (self.near, self.far))
            slope = (near - far) / (self.near[0] - self.far[0])
            if slope <= 0:
                raise ValueError(
                    "who stands far away must look smaller than who stands near, but has "
                    f"{self.far[0] - self.far[1]:.3g} of the picture's height to {self.near[0] - self.near[1]:.3g}"
                )
            before, horizon = horizon, self.near[0] - 0.5 - near / slope
            if number and abs(horizon - before) < _EXACT:
                return horizon, slope
        raise ValueError("no camera over a flat ground shows such heights: measure again, or take a homography")


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
        if self.scale is not None and (fault := self.fault([(0.5, self.scale.far[0])])):
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


class Floor:
    """The ground of a calibrated camera, whatever the size of its pictures."""

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._grounds: dict[tuple[int, int], Ground] = {}

    def metres(self, points: Points, frame: Frame) -> Points:
        """As ``Ground.metres``, for points of this frame."""
        size = frame.width, frame.height
        if size not in self._grounds:
            self._grounds[size] = self._calibration.ground(width=frame.width, height=frame.height)
        return self._grounds[size].metres(points)


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
