"""Learning what is normal: quantiles of what was observed, no training."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.alert.normal.features import OBJECT, feet, magnitudes
from stages.alert.normal.flow_field import Floats
from stages.alert.normal.model import NormalModel
from stages.alert.normal.movement import Recent, Windows, steady
from stages.alert.normal.observed import Observed
from stages.alert.normal.places import Places
from stages.alert.normal.scale import Scale
from stages.alert.normal.scorer import FrameScore, Scorer
from stages.alert.normal.tail import Tail

MOVING = 2.0
"""What is slower than this (pixels a second) stands still, and does not tell how fast things are at its row."""
ENOUGH = 200
"""Sightings of moving objects that tell how near and far differ; with fewer, the picture's own movement must do."""
_Measured = tuple[Observed, dict[str, Floats]]
"""A frame and the magnitudes of its objects."""


def fit(observed: Sequence[Sequence[Observed]], *, names: Sequence[str] = (), detector: str = "") -> NormalModel:
    """The model of a camera from its normal footage, one inner sequence for each clip. Order does not matter.

    ``names``: of the detector's classes; ``detector``: sha256 of its weights.
    """
    frames = [frame for clip in observed for frame in clip]
    flows = [
        [(each.media_ns, Windows.of(flow)) for each in clip if (flow := each.flow) is not None] for clip in observed
    ]
    measured = [(each, magnitudes(each)) for each in frames]
    told = {name: _told(name, measured) for name in OBJECT}
    scales = _scales(measured, [windows for clip in flows for _, windows in clip])
    tails = {name: Tail.fit(values / scales[name].at(rows)) for name, (rows, values) in told.items()}
    largest = [ratio for clip in flows for ratio in _largest(clip, scales["window"])]
    tails["window"] = Tail.fit(np.array(largest))
    counts = {
        "clips": len(observed),
        "frames": len(frames),
        "objects": sum(map(len, frames)),
        "subjects": sum(len({s for each in clip for s in each.subject.tolist()}) for clip in observed),
    }
    places = Places.fit(observed, classes=len(names))
    tails["object"] = Tail.fit(np.zeros(0))
    model = NormalModel(scales, tails, places, tuple(names), detector, counts)
    sums = [max((one.sum for one in score.objects), default=0.0) for clip in observed for score in _scored(model, clip)]
    return replace(model, tails={**tails, "object": Tail.fit(np.array(sums))})


def _scored(model: NormalModel, clip: Sequence[Observed]) -> Iterator[FrameScore]:
    scorer = Scorer(model)
    return (scorer.score(frame) for frame in clip)


def _told(name: str, measured: Sequence[_Measured]) -> tuple[Floats, Floats]:
    """Rows of the feet of all objects of which this magnitude is told, and the magnitude."""
    found = [(feet(each.box), values[name]) for each, values in measured if name in values]
    return _joined(rows for rows, _ in found), _joined(values for _, values in found)


def _scales(measured: Sequence[_Measured], windows: Sequence[Windows]) -> dict[str, Scale]:
    """Of moving objects: one that stands still would count in every frame. Speeds share one scale, since what is no
    object is as near or far as objects are."""
    moving = [(each, told) for each, told in measured if each.motion is not None]
    kept = [told["speed"] > MOVING for _, told in moving]
    rows = _joined(feet(each.box)[keep] for (each, _), keep in zip(moving, kept, strict=True))
    speeds = _joined(told["speed"][keep] for (_, told), keep in zip(moving, kept, strict=True))
    sizes = _joined(told["size"][keep] for (_, told), keep in zip(moving, kept, strict=True))
    if len(rows) >= ENOUGH:
        pace, size = Scale.fit(rows, speeds), Scale.fit(rows, sizes)
    else:
        pace, size = _window_scale(windows), Scale.fit(*_told("size", measured))
    return {"speed": pace, "size": size, "window": pace}


def _window_scale(windows: Sequence[Windows]) -> Scale:
    """From the fastest window of each row of each frame."""
    rows, speeds = _joined(each.foot for each in windows), _joined(each.speed.max(axis=1) for each in windows)
    moving = speeds > MOVING
    return Scale.fit(rows[moving], speeds[moving])


def _largest(clip: Sequence[tuple[int, Windows]], scale: Scale) -> Iterator[float]:
    """Of each frame the largest speed over scale."""
    recent = Recent()
    return (float(steady(recent, now_ns, windows, scale).max()) for now_ns, windows in clip)


def _joined(parts: Iterable[npt.NDArray[Any]]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])
