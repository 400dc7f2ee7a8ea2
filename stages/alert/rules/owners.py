"""Who put a thing down, and how far he is from it."""

from dataclasses import dataclass, field
from math import hypot
from statistics import median
from typing import NamedTuple

import numpy as np

from pipeline.clock import SECOND
from stages.alert.ground import Ground
from stages.alert.rules.things import PEOPLE, Thing
from stages.alert.scene import Scene
from stages.alert.sighting import Box, Sighting

BEFORE_NS = 5 * SECOND
"""Who was at the place this long before a thing was seen to stand there may have put it down."""
TOUCH = 0.5
"""Who is this near is in touch with it: gap between two boxes, in widths of the person."""
_COMPANY = 1.0
"""Who is this near to the one who put it down is with him: gap in widths."""


class Reach(NamedTuple):
    """A distance on the ground: in metres where that is measured, in widths of a person's box where it is not."""

    metres: float
    widths: float


@dataclass(frozen=True, slots=True)
class Measure:
    """How far people are from things in one frame: in metres where the calibration reaches, else in widths of the
    person's box, which shrink with distance as metres do."""

    width: int
    height: int
    ground: Ground | None = None
    _breadths: dict[int, float] = field(default_factory=dict, repr=False, compare=False)

    def within(self, reach: Reach, person: Sighting, box: Box) -> bool:
        """Whether a person's feet are as near as this to the foot of a thing."""
        feet = np.array([[(b[0] + b[2]) / 2, b[3]] for b in (person.box, box)])
        if self.ground is not None:
            one, other = self.ground.metres(feet)
            metres = float(np.hypot(*(one - other)))
            if np.isfinite(metres):
                return metres <= reach.metres
        pixels = float(np.hypot(*((feet[0] - feet[1]) * (self.width, self.height))))
        return pixels / self._breadth(person) <= reach.widths

    def gap(self, person: Sighting, box: Box, *, at: Box | None = None) -> float:
        """Gap between the box of a person (now, or ``at``) and that of a thing, in widths of the person; 0: they
        touch."""
        own = at or person.box
        aside = max(0.0, box[0] - own[2], own[0] - box[2]) * self.width
        apart = max(0.0, box[1] - own[3], own[1] - box[3]) * self.height
        return hypot(aside, apart) / self._breadth(person)

    def _breadth(self, person: Sighting) -> float:
        """Usual width of a person's box in pixels: strides and the border of the picture change it for moments."""
        breadth = self._breadths.get(person.subject)
        if breadth is None:
            widths = [box[2] - box[0] for _, box in person.path] or [person.box[2] - person.box[0]]
            breadth = self._breadths[person.subject] = max(median(widths) * self.width, 1.0)
        return breadth


def who_put_down(thing: Thing, scene: Scene, measure: Measure) -> list[int]:
    """Everybody who was in touch with the place when the thing appeared, and who was with them then."""
    since_s = (thing.first_ns - BEFORE_NS) / SECOND
    people = {subject: sighting for subject, sighting in scene.sightings.items() if _is_person(sighting, scene)}
    owners = [subject for subject, person in people.items() if _touched(person, thing.box, since_s, measure)]
    company = [
        subject
        for subject, person in people.items()
        if subject not in owners
        and person.present
        and any(people[owner].present and measure.gap(person, people[owner].box) <= _COMPANY for owner in owners)
    ]
    return sorted([*owners, *company])


def _is_person(sighting: Sighting, scene: Scene) -> bool:
    return 0 <= sighting.class_id < len(scene.names) and scene.names[sighting.class_id] in PEOPLE


def _touched(person: Sighting, box: Box, since_s: float, measure: Measure) -> bool:
    boxes = [each for track in (person.path, person.recent) for seconds, each in track if seconds >= since_s]
    if person.last_ns / SECOND >= since_s:
        boxes.append(person.box)
    return any(measure.gap(person, box, at=each) <= TOUCH for each in boxes)
