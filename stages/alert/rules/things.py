"""Things that stand where nothing stood, or are gone from where they stood: blobs of ``still``, followed over time.

A blob has no name and no number. It becomes a thing when it is first seen, and stays the same thing however its
outline flickers, whoever stands in front of it, and whatever shadow it grows: blobs that touch are one.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from pydantic import Field

from pipeline.clock import SECOND
from stages.alert.geometry import Area, covered, overlap
from stages.alert.rule import WHOLE_SCENE
from stages.alert.scene import Scene
from stages.alert.sighting import Box, Sighting
from stages.alert.zoned import ZonedOptions

PEOPLE = frozenset({"person"})
VEHICLES = frozenset({"bicycle", "car", "motorcycle", "bus", "truck", "train", "boat"})
BAGS = frozenset({"backpack", "handbag", "suitcase"})

FORGOTTEN_NS = 10_000_000_000
"""A thing that is not there for this long, with nobody in front of it, is gone."""
_GROWN = 0.25
_LEAST_GROWN = 0.01
"""A thing reaches this far beyond its box, in shares of its sides but at least of the picture, when a blob is matched
with it."""
_MATCH = 0.2
"""Share of the smaller box that must be common to thing and blob."""
_COVERS = 0.5
_HIDES = 0.25
_ALIKE = 0.3
"""Overlap (intersection over union) from which on a box and a thing are the same."""
_STEADY = 0.5
"""Overlap of its box then and now from which on a thing has not changed."""
_STOOD_S = 1.0
"""Who was in a place for less passed by."""
_EDGE = 1e-6


class ThingOptions(ZonedOptions):
    """What the two rules about things that come and go have in common."""

    smallest: float = Field(
        default=0.015, gt=0, le=1, description="Things whose longer side is less, in shares of the picture, are none."
    )
    largest: float = Field(
        default=0.3, gt=0, le=1, description="Things whose longer side is more, in shares of the picture, are none."
    )
    rearm_s: float = Field(
        default=300.0, ge=0, le=86400, description="No new event for this long (media time) at the same place."
    )

    @property
    def of_objects(self) -> bool:
        """It is about a thing that has no track."""
        return False

    @property
    def needs(self) -> frozenset[str]:
        """Static foreground."""
        return frozenset({"still"})

    @property
    def must_see(self) -> frozenset[str]:
        """Classes that the detector must not be told to leave out."""
        return PEOPLE

    @property
    def class_names(self) -> tuple[str, ...]:
        """Without people nobody puts down or takes anything."""
        return (*super().class_names, *PEOPLE)

    @property
    def memory_s(self) -> float:
        """Long enough to know who stood where something came or went."""
        return max(self.lost_s, 60.0)


class Thing(msgspec.Struct):
    """One thing. Times are media time."""

    box: Box
    first_ns: int
    """Since when it has stood there."""
    seen_ns: int
    """When a blob was last there."""
    steady_ns: int
    """Since when its box is what it is."""
    steady: Box
    apart_now: float = 0.0
    apart_before: float = 0.0
    filled: float = 0.0
    hidden: bool = False
    """Somebody is in front of it."""
    occupants: dict[int, Box] = {}
    """People and vehicles that may be what stands there, and where each was last seen."""
    owners: list[int] = []
    called: str = ""
    """What the detector calls it, if anything."""
    called_ns: int = 0
    away_ns: int = -1
    """Since when it is alone; -1: it is not."""
    doubt_ns: int = -1
    """Since when it seems to be; -1: it does not."""
    alone_ns: int = -1
    """Since when it had been alone, its outline unchanged, when it came to be abandoned or removed; -1: it is not.
    From then on its outline may change."""
    state: str = "dropped"
    mover: bool = False
    """A person or a vehicle was here and left: what is gone is that."""
    judged_ns: int = -1

    @property
    def came(self) -> float:
        """How much more it stands out than what was there before: above 1 it was put down, below 1 taken away."""
        return self.apart_now / max(self.apart_before, 1.0)


class Things(msgspec.Struct):
    """All that a rule remembers of the things of one camera; lies in its memory under ``WHOLE_SCENE``."""

    count: int = 0
    known: dict[int, Thing] = {}
    """By number below zero, which is its subject."""
    learned_ns: int = -1
    """When the background was last being learned: who stood then is part of it."""
    carried: dict[int, tuple[int, int]] = {}
    """Bags in somebody's hands, by subject: the carrier's subject, and when that was last seen."""

    def follow(self, scene: Scene) -> bool:
        """Take in a frame's blobs. False while the background is learned: nothing can be said of anything then, and
        what was there is taken to be there."""
        said, now = scene.features.get("still"), scene.frame.media_ns
        if not isinstance(said, dict) or said.get("learning", True):
            self.learned_ns = now
            for thing in self.known.values():
                thing.seen_ns = now
            return False
        matched = set[int]()
        for blob in sorted(said["blobs"], key=_longest_first):
            box: Box = (blob[0], blob[1], blob[2], blob[3])
            number = self._find(box)
            if number in matched:
                continue
            if number is None:
                self.count += 1
                number = -self.count
                since = now - round(blob[4] * SECOND)
                self.known[number] = Thing(box, since, now, now, box)
            matched.add(number)
            self._update(self.known[number], blob, box, now)
        movers = scene.box[scene.of_classes(PEOPLE | VEHICLES)].tolist() if self.known else []
        for number, thing in list(self.known.items()):
            thing.hidden = any(covered(thing.box, box) >= _HIDES for box in movers)
            if number in matched or thing.hidden:
                thing.seen_ns = now
            elif now - thing.seen_ns > FORGOTTEN_NS:
                del self.known[number]
        return True

    def there(self, now_ns: int) -> list[tuple[int, Thing]]:
        """Those that are there at this frame, hidden or not, in order of appearance."""
        return [(number, thing) for number, thing in self.known.items() if thing.seen_ns == now_ns]

    def _find(self, box: Box) -> int | None:
        best, best_common = None, _MATCH
        for number, thing in self.known.items():
            common = max(covered(box, grown(thing.box)), covered(thing.box, grown(box)))
            if common >= best_common:
                best, best_common = number, common
        return best

    def _update(self, thing: Thing, blob: Sequence[float], box: Box, now_ns: int) -> None:
        thing.box, thing.seen_ns = box, now_ns
        thing.apart_now, thing.apart_before, thing.filled = blob[5], blob[6], blob[7]
        if overlap(thing.steady, box) < _STEADY:
            thing.steady, thing.steady_ns = box, now_ns


def of(memory: dict[int, Things]) -> Things:
    """The things in a rule's memory."""
    return memory.setdefault(WHOLE_SCENE, Things())


