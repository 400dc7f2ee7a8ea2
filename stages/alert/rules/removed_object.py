"""``removed_object``: something that belonged to the scene is gone (ONVIF ObjectRemoved).

Static foreground shows where the scene changed for good. Where it stood out from its surroundings more than it does
now, something was taken away; where it stands out more now, something was put down (see ``abandoned_object``). A
person or a vehicle that stood there and left is no thing that was taken.
"""

from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from pipeline.clock import SECOND
from stages.alert.geometry import Area
from stages.alert.options import nanoseconds
from stages.alert.rule import Claim
from stages.alert.rules.owners import Measure, who_put_down
from stages.alert.rules.things import Thing, ThingOptions, Things, occupy, of, stands_in, was_mover
from stages.alert.scene import Scene

_GONE = 1 / 1.2
"""What was taken away stood out from its surroundings so much more than what is there now."""


class RemovedObjectOptions(ThingOptions):
    """Options of ``removed_object``. Its inertia is the time that the thing has been gone."""

    rule: Literal["removed_object"] = "removed_object"
    seconds: float = Field(default=5.0, gt=0, le=86400, description="A thing is removed when gone for this long.")
    untouched: bool = Field(
        default=False,
        description="Also where nobody was seen in touch with the place when it changed: light and leaves as well.",
    )
    enter_inertia_s: float = Field(
        default=0.0, ge=0, le=3600, description="It must be removed this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=5.0, ge=0, le=3600, description="It must be back this long before an event ends."
    )


class RemovedObject:
    """Fires when something has been gone from its place for ``seconds``."""

    Options: ClassVar[type[RemovedObjectOptions]] = RemovedObjectOptions
    Memory: ClassVar[type[msgspec.Struct]] = Things
    momentary: ClassVar[bool] = False

    def __init__(self, options: RemovedObjectOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=0.0)
        self._limit_ns = nanoseconds(options.seconds)

    def look(self, scene: Scene, memory: dict[int, Things]) -> list[Claim]:
        """Every thing that has been gone for long enough."""
        things, now = of(memory), scene.frame.media_ns
        checkable, measure = things.follow(scene), Measure(scene.frame.width, scene.frame.height)
        claims = []
        for number, thing in things.there(now):
            if checkable and thing.state == "dropped":
                self._judge(thing, scene, measure, things.learned_ns)
            if thing.state == "removed":
                claims.append(self._claim(number, thing, scene))
        return claims

    def _judge(self, thing: Thing, scene: Scene, measure: Measure, learned_ns: int) -> None:
        now = scene.frame.media_ns
        if thing.judged_ns != thing.steady_ns:
            thing.judged_ns = thing.steady_ns
            thing.mover = thing.mover or was_mover(thing, scene, learned_ns)
            thing.owners = thing.owners or who_put_down(thing, scene, measure)
        if occupy(thing, scene):
            thing.away_ns = -1
            return
        if thing.away_ns < 0:
            thing.away_ns = now
        since_ns = max(thing.away_ns, thing.steady_ns)
        longer = max(thing.box[2] - thing.box[0], thing.box[3] - thing.box[1])
        if (
            now - since_ns >= self._limit_ns
            and not thing.mover
            and thing.came <= _GONE
            and (thing.owners or self.options.untouched)
            and self.options.smallest <= longer <= self.options.largest
            and stands_in(self._area, thing)
        ):
            thing.state, thing.alone_ns = "removed", since_ns

    def _claim(self, number: int, thing: Thing, scene: Scene) -> Claim:
        gone_s = (scene.frame.media_ns - thing.alone_ns) / SECOND
        facts = {
            "gone_since": round(thing.first_ns / SECOND, 6),
            "touched_by": [scene.sightings[each].track_id for each in thing.owners if each in scene.sightings],
            "apart_now": thing.apart_now,
            "apart_before": thing.apart_before,
        }
        place, limit = thing.box, self.options.seconds
        return Claim(number, "seconds_gone", round(gone_s, 6), limit, facts=facts, place=place, option="seconds")

    def describe(self, who: str, claim: Claim) -> str:
        """``something has been gone from its place for 5.0 s (limit 5 s)``."""
        where = f"zone {self.options.title!r}" if self.options.zone else "its place"
        return f"something has been gone from {where} for {claim.value:.1f} s (limit {claim.threshold:g} s)"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region
