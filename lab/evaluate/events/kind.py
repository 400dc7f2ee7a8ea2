"""A kind of rule under test: scenes for it, and the truth about them.

To have a new rule evaluated, write one file in ``lab/evaluate/events/kinds`` and name it in ``KINDS``: scenes drawn
from a random generator, and a truth computed from where the objects are without noise, by the definition in the guide
and not by the code of the rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from random import Random
from typing import Any, Protocol

from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.view import Standing, View, view_of
from pipeline.testing import Walk

KINDS = {
    "in_field": "lab.evaluate.events.kinds.in_field:InField",
    "line_crossed": "lab.evaluate.events.kinds.line_crossed:LineCrossed",
    "loitering": "lab.evaluate.events.kinds.loitering:Loitering",
    "crowding": "lab.evaluate.events.kinds.crowding:Crowding",
    "wrong_way": "lab.evaluate.events.kinds.wrong_way:WrongWay",
    "speeding": "lab.evaluate.events.kinds.speeding:Speeding",
    "proximity": "lab.evaluate.events.kinds.proximity:Proximity",
    "tailgating": "lab.evaluate.events.kinds.tailgating:Tailgating",
    "abandoned_object": "lab.evaluate.events.kinds.abandoned_object:AbandonedObject",
    "fall": "lab.evaluate.events.kinds.fall:Fall",
    "stopped_vehicle": "lab.evaluate.events.kinds.stopped_vehicle:StoppedVehicle",
}


@dataclass(frozen=True, kw_only=True)
class Play:
    """One scene for one rule."""

    options: dict[str, Any]
    """Options of the rule, as YAML would give them, without ``rule``."""
    walks: Sequence[Walk]
    """Without noise; each has a track number of its own."""
    seconds: float
    width: int = 1000
    height: int = 1000
    names: Sequence[str] = ("person", "car")
    things: Sequence[Standing] = ()
    """Put down and taken away again; capture measures them as static foreground, where there are any."""

    def measured(self, seconds: float) -> dict[str, Any]:
        """What capture says of the things: each once it has stood for a second."""
        blobs = [thing.blob(seconds) for thing in self.things if thing.from_s + 1 <= seconds < thing.until_s]
        return {"still": {"learning": seconds < 1, "blobs": blobs}} if self.things else {}

    def view(self, fps: float) -> View:
        """What is there at each frame."""
        times = [index / fps for index in range(int(self.seconds * fps) + 1)]
        return view_of(self.walks, times, width=self.width, height=self.height, names=self.names, things=self.things)


class Kind(Protocol):
    """One rule's scenes and truth."""

    def play(self, random: Random) -> Play:
        """A scene in which the rule has something to tell, or nearly."""
        ...

    def truth(self, view: View, options: Any) -> list[TrueEvent]:
        """What has to be told. ``options`` are the rule's own, validated."""
        ...


def kind_of(rule: str) -> Kind:
    """The kind of this rule. Raises ``KeyError`` for one that has none."""
    module, _, name = KINDS[rule].partition(":")
    made: Kind = getattr(import_module(module), name)()
    return made
