"""The model of normal of one camera: how large and how usual each feature is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.feature import Arrays, Feature
from stages.alert.normal.features import FEATURES, OBJECT_SUM, UNITS, WINDOW
from stages.alert.normal.kind import Kind
from stages.alert.normal.magnitude import Magnitude
from stages.alert.normal.places import Places
from stages.alert.normal.scale import Scale
from stages.alert.normal.tail import Tail


@dataclass(frozen=True, slots=True)
class NormalModel:
    """Everything that a score needs; fixed once it is made."""

    features: Mapping[str, Feature]
    """Of an object, by name: those that its footage taught, and the version that learned it knew."""
    pace: Scale
    """Of speeds: how near or far things are at each row."""
    window: Tail
    """Of the fastest window of a frame, over ``pace``."""
    object: Tail
    """Of the largest sum of parts of a frame."""
    names: tuple[str, ...] = ()
    """Of the detector's classes, by class id, where known."""
    detector: str = ""
    """sha256 of the detector whose boxes it was learned from, where known."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What it was learned from: ``clips``, ``frames``, ``objects`` (sightings), ``subjects``."""

    @property
    def places(self) -> Places:
        """Which classes are where."""
        kind = self.features[Kind.name]
        assert isinstance(kind, Kind)
        return kind.places

    @property
    def tails(self) -> dict[str, Tail]:
        """Of everything that has one, over what is usual there."""
        found = {name: each.tail for name, each in self.features.items() if isinstance(each, Magnitude)}
        return {**found, WINDOW: self.window, OBJECT_SUM: self.object}

    def rare_window(self, share: float, foot: float) -> float:
        """What this share of the normal reaches in the fastest window, if that stands on row ``foot``."""
        return self.window.value(share) * float(self.pace.at(np.array([foot]))[0])

    def arrays(self) -> Arrays:
        """All numbers, by name, for storing."""
        ours = {
            f"scale.{WINDOW}": self.pace.array(),
            f"tail.{WINDOW}": self.window.array(),
            f"tail.{OBJECT_SUM}": self.object.array(),
        }
        return {name: array for each in self.features.values() for name, array in each.arrays().items()} | ours

    def facts(self) -> dict[str, Any]:
        """All that is no array, as JSON can hold it."""
        return {
            "features": {name: UNITS[name] for name in (*self.features, WINDOW, OBJECT_SUM)},
            "names": list(self.names),
            "detector": self.detector,
            "counts": dict(self.counts),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> Self:
        """From ``arrays()`` and ``facts()``: with the features that it names, whichever version made it.

        Raises ``KeyError``, ``TypeError`` or ``ValueError`` for others.
        """
        named = set(facts["features"])
        if not {Kind.name, WINDOW, OBJECT_SUM} <= named <= set(UNITS):
            raise ValueError(f"features {sorted(named)}; this version knows {sorted(UNITS)}")
        return cls(
            {name: kind.of(arrays) for name, kind in FEATURES.items() if name in named},
            Scale.of(arrays[f"scale.{WINDOW}"]),
            Tail.of(arrays[f"tail.{WINDOW}"]),
            Tail.of(arrays[f"tail.{OBJECT_SUM}"]),
            tuple(facts["names"]),
            facts["detector"],
            dict(facts["counts"]),
        )
