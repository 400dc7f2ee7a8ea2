"""The features ``speed`` and ``size``: how large each object's is, over what is usual at that row of the picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.feature import Arrays, Look, Told
from stages.alert.normal.flow_field import Floats
from stages.alert.normal.lessons import Lessons, feet
from stages.alert.normal.magnitudes import SPEED, size_of, speed_of
from stages.alert.normal.scale import Scale
from stages.alert.normal.tail import Tail
from stages.alert.sighting import Box


@dataclass(frozen=True, slots=True)
class Magnitude:
    """Fulfils most of ``Feature``: a magnitude of which only large values are unusual."""

    name: ClassVar[str]
    quiet: ClassVar[float] = 0.0
    scale: Scale
    tail: Tail
    """Of the magnitude over its scale."""

    def rare(self, share: float, box: Box) -> float | None:
        """As ``Feature``."""
        return self.tail.value(share) * float(self.scale.at(np.array([box[3]]))[0])

    @property
    def least_p(self) -> float | None:
        """As ``Feature``."""
        return self.tail.least_p

    def arrays(self) -> Arrays:
        """As ``Feature``."""
        return {f"scale.{self.name}": self.scale.array(), f"tail.{self.name}": self.tail.array()}

    @classmethod
    def learn(cls, lessons: Lessons) -> Self | None:
        """As ``Feature``."""
        rows, values = lessons.told[cls.name]
        scale = lessons.scales[cls.name]
        return cls(scale, Tail.fit(values / scale.at(rows)))

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``Feature``."""
        return cls(Scale.of(arrays[f"scale.{cls.name}"]), Tail.of(arrays[f"tail.{cls.name}"]))

    def _told(self, look: Look, value: Floats) -> Told:
        return Told(value, self.tail.of_values(value / self.scale.at(feet(look.observed.box))))


@dataclass(frozen=True, slots=True)
class Speed(Magnitude):
    """How fast the picture moves inside the box."""

    name: ClassVar[str] = "speed"
    unit: ClassVar[str] = SPEED

    def look(self, look: Look) -> Told | None:
        """As ``Feature``."""
        return None if look.flow is None else self._told(look, speed_of(look.observed.box, look.flow))


@dataclass(frozen=True, slots=True)
class Size(Magnitude):
    """How large the box is."""

    name: ClassVar[str] = "size"
    unit: ClassVar[str] = "share of the picture, root of the area"

    def look(self, look: Look) -> Told | None:
        """As ``Feature``."""
        return self._told(look, size_of(look.observed.box))
