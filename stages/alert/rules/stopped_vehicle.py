"""``stopped_vehicle``: a vehicle that stands still in a zone for too long (i-LIDS parked vehicle: 60 s)."""

from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from pydantic import Field

from pipeline.clock import SECOND
from stages.alert.geometry import Area
from stages.alert.options import Anchor, nanoseconds
from stages.alert.rule import Claim
from stages.alert.scene import Scene
from stages.alert.zoned import AreaOptions

VEHICLES = ("car", "motorcycle", "bus", "truck")


class StoppedVehicleOptions(AreaOptions):
    """Options of ``stopped_vehicle``. Its inertia is the standing itself."""

    rule: Literal["stopped_vehicle"] = "stopped_vehicle"
    classes: tuple[str, ...] = Field(default=VEHICLES, description="Names of the classes it looks at; empty: all.")
    seconds: float = Field(default=60.0, gt=0, le=86400, description="Time of standing still that makes an event.")
    drift: float = Field(
        default=0.3,
        gt=0,
        le=2,
        description="A vehicle stands as long as its anchor is within this distance of where it stopped, in lengths of "
        "its box (the root of its area): so boxes may jitter, and far vehicles are judged as near ones.",
    )
    anchor: Anchor = Field(default="centre", description="Point of the box that stands for the vehicle.")
    enter_inertia_s: float = Field(
        default=0.0, ge=0, le=3600, description="The limit must be exceeded this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=2.0, ge=0, le=3600, description="It must have moved on this long before an event ends."
    )
    lost_s: float = Field(
        default=10.0, ge=0, le=3600, description="A vehicle that is hidden for longer is lost, its event ends."
    )
    rearm_s: float = Field(
        default=300.0,
        ge=0,
        le=86400,
        description="No new event for this long (media time) about the same vehicle, or where it was lost.",
    )


_STEP = 1 / 3
"""Share of the drift that is a step of a vehicle that still rolls to a halt."""
_SETTLE_NS = SECOND
"""Without a step for this long it has come to rest; what its box does then is jitter, within the drift."""


class Stand(msgspec.Struct):
    """Where one vehicle stands, or where it was when it began to roll to a halt, in pixels, and since when."""

    x: float
    y: float
    since_ns: int
    reach: float = 0.0
    """How far from there it had come at its last step; it can only grow, so jitter takes few steps."""
    pace: float = 0.0
    """How fast it made that step, in pixels a nanosecond; 0: not known."""
    seen_ns: int = 0
    seen_reach: float = 0.0
    """When it was last there, and how far from ``x`` and ``y``."""
    settled: bool = False
    """It has come to rest at ``x`` and ``y``."""

    def settle(self, x: float, y: float, reach: float) -> None:
        """It has come to rest here, ``reach`` away: after its last step, had it kept its pace."""
        if self.pace > 0:
            self.since_ns += min(round(max(reach - self.reach, 0.0) / self.pace), _SETTLE_NS)
        self.x, self.y, self.settled = x, y, True


class StoppedVehicle:
    """Fires when a vehicle has stood still in the zone for ``seconds``. Passing traffic may hide it meanwhile."""

    Options: ClassVar[type[StoppedVehicleOptions]] = StoppedVehicleOptions
    Memory: ClassVar[type[Stand]] = Stand
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: StoppedVehicleOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=options.margin)
        self._limit_ns = nanoseconds(options.seconds)

    def look(self, scene: Scene, memory: dict[int, Stand]) -> list[Claim]:
        """Every vehicle that has stood in the zone for long enough."""
        now, pixels = scene.frame.media_ns, np.array([scene.frame.width, scene.frame.height], np.float64)
        anchors = scene.anchors(self.options.anchor)
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
            stand, drift = memory.get(subject), self.options.drift * length
            if stand is None:
                memory[subject] = Stand(x, y, now, seen_ns=now)
                continue
            reach, since_ns = float(np.hypot(x - stand.x, y - stand.y)), now - stand.since_ns
            if reach > drift:
                pace = (reach - stand.seen_reach) / (now - stand.seen_ns)
                memory[subject] = Stand(x, y, now, pace=pace, seen_ns=now)
                continue
            stand.seen_ns, stand.seen_reach = now, reach
            if not stand.settled and since_ns >= _SETTLE_NS:
                stand.settle(x, y, reach)
            elif not stand.settled and reach - stand.reach > _STEP * drift:
                stand.pace = (reach - stand.reach) / since_ns
                stand.since_ns, stand.reach = now, reach
            if now - stand.since_ns >= self._limit_ns:
                seconds = round((now - stand.since_ns) / SECOND, 6)
                claims.append(Claim(subject, "seconds_standing", seconds, self.options.seconds, option="seconds"))
        return claims

    def describe(self, who: str, claim: Claim) -> str:
        """``car 7 has stood in zone 'bus lane' for 60.0 s (limit 60 s)``."""
        where = f"in zone {self.options.title!r}" if self.options.zone else "still"
        return f"{who} has stood {where} for {claim.value:.1f} s (limit {claim.threshold:g} s)"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region
