"""``fall``: somebody who stood lies, all of a sudden, and stays down. By boxes alone, without a network for poses.

A box says little: it is the outline of a person seen from one side. Whoever falls along the line of sight shows a box
that gets short but hardly wide; whoever crouches for seconds shows the same. ``docs/guide/rules.md`` has measurements.
"""

from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np
from pydantic import Field, model_validator

from pipeline.clock import SECOND
from stages.alert.geometry import Area
from stages.alert.options import Anchor, nanoseconds
from stages.alert.rule import Claim
from stages.alert.scene import Scene
from stages.alert.sighting import Box
from stages.alert.zoned import AreaOptions

_BORDER = 0.01
"""A box this near to the upper or lower border of the picture is cut by it."""
_REMEMBERED_S = 3.0
"""How long upright boxes are remembered."""
_LEAST = 3
"""Upright boxes that it takes to know how tall somebody is."""
_RAGGED = 0.6
"""Nobody has got up whose box is lower than this share of what it was upright: it is a part of somebody hidden."""

_ASIDE = 1.0
_DEEPER = 0.5
"""Somebody whose track breaks in a fall appears again within so many heights to the side, and feet up or down."""


class FallOptions(AreaOptions):
    """Options of ``fall``."""

    rule: Literal["fall"] = "fall"
    classes: tuple[str, ...] = Field(default=("person",), description="Names of the classes it looks at; empty: all.")
    upright: float = Field(
        default=0.7, gt=0, le=1, description="Width over height of a box up to which somebody stands or walks."
    )
    lying: float = Field(
        default=1.1, ge=0.5, le=5, description="Width over height of a box from which somebody may lie."
    )
    drop: float = Field(
        default=0.4,
        gt=0,
        lt=1,
        description="So far the upper edge of the box must have come down, in heights of the upright box; hidden feet "
        "change the shape of a box, too, but not its upper edge.",
    )
    within_s: float = Field(
        default=2.0, gt=0, le=60, description="From upright to lying at most this long; who lies down takes longer."
    )
    still_s: float = Field(
        default=2.0, ge=0, le=3600, description="Time of lying still that makes an event: help may be needed."
    )
    drift: float = Field(
        default=0.25,
        gt=0,
        le=2,
        description="Somebody lies still as long as the centre of the box stays within this distance, in heights of "
        "the upright box.",
    )
    anchor: Anchor = Field(default="centre", description="Point of the box that stands for the person.")
    min_confidence: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="The median of the object's last confidences must reach this for an event to start. Low: detectors "
        "are less sure of people who lie.",
    )
    enter_inertia_s: float = Field(
        default=0.0, ge=0, le=3600, description="The limit must be exceeded this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=2.0, ge=0, le=3600, description="Somebody must have got up or moved on this long before an event ends."
    )
    lost_s: float = Field(
        default=10.0, ge=0, le=3600, description="Who is not seen for this long is lost, the event ends."
    )

    @model_validator(mode="after")
    def _check_shapes(self) -> Self:
        if self.lying <= self.upright:
            raise ValueError(f"lying ({self.lying:g}) must be more than upright ({self.upright:g})")
        return self


class Posture(msgspec.Struct):
    """How one person was of late. Places in pixels, times in ns."""

    upright: list[tuple[int, float, float]] = []
    """Time, upper edge and height of the last upright boxes, oldest first."""
    fallen_ns: int = -1
    """When lying began; -1: nobody fell."""
    height: float = 0.0
    """Of the upright box before the fall."""
    dropped: float = 0.0
    """How far the upper edge came down, in that height."""
    took_s: float = 0.0
    """From upright to lying."""
    aspect: float = 0.0
    """Width over height when lying began."""
    lies_ns: int = -1
    """When it came to lie where it is now."""
    x: float = 0.0
    y: float = 0.0
    seen_ns: int = -1
    box: Box = (0.0, 0.0, 0.0, 0.0)
    """Where it was last."""


