"""``speeding``: an object is too fast: a person who runs, a vehicle above its limit."""

from math import hypot
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np
from pydantic import Field, model_validator

from pipeline.clock import SECOND
from stages.alert.calibration import Floor
from stages.alert.geometry import Area, Points
from stages.alert.options import nanoseconds
from stages.alert.rule import Claim
from stages.alert.scene import Scene
from stages.alert.zoned import AreaOptions

BORDER = 0.005
"""A box this near to the border of the picture is cut by it: neither its feet nor its height are known."""
_STEADY = 0.25
"""Boxes whose height differs from the median of the window by more than this share are of something half hidden."""
_LEAST = 3
"""Sightings that a speed takes at least."""


class SpeedingOptions(AreaOptions):
    """Options of ``speeding``. With ``limit_mps`` it measures the ground, else the object's own height."""

    rule: Literal["speeding"] = "speeding"
    limit_mps: float | None = Field(
        default=None, gt=0, le=200, description="Speed limit in metres a second. Needs a calibration."
    )
    limit_heights_per_s: float = Field(
        default=1.5,
        gt=0,
        le=100,
        description="Speed limit in heights of the object's own box a second, where limit_mps is not given: a person "
        "walks at about 0.7 and runs above 1.5 across the picture. Ways to or from the camera hardly count.",
    )
    over_s: float = Field(default=1.0, ge=0.2, le=60, description="A speed is the median over this time.")
    enter_inertia_s: float = Field(
        default=0.8, ge=0, le=3600, description="It must be too fast this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=2.0, ge=0, le=3600, description="It must be slow enough this long before an event ends."
    )

    @model_validator(mode="after")
    def _check_requirement(self) -> Self:
        if self.limit_mps is not None and self.anchor != "bottom_centre":
            raise ValueError(
                f"limit_mps measures the ground, where feet are: anchor must be bottom_centre, not {self.anchor}"
            )
        if self.limit_mps is not None and self.calibration is None:
            raise ValueError(
                "limit_mps needs a calibration (scale or homography): add one, or take limit_heights_per_s"
            )
        return self


Place = tuple[int, float, float, float]
"""Media time in ns, x, y (metres or pixels) and height in pixels."""


class Run(msgspec.Struct):
    """Where one object in the zone was of late, oldest first."""

    places: list[Place] = []


class Speeding:
    """Fires when the speed of an object in the zone has been above the limit for ``enter_inertia_s``.

    A speed is the median of what all pairs of sightings at least half of ``over_s`` apart say (Theil and Sen): a
    jittering box goes nowhere, and a box that jumps once is over within ``enter_inertia_s``. Boxes that the border of
    the picture cuts, or whose height is suddenly another one because something hides the feet, are left out.
    """

    Options: ClassVar[type[SpeedingOptions]] = SpeedingOptions
    Memory: ClassVar[type[Run]] = Run
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: SpeedingOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=options.margin)
        self._floor = Floor(options.calibration) if options.limit_mps and options.calibration else None
        self._over_ns = nanoseconds(options.over_s)

    def look(self, scene: Scene, memory: dict[int, Run]) -> list[Claim]:
        """Every object in the zone that is too fast."""
        now = scene.frame.media_ns
        subjects = scene.subject.tolist()
        was_inside = np.array([subject in memory for subject in subjects], np.bool_)
        inside = self._area.inside(scene.anchors(self.options.anchor), was_inside)
        places = self._places(scene)
        heights = (scene.box[:, 3] - scene.box[:, 1]) * scene.frame.height
        whole = (scene.box > BORDER).all(axis=1) & (scene.box < 1 - BORDER).all(axis=1) & np.isfinite(places[:, 0])
        claims = []
        for row, subject in enumerate(subjects):
            if not inside[row]:
                memory.pop(subject, None)
                continue
            run = memory.setdefault(subject, Run())
            if whole[row]:
                run.places.append((now, float(places[row, 0]), float(places[row, 1]), float(heights[row])))
            run.places = self._window(run.places, now)
            speed = self._speed(run)
            if speed is not None:
                claims += self._claim(subject, speed)
        return claims

    def _places(self, scene: Scene) -> Points:
        anchors, frame = scene.anchors(self.options.anchor), scene.frame
        if self._floor is None:
            return anchors * np.array([frame.width, frame.height], np.float64)
        return self._floor.metres(anchors, frame)

    def _window(self, places: list[Place], now_ns: int) -> list[Place]:
        """Those of the last ``over_s``, and the one before, so that a gap is bridged; none if all are older."""
        recent = [place for place in places if now_ns - place[0] < self._over_ns]
        before = [place for place in places if self._over_ns <= now_ns - place[0] <= 2 * self._over_ns]
        return [*before[-1:], *recent] if recent else []

    def _speed(self, run: Run) -> float | None:
        """Metres or box heights a second; None where too little is known, or it is surely below the limit."""
        if len(run.places) < _LEAST or self._is_slow(run.places):
            return None
        times, x, y, heights = np.array(run.places, np.float64).T
        height = float(np.median(heights))
        steady = np.abs(heights / height - 1) <= _STEADY
        times, x, y = times[steady] / SECOND, x[steady], y[steady]
        if len(times) < _LEAST or times[-1] - times[0] < 0.75 * self.options.over_s:
            return None
        apart = np.subtract.outer(times, times)
        later, earlier = np.nonzero(apart >= self.options.over_s / 2)
        gaps = apart[later, earlier]
        across = float(np.median((x[later] - x[earlier]) / gaps))
        along = float(np.median((y[later] - y[earlier]) / gaps))
        speed = float(np.hypot(across, along))
        return speed if self.options.limit_mps is not None else speed / height

    def _is_slow(self, places: list[Place]) -> bool:
        """No two places lie far enough apart for the limit: most objects, so that these cost little."""
        wide = max(place[1] for place in places) - min(place[1] for place in places)
        deep = max(place[2] for place in places) - min(place[2] for place in places)
        limit = self._limit * (1.0 if self._floor is not None else min(place[3] for place in places))
        return hypot(wide, deep) <= limit * self.options.over_s / 2

    @property
    def _limit(self) -> float:
        return self.options.limit_heights_per_s if self.options.limit_mps is None else self.options.limit_mps

    def _claim(self, subject: int, speed: float) -> list[Claim]:
        metric = self.options.limit_mps is not None
        if speed <= self._limit:
            return []
        predicate, option = ("metres_per_s", "limit_mps") if metric else ("heights_per_s", "limit_heights_per_s")
        return [Claim(subject, predicate, round(speed, 6), self._limit, comparison=">", option=option)]

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 moves at 4.2 m/s in zone 'yard' (limit 2.5 m/s)``."""
        unit = "m/s" if claim.predicate == "metres_per_s" else "body heights a second"
        where = f" in zone {self.options.title!r}" if self.options.zone else ""
        return f"{who} moves at {claim.value:.1f} {unit}{where} (limit {claim.threshold:g})"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region
