"""The normal examples that are most like something: what a person compares an unusual thing with."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from stages.alert.normal.store import EXEMPLARS, Stored
from stages.alert.sighting import Box

INDEX = "examples.json"
NEAREST = 3
_REACH = 0.25
"""Two places this far apart, in shares of the picture, count as much as one spread of a feature."""
_LEAST = 1e-3
"""Magnitudes below it are taken for it, so that they have a logarithm."""


class Example(msgspec.Struct, frozen=True):
    """One crop, as ``examples.json`` tells it."""

    crop: str
    """Its file beside it."""
    class_name: str
    media_time: float
    """Seconds, in its clip."""
    box: Box
    features: dict[str, float]
    """Magnitudes, in the units of the model."""


class Examples:
    """The examples of one generation."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = list(examples)

    @classmethod
    def of(cls, stored: Stored) -> "Examples":
        """Those of a generation; none if it has none any more. Raises ``CannotStart`` if they were changed."""
        content = stored.exemplar(INDEX)
        if content is None:
            return cls([])
        try:
            return cls(msgspec.json.decode(content, type=list[Example]))
        except msgspec.MsgspecError as error:
            raise CannotStart(f"{stored.path / EXEMPLARS / INDEX}: cannot be read: {error}") from error

    def nearest(self, features: Mapping[str, float], box: Box) -> list[dict[str, Any]]:
        """At most ``NEAREST``, nearest first: ``crop``, ``class``, ``distance`` and the features' values.

        The distance is Euclid's over logarithms of the features, each in its spread over the examples, and the place
        of the feet.
        """
        known = [each for each in self._examples if features.keys() <= each.features.keys()]
        if not known or not features:
            return []
        values = [{name: each.features[name] for name in features} for each in known]
        points = vectors([*values, dict(features)], [*(each.box for each in known), box], spread_of=len(known))
        apart = np.linalg.norm(points[:-1] - points[-1], axis=1)
        return [
            {
                "crop": known[place].crop,
                "class": known[place].class_name,
                "distance": round(float(apart[place]), 3),
                **{name: known[place].features[name] for name in sorted(features)},
            }
            for place in np.argsort(apart, kind="stable")[:NEAREST].tolist()
        ]


def vectors(
    features: Sequence[Mapping[str, float]], boxes: Sequence[Box], *, spread_of: int | None = None
) -> npt.NDArray[np.float64]:
    """float64 (n, features + 2): logarithms of the features that all have, in their spreads, and where the feet are.

    ``spread_of``: the spreads are those of the first so many; None: of all.
    """
    names = sorted(set.intersection(*(set(each) for each in features)))
    logs = np.log([[max(each[name], _LEAST) for name in names] for each in features]).reshape(len(features), -1)
    spread = np.maximum(logs[:spread_of].std(axis=0), 0.05)
    feet = np.array([((box[0] + box[2]) / 2, box[3]) for box in boxes])
    return np.hstack([logs / spread, feet / _REACH])