class Fall:
    """Fires when somebody's box was upright, was lying within ``within_s`` with its upper edge lower by ``drop``, and
    has been still for ``still_s``; ends when it is upright again or gone."""

    Options: ClassVar[type[FallOptions]] = FallOptions
    Memory: ClassVar[type[Posture]] = Posture
    momentary: ClassVar[bool] = False
    about_objects: ClassVar[bool] = True

    def __init__(self, options: FallOptions) -> None:
        self.options = options
        self._area = Area(options.zone, margin=options.margin)
        self._within_ns = nanoseconds(options.within_s)
        self._still_ns = nanoseconds(options.still_s)

    def look(self, scene: Scene, memory: dict[int, Posture]) -> list[Claim]:
        """Everybody who fell in the zone and lies still."""
        now = scene.frame.media_ns
        subjects = scene.subject.tolist()
        was_inside = np.array([subject in memory for subject in subjects], np.bool_)
        inside = self._area.inside(scene.anchors(self.options.anchor), was_inside).tolist()
        size = np.array([scene.frame.width, scene.frame.height] * 2, np.float64)
        cut = (scene.box[:, 1] < _BORDER) | (scene.box[:, 3] > 1 - _BORDER)
        claims = []
        rows = zip(subjects, inside, cut.tolist(), (scene.box * size).tolist(), strict=True)
        for subject, is_inside, is_cut, box in rows:
            if not is_inside:
                memory.pop(subject, None)
                continue
            if subject not in memory:
                memory[subject] = self._taken_over(memory, set(subjects), now, tuple(box))
            posture = memory[subject]
            posture.seen_ns, posture.box = now, tuple(box)
            if not is_cut:
                self._follow(posture, now, tuple(box))
            if posture.fallen_ns >= 0 and now - posture.lies_ns >= self._still_ns:
                claims.append(self._claim(subject, posture, now))
        return claims

    def _taken_over(self, memory: dict[int, Posture], there: set[int], now_ns: int, box: Box) -> Posture:
        """What is known of who vanished just here: falls break tracks. A new posture for one who stands, or far off."""
        if box[2] - box[0] <= self.options.upright * (box[3] - box[1]):
            return Posture()
        near: list[tuple[float, int]] = []
        for subject, posture in memory.items():
            told = posture.fallen_ns >= 0 and posture.seen_ns - posture.lies_ns >= self._still_ns
            if subject in there or told or now_ns - posture.seen_ns > self._within_ns:
                continue
            height = max(posture.height, posture.box[3] - posture.box[1], 1.0)
            aside = abs(box[0] + box[2] - posture.box[0] - posture.box[2]) / 2 / height
            if aside <= _ASIDE and abs(box[3] - posture.box[3]) <= _DEEPER * height:
                near.append((aside, subject))
        return memory.pop(min(near)[1]) if near else Posture()

    def _follow(self, posture: Posture, now_ns: int, box: Box) -> None:
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        if height <= 0:
            return
        aspect = width / height
        if posture.fallen_ns >= 0:
            self._lie(posture, now_ns, box)
        if posture.fallen_ns < 0 and aspect <= self.options.upright:
            oldest = now_ns - nanoseconds(_REMEMBERED_S)
            posture.upright = [each for each in posture.upright if each[0] >= oldest] + [(now_ns, top, height)]
        elif posture.fallen_ns < 0 and aspect >= self.options.lying:
            self._fall(posture, now_ns, box)

    def _fall(self, posture: Posture, now_ns: int, box: Box) -> None:
        known = posture.upright
        if len(known) < _LEAST or now_ns - known[-1][0] > self._within_ns:
            return
        height = float(np.median([each[2] for each in known]))
        top = float(np.median([each[1] for each in known[-_LEAST:]]))
        dropped = (box[1] - top) / height
        if dropped < self.options.drop:
            return
        posture.fallen_ns = posture.lies_ns = now_ns
        posture.height, posture.dropped = height, dropped
        posture.aspect = (box[2] - box[0]) / (box[3] - box[1])
        posture.took_s = (now_ns - known[-1][0]) / SECOND
        posture.x, posture.y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2

    def _lie(self, posture: Posture, now_ns: int, box: Box) -> None:
        x, y, height = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[3] - box[1]
        if box[2] - box[0] <= self.options.upright * height and height >= _RAGGED * posture.height:
            posture.fallen_ns, posture.upright = -1, []
        elif np.hypot(x - posture.x, y - posture.y) > self.options.drift * posture.height:
            posture.lies_ns, posture.x, posture.y = now_ns, x, y

    def _claim(self, subject: int, posture: Posture, now_ns: int) -> Claim:
        seconds = round((now_ns - posture.lies_ns) / SECOND, 6)
        facts = {
            "fell_at": round(posture.fallen_ns / SECOND, 6),
            "from_upright_to_lying_s": round(posture.took_s, 6),
            "at_most_s": self.options.within_s,
            "dropped_by_heights": round(posture.dropped, 6),
            "dropped_at_least": self.options.drop,
            "width_over_height": round(posture.aspect, 6),
            "lying_from": self.options.lying,
        }
        return Claim(subject, "seconds_lying_still", seconds, self.options.still_s, facts=facts, option="still_s")

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 fell and has been lying still for 2.0 s``."""
        where = f" in zone {self.options.title!r}" if self.options.zone else ""
        return f"{who} fell{where} and has been lying still for {claim.value:.1f} s"

    def region(self) -> dict[str, Any]:
        """The zone."""
        return self.options.region
