"""Normal footage, made ready for features to learn from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stages.alert.normal.flow_field import Boxes, Floats
from stages.alert.normal.magnitudes import MAGNITUDES, magnitudes
from stages.alert.normal.movement import Windows
from stages.alert.normal.observed import Observed
from stages.alert.normal.scale import Scale

MOVING = 2.0
"""What is slower than this (pixels a second) stands still, and does not tell how fast things are at its row."""
ENOUGH = 200
"""Sightings of moving objects that tell how near and far differ; with fewer, the picture's own movement must do."""
_Measured = tuple[Observed, dict[str, Floats]]
"""A frame and the magnitudes of its objects."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Clips of normal footage, and what they say in common."""

    clips: Sequence[Sequence[Observed]]
    """Their order does not matter; subjects are numbered in each clip anew, but for ``sources``."""
    whole: Sequence[Sequence[Observed]]
    """What the clips are cut out of, or the same: how long things last is told by what was not cut, and tracks that are
    only counted are counted here."""
    classes: int
    """How many classes the detector knows, at least."""
    told: dict[str, tuple[Floats, Floats]]
    """By magnitude: rows of the feet of all objects of which it is told, and the magnitude."""
    scales: dict[str, Scale]
    """By magnitude: how large it is at each row of the picture."""
    sources: Sequence[int] = ()
    """Of each clip, where it is cut out of: subjects of clips of one source are the same. Empty: all are apart."""

    def source(self, clip: int) -> int:
        """That of a clip of ``clips``; of one of ``whole`` where nothing is said of sources."""
        return self.sources[clip] if self.sources else clip

    @classmethod
    def of(
        cls,
        clips: Sequence[Sequence[Observed]],
        windows: Iterable[Windows],
        *,
        classes: int,
        whole: Sequence[Sequence[Observed]] | None = None,
        sources: Sequence[int] = (),
    ) -> Self:
        """``windows``: of all frames that have motion. ``whole``: None where nothing was cut. ``sources``: only without
        ``whole``. Raises ``ValueError`` otherwise."""
        if sources and (whole is not None or len(sources) != len(clips)):
            raise ValueError("sources are those of clips that are all there is")
        measured = [(each, magnitudes(each)) for clip in clips for each in clip]
        told = {name: _told(name, measured) for name in MAGNITUDES}
        return cls(
            clips, clips if whole is None else whole, classes, told, _scales(measured, told, list(windows)), sources
        )


def feet(box: Boxes) -> Floats:
    """float64 (n,): the row where each object stands."""
    return np.asarray(box[:, 3])


def _told(name: str, measured: Sequence[_Measured]) -> tuple[Floats, Floats]:
    found = [(feet(each.box), values[name]) for each, values in measured if name in values]
    return _joined(rows for rows, _ in found), _joined(values for _, values in found)


def _scales(
    measured: Sequence[_Measured], told: dict[str, tuple[Floats, Floats]], windows: Sequence[Windows]
) -> dict[str, Scale]:
    """Of moving objects: one that stands still would count in every frame. Speeds share one scale, since what is no
    object is as near or far as objects are."""
    moving = [(each, values) for each, values in measured if "speed" in values]
    kept = [values["speed"] > MOVING for _, values in moving]
    rows = _joined(feet(each.box)[keep] for (each, _), keep in zip(moving, kept, strict=True))
    if len(rows) < ENOUGH:
        return {"speed": _window_scale(windows), "size": Scale.fit(*told["size"])}
    return {
        name: Scale.fit(rows, _joined(values[name][keep] for (_, values), keep in zip(moving, kept, strict=True)))
        for name in MAGNITUDES
    }


def _window_scale(windows: Sequence[Windows]) -> Scale:
    """From the fastest window of each row of each frame."""
    rows, speeds = _joined(each.foot for each in windows), _joined(each.speed.max(axis=1) for each in windows)
    moving = speeds > MOVING
    return Scale.fit(rows[moving], speeds[moving])


def _joined(parts: Iterable[npt.NDArray[Any]]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])
