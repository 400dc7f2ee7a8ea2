"""How the picture of one camera is measured in metres, and what makes a calibration unfit for use."""

import logging
from collections.abc import Sequence
from itertools import combinations
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.messages import Frame
from stages.alert.geometry import Point, Points, check_points
from stages.alert.ground import USUAL_ASPECT, Ground, Matrix, homography
from stages.alert.height_scale import Scale

log = logging.getLogger(__name__)

_NOWHERE = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
"""A mapping by which every point lies above the horizon."""
_NARROW = 0.02
"""Three points lie on one line if their triangle is flatter than this: height over longest side."""


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
        """The ground as pictures of this size show it; out of reach everywhere if a scale fits no camera of theirs."""
        try:
            return self._ground(width / max(height, 1))
        except ValueError as error:
            log.warning("calibration: pictures of %d x %d: %s; nothing is measured", width, height, error)
            return Ground(_NOWHERE, max_error_m=self.max_error_m)

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

    def ground(self, frame: Frame) -> Ground:
        """The ground as frames of this size show it."""
        size = frame.width, frame.height
        if size not in self._grounds:
            self._grounds[size] = self._calibration.ground(width=frame.width, height=frame.height)
        return self._grounds[size]

    def metres(self, points: Points, frame: Frame) -> Points:
        """As ``Ground.metres``, for points of this frame."""
        return self.ground(frame).metres(points)


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
