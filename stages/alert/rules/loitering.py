"""``loitering``: an object stays in a zone for too long (ONVIF LoiteringDetector; 60 s as in PETS 2007)."""

from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from pydantic import Field

from pipeline.clock import SECOND
from stages.alert.geometry import Area
from stages.alert.options import nanoseconds
from stages.alert.rule import Claim
from stages.alert.scene import Scene
from stages.alert.zoned import AreaOptions


class LoiteringOptions(AreaOptions):
    """Options of ``loitering``. Its inertia is the stay itself, so an event starts at once when the limit is
    reached and ends after as long an absence as would start the count anew."""

    rule: Literal["loitering"] = "loitering"
    seconds: float = Field(default=60.0, gt=0, le=86400, description="Time in the zone that makes a loiterer.")
    max_gap_s: float = Field(
        default=5.0,
        ge=0,
        le=3600,
        description="An absence up to this long does not start the count anew. What was seen outside does not count; "
        "what was hidden (occluded, dropped frames) does.",
    )
    enter_inertia_s: float = Field(
        default=0.0, ge=0, le=3600, description="The limit must be exceeded this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=5.0, ge=0, le=3600, description="The object must be outside this long before an event ends."
    )
    lost_s: float = Field(
        default=5.0, ge=0, le=3600, description="An object that is not seen for this long is lost, its event ends."
    )

    @property
    def memory_s(self) -> float:
        """Long enough to bridge the longest gap."""
        return max(self.lost_s, self.max_gap_s)


class Stay(msgspec.Struct):
    """How long one object has been in the zone."""

    last_ns: int
    """When it was last in the zone."""
    total_ns: int = 0
    outside: bool = False
    """It has been seen outside since."""


class Loitering:
    """Fires when an object has been in the zone for ``seconds``, shorter absences bridged."""

    Options: ClassVar[type[LoiteringOptions]] = LoiteringOptions
    Memory: ClassVar[type[Stay]] = Stay
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: LoiteringOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=options.margin)
        self._limit_ns = nanoseconds(options.seconds)
        self._gap_ns = nanoseconds(options.max_gap_s)

    def look(self, scene: Scene, memory: dict[int, Stay]) -> list[Claim]:
        """Every object in the zone that has been there for long enough."""
        now = scene.frame.media_ns
        subjects = scene.subject.tolist()
        stays = [memory.get(subject) for subject in subjects]
        was_inside = np.array([stay is not None and not stay.outside for stay in stays], np.bool_)
        inside = self._area.inside(scene.anchors(self.options.anchor), was_inside).tolist()
        claims = []
        for subject, stay, is_inside in zip(subjects, stays, inside, strict=True):
            if stay is not None and now - stay.last_ns > self._gap_ns:
                del memory[subject]
                stay = None
            if not is_inside:
                if stay is not None:
                    stay.outside = True
                continue
            if stay is None:
                stay = memory[subject] = Stay(now)
            elif not stay.outside:
                stay.total_ns += now - stay.last_ns
            stay.last_ns, stay.outside = now, False
            if stay.total_ns >= self._limit_ns:
                seconds = round(stay.total_ns / SECOND, 6)
                claims.append(Claim(subject, "seconds_in_zone", seconds, self.options.seconds, option="seconds"))
        return claims

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 stayed in zone 'lawn' for 10.0 s (limit 10 s)``."""
        where = f"in zone {self.options.title!r}" if self.options.zone else "in view"
        return f"{who} stayed {where} for {claim.value:.1f} s (limit {claim.threshold:g} s)"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region
