"""Learning from some clips and scoring others, as a camera would: the model of normal of ``stages.alert.normal``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from lab.evaluate.anomaly.regions import Boxes
from lab.statistics import FloatArray
from pipeline.errors import UsageError
from stages.alert.normal.fitting import fit
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.normal.scorer import Scorer

FOLDS = 4
"""Parts of the normal footage, each scored by a model of the others."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What detector and tracker saw of one clip."""

    frames: int
    """Of the clip; those that tell nothing are not in ``observed``."""
    observed: Sequence[Observed]
    fps: float
    """Frames a second."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One clip."""

    score: FloatArray
    """float64 (frames,): causal; 0 for a frame that cannot be scored."""
    boxes: Sequence[Boxes]
    """For each frame what is suspected where."""
    milliseconds: float
    """Of scoring, for each frame that was scored."""


def learn(normal: Mapping[str, Seen], *, names: Sequence[str], detector: str) -> NormalModel:
    """The model of all normal clips: of objects and of movement, or of one of them where the other is not to be seen.

    Raises ``UsageError`` where they show nothing to learn from.
    """
    observed = [seen.observed for seen in normal.values()]
    if not any(len(frame) or frame.motion is not None for clip in observed for frame in clip):
        raise UsageError("the normal clips show nothing to learn from: no object, and no two pictures of one size")
    return fit(observed, names=names, detector=detector)


def score(model: NormalModel, seen: Seen) -> Scored:
    """A clip, frame by frame, by a scorer that knows nothing of it beforehand."""
    scorer = Scorer(model)
    scores = np.zeros(seen.frames)
    boxes = [Boxes(np.zeros((0, 4)), np.zeros(0))] * seen.frames
    started = perf_counter()
    for each in seen.observed:
        told = scorer.score(each)
        scores[each.index] = told.total
        places = np.array([box for box, _ in told.boxes], np.float64).reshape(-1, 4)
        boxes[each.index] = Boxes(places, np.array([value for _, value in told.boxes], np.float64))
    spent_ms = 1000 * (perf_counter() - started)
    return Scored(scores, boxes, spent_ms / max(len(seen.observed), 1))


def normal_scores(
    normal: Mapping[str, Seen], *, names: Sequence[str], detector: str
) -> dict[str, tuple[FloatArray, float]]:
    """Scores, and frames a second, of the normal clips by models that did not see them: what a threshold may be taken
    from.

    With fewer than four clips the first half of each is scored by a model of the second halves, and the other way.
    """
    parts = _parts(normal)
    found: dict[str, tuple[FloatArray, float]] = {}
    for number, part in enumerate(parts):
        others = {name: seen for other, each in enumerate(parts) if other != number for name, seen in each.items()}
        model = learn(others, names=names, detector=detector)
        for name, seen in part.items():
            rows = [each.index for each in seen.observed]
            found[f"normal {name}"] = score(model, seen).score[rows], seen.fps
    return found


def _parts(normal: Mapping[str, Seen]) -> list[dict[str, Seen]]:
    names = list(normal)
    if len(names) >= FOLDS:
        return [{name: normal[name] for name in names[number::FOLDS]} for number in range(FOLDS)]
    halves: list[dict[str, Seen]] = [{}, {}]
    for name, seen in normal.items():
        middle = len(seen.observed) // 2
        halves[0][f"{name} (first half)"] = Seen(seen.frames, seen.observed[:middle], seen.fps)
        halves[1][f"{name} (second half)"] = Seen(seen.frames, seen.observed[middle:], seen.fps)
    return halves
