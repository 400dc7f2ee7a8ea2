"""``crowding``: too many objects in a zone (DeepStream's overcrowding; ONVIF's occupancy counter with a limit)."""

from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from pydantic import Field

from stages.alert.geometry import Area
from stages.alert.options import nanoseconds
from stages.alert.rule import WHOLE_SCENE, Claim
from stages.alert.scene import Scene
from stages.alert.zoned import AreaOptions


class CrowdingOptions(AreaOptions):
    """Options of ``crowding``. The event is about the zone, not about one of those in it."""

    rule: Literal["crowding"] = "crowding"
    limit: int = Field(ge=1, le=10_000, description="So many may be there; one more is a crowd.")
    hidden_s: float = Field(
        default=2.0,
        ge=0,
        le=3600,
        description="Who was in the zone and is not seen counts this long on: in a crowd people hide one another.",
    )
    enter_inertia_s: float = Field(
        default=3.0, ge=0, le=3600, description="There must be too many for this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=3.0, ge=0, le=3600, description="There must be few enough for this long before an event ends."
    )

    @property
    def of_objects(self) -> bool:
        """It is about a zone."""
        return False

    @property
    def memory_s(self) -> float:
        """Long enough to count those that are hidden."""
        return max(self.lost_s, self.hidden_s)


class Inside(msgspec.Struct):
    """Held for each object that was in the zone when last there."""

    last_ns: int


class Crowding:
    """Fires when more than ``limit`` objects, each sure and known for long enough, have been in the zone for
    ``enter_inertia_s``."""

    Options: ClassVar[type[CrowdingOptions]] = CrowdingOptions
    Memory: ClassVar[type[Inside]] = Inside
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: CrowdingOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=options.margin)
        self._age_ns = nanoseconds(options.min_age_s)
        self._hidden_ns = nanoseconds(options.hidden_s)

    def look(self, scene: Scene, memory: dict[int, Inside]) -> list[Claim]:
        """The zone, where it holds too many."""
        now = scene.frame.media_ns
        subjects = scene.subject.tolist()
        was_inside = np.array([subject in memory for subject in subjects], np.bool_)
        inside = self._area.inside(scene.anchors(self.options.anchor), was_inside)
        for subject, is_inside, vote in zip(subjects, inside.tolist(), scene.vote.tolist(), strict=True):
            known_ns = now - scene.sightings[subject].first_ns
            if is_inside and vote >= self.options.min_confidence and known_ns >= self._age_ns:
                memory[subject] = Inside(now)
            else:
                memory.pop(subject, None)
        for subject in [subject for subject, stay in memory.items() if now - stay.last_ns > self._hidden_ns]:
            del memory[subject]
        if len(memory) <= self.options.limit:
            return []
        limit = self.options.limit
        return [Claim(WHOLE_SCENE, "objects_in_zone", len(memory), limit, comparison=">", option="limit")]

    def describe(self, who: str, claim: Claim) -> str:
        """``13 objects in zone 'platform' (limit 12)``."""
        where = f"in zone {self.options.title!r}" if self.options.zone else "in view"
        return f"{claim.value} objects {where} (limit {claim.threshold})"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region
