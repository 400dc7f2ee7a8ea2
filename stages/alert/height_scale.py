"""A scale for the ground from the height of somebody who stands at two places."""

from math import atan, degrees, hypot, radians, tan
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from stages.alert.ground import USUAL_ASPECT, Matrix

_ROUNDS = 1000
"""In which a scale is put right for the tilt of the camera; a few dozen do for most."""
_EXACT = 1e-9


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
