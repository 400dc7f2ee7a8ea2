"""Learning what is normal: quantiles of what was observed, no training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, Self, runtime_checkable

import numpy as np

from stages.alert.normal.feature import Feature
from stages.alert.normal.features import FEATURES
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.model import NormalModel
from stages.alert.normal.movement import Recent, Windows, steady
from stages.alert.normal.observed import Observed
from stages.alert.normal.scale import Scale
from stages.alert.normal.scorer import FrameScore, Scorer
from stages.alert.normal.tail import Tail

UNIT = 1.0
"""The tail of a sum of -ln p falls by e over at least so much: if it is steeper, too little was seen to know better."""


def fit(
    observed: Sequence[Sequence[Observed]],
    *,
    names: Sequence[str] = (),
    detector: str = "",
    kinds: Mapping[str, type[Feature]] = FEATURES,
    whole: Sequence[Sequence[Observed]] | None = None,
    sources: Sequence[int] = (),
) -> NormalModel:
    """The model of a camera from its normal footage, one inner sequence for each clip. Order does not matter.

    ``names``: of the detector's classes; ``detector``: sha256 of its weights; ``kinds``: what to look at;
    ``whole``: the footage that the clips were cut out of; ``sources``: in its stead, which are of one recording.
    """
    flows = [
        [(each.media_ns, Windows.of(flow)) for each in clip if (flow := each.flow) is not None] for clip in observed
    ]
    windows = [each for clip in flows for _, each in clip]
    lessons = Lessons.of(observed, windows, classes=len(names), whole=whole, sources=sources)
    pace = lessons.scales["speed"]
    largest = [ratio for clip in flows for ratio in _largest(clip, pace)]
    frames = [frame for clip in observed for frame in clip]
    counts = {
        "clips": len(observed),
        "frames": len(frames),
        "objects": sum(map(len, frames)),
        "subjects": sum(len({s for each in clip for s in each.subject.tolist()}) for clip in observed),
    }
    learned = {name: kind.learn(lessons) for name, kind in kinds.items()}
    features = {name: feature for name, feature in learned.items() if feature is not None}
    nothing = Tail.fit(np.zeros(0))
    model = NormalModel(features, pace, Tail.fit(np.array(largest)), nothing, tuple(names), detector, counts)
    sums = [
        max((one.sum for one in score.objects), default=0.0)
        for number, clip in enumerate(observed)
        for score in _scored(_apart(model, number), clip)
    ]
    done = {name: each.learned() if isinstance(each, Apart) else each for name, each in features.items()}
    return replace(model, features=done, object=Tail.fit(np.array(sums), least=UNIT))


@runtime_checkable
class Apart(Protocol):
    """A feature that remembers each normal object: while it is learned, nobody may be compared with himself."""

    def apart(self, clip: int) -> Self:
        """For looking at that clip of the lessons."""
        ...

    def learned(self) -> Self:
        """For looking at anything else; to be kept."""
        ...


def _apart(model: NormalModel, clip: int) -> NormalModel:
    found = {name: each.apart(clip) if isinstance(each, Apart) else each for name, each in model.features.items()}
    return replace(model, features=found)


def _scored(model: NormalModel, clip: Sequence[Observed]) -> Iterator[FrameScore]:
    scorer = Scorer(model)
    return (scorer.score(frame) for frame in clip)


def _largest(clip: Sequence[tuple[int, Windows]], scale: Scale) -> Iterator[float]:
    """Of each frame the largest speed over scale."""
    recent = Recent()
    return (float(steady(recent, now_ns, windows, scale).max()) for now_ns, windows in clip)
