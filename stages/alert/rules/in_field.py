"""``in_field``: an object is in a zone (ONVIF FieldDetector, ``IsInside``)."""

from typing import Any, ClassVar, Literal

import msgspec
import numpy as np

from stages.alert.geometry import Area
from stages.alert.rule import Claim
from stages.alert.scene import Scene
from stages.alert.zoned import AreaOptions


class InFieldOptions(AreaOptions):
    """Options of ``in_field``."""

    rule: Literal["in_field"] = "in_field"


class Inside(msgspec.Struct):
    """Held for each object that was in the zone when last there."""


class InField:
    """Fires when the anchor of an object has been in the zone for ``enter_inertia_s``; ends when it has left."""

    Options: ClassVar[type[InFieldOptions]] = InFieldOptions
    Memory: ClassVar[type[Inside]] = Inside
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: InFieldOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=options.margin)

    def look(self, scene: Scene, memory: dict[int, Inside]) -> list[Claim]:
        """Every object in the zone."""
        subjects = scene.subject.tolist()
        was_inside = np.array([subject in memory for subject in subjects], np.bool_)
        inside = self._area.inside(scene.anchors(self.options.anchor), was_inside).tolist()
        claims = []
        for subject, is_inside in zip(subjects, inside, strict=True):
            if is_inside:
                memory.setdefault(subject, Inside())
                claims.append(Claim(subject, "anchor_in_zone", True, True, comparison="=="))
            else:
                memory.pop(subject, None)
        return claims

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 is in zone 'lawn'``."""
        return f"{who} is in zone {self.options.title!r}" if self.options.zone else f"{who} is in view"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region
