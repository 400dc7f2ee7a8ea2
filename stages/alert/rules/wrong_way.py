"""``wrong_way``: an object moves against the direction that is allowed (DeepStream's direction detection)."""

from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from pydantic import Field

from stages.alert.geometry import Area
from stages.alert.options import Line, nanoseconds
from stages.alert.rule import Claim
from stages.alert.scene import Scene
from stages.alert.zoned import AreaOptions


class WrongWayOptions(AreaOptions):
    """Options of ``wrong_way``."""

    rule: Literal["wrong_way"] = "wrong_way"
    direction: Line = Field(description="An arrow the way that is allowed: from its first point to its second.")
    angle_deg: float = Field(
        default=60.0,
        gt=0,
        le=90,
        description="How far, in degrees, a way may differ from the arrow turned round and still be the wrong one.",
    )
    over_s: float = Field(
        default=1.0, gt=0, le=60, description="A way is measured from where the object was this long ago."
    )
    least: float = Field(
        default=0.5,
        gt=0,
        le=100,
        description="Shorter ways are none, in lengths of the object's box (the root of its area): who stands and "
        "jitters goes no way.",
    )
    enter_inertia_s: float = Field(
        default=1.0, ge=0, le=3600, description="It must go the wrong way this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=2.0, ge=0, le=3600, description="It must have stopped or turned this long before an event ends."
    )


class Way(msgspec.Struct):
    """Where one object in the zone has been: media time in ns, x and y in pixels, oldest first."""

    places: list[tuple[int, float, float]] = []


class WrongWay:
    """Fires when an object in the zone has moved against the arrow for ``enter_inertia_s``."""

    Options: ClassVar[type[WrongWayOptions]] = WrongWayOptions
    Memory: ClassVar[type[Way]] = Way
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: WrongWayOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=options.margin)
        self._over_ns = nanoseconds(options.over_s)

    def look(self, scene: Scene, memory: dict[int, Way]) -> list[Claim]:
        """Every object in the zone that goes the wrong way."""
        now, pixels = scene.frame.media_ns, np.array([scene.frame.width, scene.frame.height], np.float64)
        arrow = (np.array(self.options.direction[1]) - np.array(self.options.direction[0])) * pixels
        reach, anchors = np.hypot(*arrow), scene.anchors(self.options.anchor)
        subjects = scene.subject.tolist()
        was_inside = np.array([subject in memory for subject in subjects], np.bool_)
        inside = self._area.inside(anchors, was_inside).tolist()
        lengths = np.sqrt(((scene.box[:, 2:] - scene.box[:, :2]) * pixels).prod(axis=1)).tolist()
        claims = []
        for subject, is_inside, (x, y), length in zip(
            subjects, inside, (anchors * pixels).tolist(), lengths, strict=True
        ):
            if not is_inside:
                memory.pop(subject, None)
                continue
            places = memory.setdefault(subject, Way()).places
            places.append((now, x, y))
            while len(places) > 1 and now - places[1][0] >= self._over_ns:
                del places[0]
            way = np.array([x - places[0][1], y - places[0][2]])
            gone = np.hypot(*way)
            if now - places[0][0] < self._over_ns or gone < self.options.least * length:
                continue
            off = float(np.degrees(np.arccos(max(min(-way @ arrow / gone / reach, 1.0), -1.0))))
            if off <= self.options.angle_deg:
                limit = self.options.angle_deg
                claims.append(
                    Claim(subject, "degrees_off_the_wrong_way", off, limit, comparison="<=", option="angle_deg")
                )
        return claims

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 goes the wrong way in zone 'exit'``."""
        return (
            f"{who} goes the wrong way in zone {self.options.title!r}"
            if self.options.zone
            else (f"{who} goes the wrong way")
        )

    def region(self) -> dict[str, Any]:
        """The zone, and the arrow as a line."""
        zone = self.options.region
        return zone | {"line": [list(point) for point in self.options.direction]}
