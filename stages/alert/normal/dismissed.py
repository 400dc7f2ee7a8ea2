"""Examples that are not of interest: what is like one of them, where it was, raises no alarm.

A thing is like an example if it is of the same class (or, like it, movement that is no object's), stands near the path
of the example, and shows in no feature more than the example did and a tolerance. What it shows is compared as it is,
with what was normal there when the example was seen: a model that is learned anew does not change what is like it. In
a feature of which the example says nothing, it must be usual.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.alert.account import class_name
from stages.alert.geometry import shared
from stages.alert.normal.feedback import NAMELESS, Feedback, Given, Shown, Spot, feet_of
from stages.alert.normal.model import NormalModel
from stages.alert.normal.reasons import reasons
from stages.alert.normal.scorer import MOTION, Suspect
from stages.alert.scene import Scene
from stages.alert.sighting import Box

USUAL = 0.05
"""A feature that so many normal sightings reach sets nothing apart."""
CLASS = "class"
"""The feature that the same class at the same place settles."""
SAME = 0.5
"""What shares this much of the smaller box with an example may be what lay on it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A suspect as it is held against examples."""

    kind: str | None
    """Name of its class, ``NAMELESS`` for movement that is no object's; None for an object of which only the movement
    is seen now, ..."""
    box: Box
    features: Sequence[Mapping[str, Any]]
    """As ``reasons`` gives them."""
    before: str = ""
    """... and the event of the example that this was like when it was last seen."""

    @classmethod
    def of(cls, suspect: Suspect, scene: Scene, model: NormalModel, *, before: str) -> "Seen":
        """As the rule sees it at this frame."""
        return cls(kind_of(suspect, scene), suspect.box, reasons(suspect, model), before)


def kind_of(suspect: Suspect, scene: Scene) -> str | None:
    """As ``Seen.kind``."""
    if suspect.object is None:
        return None if suspect.subject > MOTION else NAMELESS
    row = scene.subject.tolist().index(suspect.object.subject)
    return class_name(list(scene.names), int(scene.class_id[row]))


class Dismissed:
    """The examples of one camera that are not of interest."""

    def __init__(self, feedback: Feedback) -> None:
        examples = feedback.of("not_of_interest")
        self._shown = [(given, shown) for given in examples for shown in given.shown]
        self._way = _Way.of(self._shown)

    def __bool__(self) -> bool:
        return bool(self._shown)

    def like(self, seen: Sequence[Seen]) -> list[str]:
        """For each thing of a frame the event of the example that it is like; empty for none.

        What lay on an example is like it only where it lies on something like that example again.
        """
        found = [self._like(each, lead=True) for each in seen]
        leads = [(event, each.box) for event, each in zip(found, seen, strict=True) if event]
        for row, each in enumerate(seen):
            on = {event for event, box in leads if not found[row] and shared(each.box, box) >= SAME}
            if on:
                found[row] = self._like(each, lead=False, of=on)
        return found

    def covers(self, shown: Shown, kind: str, spot: Spot) -> bool:
        """Whether a thing of this kind that shows there what an example did is like one of these."""
        over = [
            {"feature": name, "p": 0.0, "value": value * spot.normal[name]}
            for name, value in shown.over.items()
            if name in spot.normal
        ]
        odd = [{"feature": name, "p": exp(-value)} for name, value in shown.surprise.items()]
        return bool(self._like(Seen(kind, spot.box, [*over, *odd]), lead=True))

    def _like(self, seen: Seen, *, lead: bool, of: set[str] | None = None) -> str:
        for number, spot in self._way.near(seen.box):
            given, shown = self._shown[number]
            if shown.lead is not lead or (of is not None and given.event not in of):
                continue
            same = seen.before == given.event if seen.kind is None else seen.kind in shown.kinds
            if same and all(_at_most(entry, shown, spot, 1 + given.tolerance) for entry in seen.features):
                return given.event
        return ""


def _at_most(entry: Mapping[str, Any], shown: Shown, spot: Spot, times: float) -> bool:
    """Whether a thing shows in one feature at most so many times what the example did."""
    name, p = entry["feature"], entry["p"]
    if name == CLASS or p >= USUAL:
        return True
    if name in shown.over and name in spot.normal:
        return bool(entry["value"] <= times * shown.over[name] * spot.normal[name])
    return name in shown.surprise and bool(-log(max(p, 1e-300)) <= times * shown.surprise[name])


@dataclass(frozen=True, slots=True)
class _Way:
    """All paths as stretches between two of their points; m stretches."""

    start: npt.NDArray[np.float64]
    """float64 (m, 2), in heights of the picture."""
    along: npt.NDArray[np.float64]
    """float64 (m, 2)."""
    aspect: npt.NDArray[np.float64]
    """float64 (m,): width of the picture over its height."""
    reach: npt.NDArray[np.float64]
    """float64 (m, 2): at both ends, in heights of the picture."""
    ends: Sequence[tuple[int, Spot, Spot]]
    """Number of the example's part, and the two points."""

    @classmethod
    def of(cls, shown: Sequence[tuple[Given, Shown]]) -> "_Way":
        rows = []
        for number, (given, each) in enumerate(shown):
            aspect = given.width / given.height
            for one, other in zip(each.path, [*each.path[1:], each.path[-1]], strict=True):
                apart = [given.reach * (spot.box[3] - spot.box[1]) for spot in (one, other)]
                rows.append((number, one, other, aspect, apart))
        feet = np.array([(feet_of(one.box), feet_of(other.box)) for _, one, other, _, _ in rows]).reshape(-1, 2, 2)
        aspects = np.array([aspect for _, _, _, aspect, _ in rows])
        feet[:, :, 0] *= aspects[:, None]
        reach = np.array([apart for _, _, _, _, apart in rows]).reshape(-1, 2)
        ends = [(number, one, other) for number, one, other, _, _ in rows]
        return cls(feet[:, 0], feet[:, 1] - feet[:, 0], aspects, reach, ends)

    def near(self, box: Box) -> list[tuple[int, Spot]]:
        """The parts whose path is near, by number, with the point of it that is nearest."""
        if not self.ends:
            return []
        x, y = feet_of(box)
        away = np.stack([x * self.aspect, np.full(len(self.aspect), y)], axis=1) - self.start
        length2 = (self.along**2).sum(axis=1)
        share = np.clip((away * self.along).sum(axis=1) / np.where(length2 > 0, length2, 1.0), 0.0, 1.0)
        gap = np.hypot(*(away - share[:, None] * self.along).T)
        reach = self.reach[:, 0] + share * (self.reach[:, 1] - self.reach[:, 0])
        best: dict[int, tuple[float, Spot]] = {}
        for row in np.flatnonzero(gap <= reach).tolist():
            number, one, other = self.ends[row]
            if number not in best or gap[row] < best[number][0]:
                best[number] = float(gap[row]), other if share[row] > 0.5 else one
        return [(number, spot) for number, (_, spot) in sorted(best.items())]
