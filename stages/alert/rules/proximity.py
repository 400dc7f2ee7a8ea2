"""``proximity``: two objects are too close for too long: a person and a forklift, two people."""

from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from pipeline.clock import SECOND
from stages.alert.calibration import Floor
from stages.alert.geometry import Area, Mask, Points, overlap
from stages.alert.options import Zone, nanoseconds
from stages.alert.rule import Claim
from stages.alert.scene import Scene
from stages.alert.zoned import AreaOptions

Grid = npt.NDArray[np.bool_]
"""bool (n, n)."""
_BLINK_NS = SECOND // 2
"""One who was too close and is not seen for no longer than this is still taken to be there."""
_ONE = 0.6
"""Boxes that overlap more than this are the same object, seen twice."""


class ProximityOptions(AreaOptions):
    """Options of ``proximity``. With ``limit_m`` it measures the ground, else the objects' own heights."""

    rule: Literal["proximity"] = "proximity"
    first: tuple[str, ...] = Field(
        default=(), description="Classes of those whom events are about, such as [person]; empty: all."
    )
    second: tuple[str, ...] = Field(
        default=(), description="Classes of those who come too close, such as [truck]; empty: all."
    )
    zone: Zone | None = Field(default=None, description="Where both must be; none: the whole picture.")
    limit_m: float | None = Field(
        default=None, gt=0, le=1000, description="Closer than this, in metres, is too close. Needs a calibration."
    )
    limit_heights: float = Field(
        default=0.5,
        gt=0,
        le=100,
        description="Closer than this is too close where limit_m is not given: distance of the anchors in the picture, "
        "in mean heights of the two boxes. Distances along the line of sight look shorter than they are.",
    )
    release: float = Field(
        default=1.1, ge=1, le=10, description="Those who were too close stay so until this many times the limit."
    )
    enter_inertia_s: float = Field(
        default=2.0, ge=0, le=3600, description="They must be too close this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=2.0, ge=0, le=3600, description="They must be far enough this long before an event ends."
    )

    @model_validator(mode="after")
    def _check_requirement(self) -> Self:
        if self.limit_m is not None and self.anchor != "bottom_centre":
            raise ValueError(
                f"limit_m measures the ground, where feet are: anchor must be bottom_centre, not {self.anchor}"
            )
        if self.limit_m is not None and self.calibration is None:
            raise ValueError("limit_m needs a calibration (scale or homography): add one, or take limit_heights")
        if self.classes:
            raise ValueError("classes would leave out one of the two: say first and second")
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Those of both sides."""
        return (*self.first, *self.second)


class Company(msgspec.Struct):
    """Who was too close to somebody when last looked at, and how close, by subject. Held for everybody in the zone."""

    others: dict[int, float] = {}
    since: dict[int, int] = {}
    """Since when, media time in ns."""


class Proximity:
    """Fires when two objects, one of ``first`` and one of ``second``, have been closer than the limit for
    ``enter_inertia_s``: one event for each pair. Where both would do as the first, it is the one known for longer.

    One who is known for less than ``min_age_s``, or too unsurely, is not company either.
    """

    Options: ClassVar[type[ProximityOptions]] = ProximityOptions
    Memory: ClassVar[type[Company]] = Company
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: ProximityOptions) -> None:
        self.options = options
        self._enter_ns = nanoseconds(options.enter_inertia_s)
        self._area = Area(options.zone, margin=options.margin)
        self._floor = Floor(options.calibration) if options.limit_m and options.calibration else None

    def look(self, scene: Scene, memory: dict[int, Company]) -> list[Claim]:
        """Every pair that is too close."""
        subjects = scene.subject.tolist()
        was_inside = np.array([subject in memory for subject in subjects], np.bool_)
        inside = self._area.inside(scene.anchors(self.options.anchor), was_inside)
        for subject, is_inside in zip(subjects, inside.tolist(), strict=True):
            if is_inside:
                memory.setdefault(subject, Company())
            else:
                memory.pop(subject, None)
        claims = []
        apart, boxes = self._distances(scene), scene.box.tolist()
        first, second = self._fit(scene, self.options.first), self._fit(scene, self.options.second)
        near: dict[int, dict[int, float]] = {subject: {} for subject in subjects}
        close = apart <= self._limit * self.options.release
        for one, other in _pairs(close, first & inside, second & inside, order=np.argsort(scene.subject)):
            was_near = subjects[other] in memory[subjects[one]].others
            limit = self._limit * (self.options.release if was_near else 1.0)
            if apart[one, other] <= limit and not overlap(boxes[one], boxes[other]) > _ONE:
                near[subjects[one]][subjects[other]] = float(apart[one, other])
        for subject in subjects:
            if subject in memory:
                near[subject] |= self._unseen(scene, memory[subject])
                memory[subject].since = {
                    other: memory[subject].since.get(other, scene.frame.media_ns) for other in near[subject]
                }
                memory[subject].others = near[subject]
                claims += [self._claim(scene, subject, other, distance) for other, distance in near[subject].items()]
        return claims

    def _unseen(self, scene: Scene, company: Company) -> dict[int, float]:
        """Those of them whom no detection supports at this frame, but did a moment ago.

        One who went away before it was an event makes none afterwards.
        """
        now_ns, found = scene.frame.media_ns, {}
        for other, distance in company.others.items():
            known, starts_ns = scene.sightings.get(other), company.since[other] + self._enter_ns
            if known is None or known.present or known.last_ns < now_ns - _BLINK_NS:
                continue
            if now_ns < starts_ns or known.last_ns >= starts_ns:
                found[other] = distance
        return found

    @property
    def _limit(self) -> float:
        return self.options.limit_heights if self.options.limit_m is None else self.options.limit_m

    def _fit(self, scene: Scene, names: tuple[str, ...]) -> Mask:
        """Who is of these classes, and surely so."""
        old_ns = scene.frame.media_ns - nanoseconds(self.options.min_age_s)
        first_ns = np.array([scene.sightings[subject].first_ns for subject in scene.subject.tolist()], np.int64)
        sure = (scene.vote >= self.options.min_confidence) & (first_ns <= old_ns)
        return sure & scene.of_classes(names) if names else sure

    def _distances(self, scene: Scene) -> Points:
        """float64 (n, n): in metres, or in mean heights; NaN out of the calibration's reach."""
        anchors, frame = scene.anchors(self.options.anchor), scene.frame
        if self._floor is not None:
            places = self._floor.metres(anchors, frame)
            return np.asarray(np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)))
        places = anchors * np.array([frame.width, frame.height], np.float64)
        heights = (scene.box[:, 3] - scene.box[:, 1]) * frame.height
        mean = np.maximum((heights[:, None] + heights[None]) / 2, 1e-9)
        return np.asarray(np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) / mean)

    def _claim(self, scene: Scene, subject: int, other: int, apart: float) -> Claim:
        metric = self.options.limit_m is not None
        predicate, option = ("metres_apart", "limit_m") if metric else ("heights_apart", "limit_heights")
        company = scene.sightings[other]
        number = company.class_id
        name = scene.names[number] if 0 <= number < len(scene.names) else f"class {number}"
        limit = self._limit if apart <= self._limit else self._limit * self.options.release
        facts = {"to": f"{name} {company.track_id}", "to_box": [round(float(side), 6) for side in company.box]}
        return Claim(
            subject,
            predicate,
            round(apart, 6),
            limit,
            occasion=other,
            facts=facts,
            also_about=(company.track_id,),
            comparison="<=",
            option=option,
        )

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 is 1.2 m from truck 9 (limit 2 m)``."""
        unit = "m" if claim.predicate == "metres_apart" else "heights"
        where = f" in zone {self.options.title!r}" if self.options.zone else ""
        return f"{who} is {claim.value:.1f} {unit} from {claim.facts['to']}{where} (limit {claim.threshold:g} {unit})"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region


def _pairs(close: Grid, first: Mask, second: Mask, *, order: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
    """Rows of every pair that is close, once: (first, second). ``order``: rows by age of their objects."""
    pairs = []
    for position, other in np.argwhere(np.triu(close[np.ix_(order, order)], 1)).tolist():
        one, another = int(order[position]), int(order[other])
        if first[one] and second[another]:
            pairs.append((one, another))
        elif first[another] and second[one]:
            pairs.append((another, one))
    return pairs