def grown(box: Box) -> Box:
    """A box with some room around it."""
    wide, high = max((box[2] - box[0]) * _GROWN, _LEAST_GROWN), max((box[3] - box[1]) * _GROWN, _LEAST_GROWN)
    return box[0] - wide, box[1] - high, box[2] + wide, box[3] + high


def occupy(thing: Thing, scene: Scene) -> bool:
    """Whether a person or a vehicle is what stands there, or stands so that nobody can tell.

    Who stands still is at times not detected: whoever was last seen where the thing is, and looked as large as it
    is, is taken to be there still until he is seen elsewhere.
    """
    movers = scene.of_classes(PEOPLE | VEHICLES)
    present: dict[int, Box] = dict(
        zip(scene.subject[movers].tolist(), map(tuple, scene.box[movers].tolist()), strict=True)
    )
    here = {subject: box for subject, box in present.items() if covered(thing.box, box) >= _COVERS}
    lost = {
        subject: last
        for subject, box in thing.occupants.items()
        if subject not in present and overlap(last := _last_box(scene.sightings.get(subject), box), thing.box) >= _ALIKE
    }
    thing.occupants = here | lost
    return bool(thing.occupants)


def _last_box(sighting: Sighting | None, box: Box) -> Box:
    """Where somebody was last seen; ``box``: where he was when that was last asked, for him who is forgotten."""
    return box if sighting is None else sighting.box


def was_mover(thing: Thing, scene: Scene, learned_ns: int) -> bool:
    """Whether what is gone is a person or a vehicle: one stood there, looked as large, and left; or was there when the
    background was learned."""
    for sighting in scene.sightings.values():
        if not (0 <= sighting.class_id < len(scene.names) and scene.names[sighting.class_id] in PEOPLE | VEHICLES):
            continue
        track = sorted([*sighting.path, *sighting.recent])
        alike = [seconds for seconds, box in track if overlap(box, thing.box) >= _ALIKE]
        if alike and alike[-1] - alike[0] >= _STOOD_S:
            return True
        learned_s = learned_ns / SECOND + _STOOD_S
        if any(seconds <= learned_s and covered(thing.box, box) >= _COVERS for seconds, box in sighting.path):
            return True
    return False


def stands_in(area: Area, thing: Thing) -> bool:
    """Whether the foot of a thing is in an area."""
    left, _, right, bottom = thing.box
    return bool(area.inside(np.array([[(left + right) / 2, min(bottom, 1 - _EDGE)]]), np.zeros(1, np.bool_))[0])


def _longest_first(blob: Sequence[Any]) -> tuple[float, ...]:
    return (-blob[4], *blob[:4])
