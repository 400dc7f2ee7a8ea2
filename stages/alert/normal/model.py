"""The model of normal of one camera: how large and how usual each feature is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.features import UNITS
from stages.alert.normal.flow_field import Floats
from stages.alert.normal.scale import Scale
from stages.alert.normal.tail import Tail

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class NormalModel:
    """Everything that a score needs; fixed once it is made."""

    scales: Mapping[str, Scale]
    """By magnitude: those of ``features.OBJECT``, and ``window``."""
    tails: Mapping[str, Tail]
    """Of each magnitude over its scale."""
    class_counts: npt.NDArray[np.int64]
    """int64 (classes,): sightings of each class."""
    names: tuple[str, ...] = ()
    """Of the detector's classes, by class id, where known."""
    detector: str = ""
    """sha256 of the detector whose boxes it was learned from, where known."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What it was learned from: ``clips``, ``frames``, ``objects`` (sightings), ``subjects``."""

    def class_surprise(self, class_id: npt.NDArray[np.int32]) -> Floats:
        """float64 (n,): -log of the share of each class among normal sightings, one added to each."""
        known = np.append(self.class_counts, 0) + 1
        return np.asarray(-np.log(known / known.sum()).take(class_id, mode="clip"))

    def arrays(self) -> Arrays:
        """All numbers, by name, for storing."""
        scales = {f"scale.{name}": scale.array() for name, scale in self.scales.items()}
        tails = {f"tail.{name}": tail.array() for name, tail in self.tails.items()}
        return {**scales, **tails, "class_counts": self.class_counts}

    def facts(self) -> dict[str, Any]:
        """All that is no array, as JSON can hold it."""
        return {
            "features": {name: UNITS[name] for name in (*self.scales, "class")},
            "names": list(self.names),
            "detector": self.detector,
            "counts": dict(self.counts),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> Self:
        """From ``arrays()`` and ``facts()``. Raises ``ValueError`` for what is no model of this kind."""
        magnitudes = [name for name in facts["features"] if name != "class"]
        return cls(
            {name: Scale.of(arrays[f"scale.{name}"]) for name in magnitudes},
            {name: Tail.of(arrays[f"tail.{name}"]) for name in magnitudes},
            np.asarray(arrays["class_counts"], np.int64),
            tuple(facts["names"]),
            facts["detector"],
            dict(facts["counts"]),
        )
