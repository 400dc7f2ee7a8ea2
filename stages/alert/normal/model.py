"""The model of normal of one camera: how large and how usual each feature is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.features import UNITS
from stages.alert.normal.places import Places
from stages.alert.normal.scale import Scale
from stages.alert.normal.tail import Tail

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class NormalModel:
    """Everything that a score needs; fixed once it is made."""

    scales: Mapping[str, Scale]
    """By magnitude: those of ``features.OBJECT``, and ``window``."""
    tails: Mapping[str, Tail]
    """Of each magnitude over its scale, of ``window`` (the largest of a frame) and of ``object`` (the largest sum of
    parts of a frame)."""
    places: Places
    """Which classes are where."""
    names: tuple[str, ...] = ()
    """Of the detector's classes, by class id, where known."""
    detector: str = ""
    """sha256 of the detector whose boxes it was learned from, where known."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What it was learned from: ``clips``, ``frames``, ``objects`` (sightings), ``subjects``."""

    def rare(self, name: str, foot: float, share: float) -> float:
        """What this share of the normal reaches in the magnitude ``name``, of things whose feet are at row ``foot``."""
        return self.tails[name].value(share) * float(self.scales[name].at(np.array([foot]))[0])

    def arrays(self) -> Arrays:
        """All numbers, by name, for storing."""
        scales = {f"scale.{name}": scale.array() for name, scale in self.scales.items()}
        tails = {f"tail.{name}": tail.array() for name, tail in self.tails.items()}
        return {**scales, **tails, "places.here": self.places.here, "places.anywhere": self.places.anywhere}

    def facts(self) -> dict[str, Any]:
        """All that is no array, as JSON can hold it."""
        return {
            "features": {name: UNITS[name] for name in (*self.tails, "class")},
            "names": list(self.names),
            "detector": self.detector,
            "counts": dict(self.counts),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> Self:
        """From ``arrays()`` and ``facts()``. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for others."""
        if set(facts["features"]) != set(UNITS):
            raise ValueError(f"features {sorted(facts['features'])}; this version knows {sorted(UNITS)}")
        tails = [name for name in facts["features"] if name != "class"]
        return cls(
            {name: Scale.of(arrays[f"scale.{name}"]) for name in tails if name != "object"},
            {name: Tail.of(arrays[f"tail.{name}"]) for name in tails},
            Places(arrays["places.here"], arrays["places.anywhere"]),
            tuple(facts["names"]),
            facts["detector"],
            dict(facts["counts"]),
        )
