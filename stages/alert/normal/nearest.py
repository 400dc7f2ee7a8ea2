"""The normal examples that are most like something: what a person compares an unusual thing with."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.detections import VectorArray
from pipeline.errors import CannotStart
from stages.alert.normal.bank import unit
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
    look: bytes = b""
    """The detector's vector of it as float16, where there is one."""


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

    def nearest(self, features: Mapping[str, float], box: Box, look: VectorArray | None = None) -> list[dict[str, Any]]:
        """At most ``NEAREST``, nearest first: ``crop``, ``class``, ``distance`` and the features' values.

        The distance is Euclid's over logarithms of the features, each in its spread over the examples, and the place
        of the feet. With a ``look``, a vector (d,) of the detector, those examples count of which there is one: the
        cosine distance, in units of that between examples, is one more coordinate, and is told as ``appearance``.
        """
        known = [each for each in self._examples if features.keys() <= each.features.keys()]
        if not known or not features:
            return []
        seen = [] if look is None else [each for each in known if len(each.look) == 2 * len(look)]
        unlike = _unlike(look, seen) if look is not None and len(seen) >= NEAREST else None
        known = known if unlike is None else seen
        values = [{name: each.features[name] for name in features} for each in known]
        points = vectors([*values, dict(features)], [*(each.box for each in known), box], spread_of=len(known))
        apart = np.linalg.norm(points[:-1] - points[-1], axis=1)
        told: list[dict[str, Any]] = [{} for _ in known]
        if unlike is not None:
            apart = np.hypot(apart, unlike[0] / unlike[1])
            told = [{"appearance": round(each, 4)} for each in unlike[0].tolist()]
        return [
            {
                "crop": known[place].crop,
                "class": known[place].class_name,
                "distance": round(float(apart[place]), 3),
                **{name: known[place].features[name] for name in sorted(features)},
                **told[place],
            }
            for place in np.argsort(apart, kind="stable")[:NEAREST].tolist()
        ]


def _unlike(look: VectorArray, examples: Sequence[Example]) -> tuple[npt.NDArray[np.float64], float]:
    """Cosine distances (n,) of the look from the examples', and the mean of those between examples."""
    kept = unit(np.stack([np.frombuffer(each.look, np.float16) for each in examples]))
    between = 1 - (kept @ kept.T)[np.triu_indices(len(kept), 1)]
    distances = 1 - kept @ unit(look[None])[0]
    return distances.astype(np.float64), max(float(between.mean()), _LEAST)


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
