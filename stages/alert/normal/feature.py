"""What a feature of normal is: one thing that is looked at of each object, as one camera's normal footage taught it.

To add one: a file with a class that fulfils ``Feature``, and a line in the table of ``features``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.flow_field import Floats, FlowField
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.observed import Observed
from stages.alert.sighting import Box

Arrays = dict[str, npt.NDArray[Any]]
Notes = dict[str, list[float]]
"""What features remember of one subject: each some numbers of its own, under its name, no more for a longer stay."""


QUIET = log(10)
"""What one normal sighting in ten is surprised by. Most objects are ordinary in most ways, and many features that each
say a little of the ordinary would drown the one that says much."""


@dataclass(frozen=True)
class Look:
    """One frame as features see it; n objects."""

    observed: Observed
    notes: Sequence[Notes]
    """Of each object. Who looks may write under its own name."""

    @cached_property
    def flow(self) -> FlowField | None:
        """The motion, unpacked once."""
        return self.observed.flow


@dataclass(frozen=True, slots=True)
class Told:
    """What a feature says of the objects of a frame."""

    value: Floats
    """float64 (n,): in the feature's unit; NaN where it says nothing of an object."""
    surprise: Floats
    """float64 (n,): -ln p, at least 0; p is the share of normal sightings that are as unusual there. NaN likewise."""


class Feature(Protocol):
    """Fixed once it is made."""

    name: ClassVar[str]
    """In events, manifests and arrays: for ever."""
    unit: ClassVar[str]
    quiet: ClassVar[float]
    """Only what it is surprised beyond this adds to the sum of an object's parts; 0 or ``QUIET``."""

    def look(self, look: Look) -> Told | None:
        """Of each object; None where nothing can be told of this frame. Called for every frame in order, once."""
        ...

    def rare(self, share: float, box: Box) -> float | None:
        """What this share of the normal reaches at the place of ``box``; None where that is no number."""
        ...

    @property
    def least_p(self) -> float | None:
        """Down to this p it was measured, a smaller one is extrapolated; None where none ever is."""
        ...

    def arrays(self) -> Arrays:
        """For storing; names begin with the feature's, or are as they were before features had names."""
        ...

    @classmethod
    def learn(cls, lessons: Lessons) -> Self | None:
        """From normal footage, whatever the order of its clips; None where it does not show this."""
        ...

    @classmethod
    def of(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """From all arrays of a model. Raises ``KeyError`` or ``ValueError`` for what is none."""
        ...


def looks(clip: Sequence[Observed]) -> Iterator[Look]:
    """A clip, frame by frame, by one who knows nobody in it beforehand."""
    known: dict[int, Notes] = {}
    for frame in clip:
        yield Look(frame, [known.setdefault(subject, {}) for subject in frame.subject.tolist()])


def nothing(count: int) -> Floats:
    """float64 (count,): nothing told of any object yet."""
    return np.full(count, np.nan)
