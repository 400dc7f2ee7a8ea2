"""``line_crossed``: an object walks over a line (ONVIF LineDetector, ``Crossed``)."""

from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field

from stages.alert.geometry import Segment
from stages.alert.options import Line, RuleOptions, nanoseconds
from stages.alert.rule import Claim
from stages.alert.scene import Scene


class LineCrossedOptions(RuleOptions):
    """Options of ``line_crossed``.

    Which side is left: stand on the picture at the line's first point and look to the second. A line from the left
    edge of the picture to its right edge has its left above (farther from the camera) and its right below (nearer)::

                    left          direction: left    towards the left side (here: upwards, away from the camera)
        first ───────────► second
                    right         direction: right   towards the right side (here: downwards, to the camera)
    """

    rule: Literal["line_crossed"] = "line_crossed"
    line: Line = Field(description="First and second point of the line, as shares of the picture.")
    direction: Literal["left", "right", "any"] = Field(
        default="any", description="Side that the object must arrive on, looking from the first point to the second."
    )
    margin: float = Field(
        default=0.01,
        ge=0,
        le=0.5,
        description="Distance beyond the line, in shares of the picture, from which an object is across.",
    )
    rearm_s: float = Field(
        default=5.0, ge=0, le=86400, description="No new event for this long (media time) about the same object."
    )


class Passage(msgspec.Struct):
    """Where one object is with regard to the line. Sides: -1 left, 1 right, 0 not known yet."""

    offset: float
    """Signed distance to the endless line when last there."""
    position: float
    """Share of the segment at its foot when last there."""
    side: int = 0
    """The last side it was on by more than the margin."""
    home: int = 0
    """The last side it stayed on for the inertia."""
    since_ns: int = 0
    """When it came to ``side``."""
    through: bool = False
    """Its last way over the endless line led through the segment."""
    count: int = 0
    """Crossings so far, those included that it took back."""
    claimed: int = 0
    """Number of the crossing that holds now; 0: none."""


class LineCrossed:
    """Fires when the path of an object's anchor has led through the segment, from a side it had stayed on to the
    other, and it has stayed there for ``enter_inertia_s``. A moment: the event starts and ends at the same frame.

    Jitter counts for nothing: a side is reached only beyond the margin, and a crossing that is taken back within the
    inertia never was. Ways around the end of the line are not crossings.
    """

    Options: ClassVar[type[LineCrossedOptions]] = LineCrossedOptions
    Memory: ClassVar[type[Passage]] = Passage
    momentary: ClassVar[bool] = True
    about_objects: ClassVar[bool] = True

    def __init__(self, options: LineCrossedOptions) -> None:
        self.options = options
        self._segment = Segment(options.line[0], options.line[1])
        self._inertia_ns = nanoseconds(options.enter_inertia_s)
        self._wanted = {"left": (-1,), "right": (1,), "any": (-1, 1)}[options.direction]

    def look(self, scene: Scene, memory: dict[int, Passage]) -> list[Claim]:
        """Every object that has crossed and not come back since."""
        points = scene.anchors(self.options.anchor)
        offsets, positions = self._segment.offset(points).tolist(), self._segment.position(points).tolist()
        claims = []
        for subject, offset, position in zip(scene.subject.tolist(), offsets, positions, strict=True):
            passage = memory.get(subject)
            if passage is None:
                passage = memory[subject] = Passage(offset, position)
            self._follow(passage, scene.frame.media_ns, offset, position)
            if passage.claimed:
                side = "right" if passage.side > 0 else "left"
                claims.append(self._claim(subject, side, passage.claimed))
        return claims

    def _claim(self, subject: int, side: str, occasion: int) -> Claim:
        direction = self.options.direction
        if direction == "any":
            return Claim(subject, "crossed_line_to", side, ["left", "right"], occasion, comparison="in")
        return Claim(subject, "crossed_line_to", side, direction, occasion, comparison="==")

    def _follow(self, passage: Passage, now_ns: int, offset: float, position: float) -> None:
        if (passage.offset < 0) != (offset < 0):
            share = passage.offset / (passage.offset - offset)
            passage.through = 0 <= passage.position + share * (position - passage.position) <= 1
        passage.offset, passage.position = offset, position
        side = 1 if offset > self.options.margin else -1 if offset < -self.options.margin else passage.side
        if side != passage.side:
            self._change_side(passage, side, now_ns)
        if passage.home != side and now_ns - passage.since_ns >= self._inertia_ns:
            passage.home = side

    def _change_side(self, passage: Passage, side: int, now_ns: int) -> None:
        first = passage.side == 0
        passage.side, passage.since_ns, passage.claimed = side, now_ns, 0
        if first:
            passage.home = side
        elif side != passage.home and passage.through and side in self._wanted:
            passage.count += 1
            passage.claimed = passage.count

    def describe(self, who: str, claim: Claim) -> str:
        """``person 7 crossed line 'kerb' to the left``."""
        return f"{who} crossed line {self.options.title!r} to the {claim.value}"

    def region(self) -> dict[str, Any]:
        """The line."""
        return {"line": [list(point) for point in self.options.line]}
