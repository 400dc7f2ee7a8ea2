"""Learning what is normal, and calibrating it on footage that the model did not see."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lab.normal.suspicion import suspicion
from pipeline.clock import SECOND
from pipeline.errors import UsageError
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import Counting, Segment
from stages.alert.normal.fitting import fit
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.normal.store import Footage

LEAST_S = 60.0
"""Less footage is refused: hardly anything in it would be seen twice."""
FOLD_S = 60.0
"""Footage that is held apart at a time: long enough that most of it has nothing to do with what was learned."""
FEWEST_FOLDS, MOST_FOLDS = 4, 10

MOST_FRAMES = 12_000
"""A model is learned from about so many frames at most, in evenly chosen stretches; all are scored."""
STRETCH = 300
"""Frames of a stretch: long enough to know an object by."""

Clip = Sequence[Observed]


@dataclass(frozen=True, slots=True)
class Learned:
    """What footage taught."""

    model: NormalModel
    """Learned from all of it."""
    calibration: Calibration
    """Each part scored by a model of the other parts."""
    footage: Footage


def learn(
    clips: Sequence[Clip],
    *,
    names: Sequence[str] = (),
    detector: str = "",
    counting: Counting | None = None,
    least_s: float = LEAST_S,
    advance: Callable[[int], None] = lambda _: None,
) -> Learned:
    """The model of all clips, and its calibration by leaving out one part after the other.

    Cross-conformal (Vovk 2015): each frame is scored by a model that has not seen its part, so no footage is wasted;
    those models saw a little less than the one that is kept, which errs on the side of fewer alarms. ``names`` and
    ``detector`` as ``fit`` takes them. ``advance`` is told of each model made. Raises ``UsageError`` for less than
    ``least_s``.
    """
    folds = folds_of(clips, least_s=least_s)
    segments: list[Segment] = []
    for number, fold in enumerate(folds):
        others = [clip for other, each in enumerate(folds) if other != number for clip in each]
        model = fit(thinned(others), names=names, detector=detector, whole=others)
        segments += [suspicion(model, clip) for clip in fold]
        advance(1)
    try:
        calibration = Calibration.of(segments, counting)
    except ValueError as error:
        raise UsageError(str(error)) from error
    model = fit(thinned(clips), names=names, detector=detector, whole=clips)
    advance(1)
    return Learned(model, calibration, footage_of(clips, calibration.seconds))


def thinned(clips: Sequence[Clip], most: int = MOST_FRAMES) -> list[Clip]:
    """Every k-th stretch, with the smallest k that leaves about ``most`` frames; all of them if that is enough."""
    step = max(-(-sum(map(len, clips)) // most), 1)
    if step == 1:
        return list(clips)
    stretches = [clip[start : start + STRETCH] for clip in clips for start in range(0, len(clip), STRETCH)]
    return stretches[::step]


def folds_of(clips: Sequence[Clip], *, least_s: float = LEAST_S) -> list[list[Clip]]:
    """The footage in 4 to 10 parts of neighbouring time, of a minute or more where there is enough.

    Long clips are cut, short ones are put together. Raises ``UsageError`` for less than ``least_s`` in all.
    """
    total_s = sum(_seconds(clip) for clip in clips)
    if total_s < least_s:
        raise UsageError(f"{total_s:.0f} s of normal footage; at least {least_s:.0f} s are needed to learn from")
    wanted = min(max(round(total_s / FOLD_S), FEWEST_FOLDS), MOST_FOLDS)
    folds: list[list[Clip]] = [[] for _ in range(wanted)]
    before = 0.0
    for clip in clips:
        for stretch in _cut(clip, total_s / wanted):
            middle = before + _seconds(stretch) / 2
            folds[min(int(middle / total_s * wanted), wanted - 1)].append(stretch)
            before += _seconds(stretch)
    return [fold for fold in folds if fold]


def footage_of(clips: Sequence[Clip], seconds: float) -> Footage:
    """What was learned from, in numbers."""
    digest = hashlib.sha256()
    for clip in clips:
        for frame in clip:
            digest.update(b"%d %d" % (frame.index, frame.media_ns))
            digest.update(np.ascontiguousarray(frame.box).tobytes())
            digest.update(np.ascontiguousarray(frame.class_id).tobytes())
    frames = sum(map(len, clips))
    tracks = sum(len({subject for frame in clip for subject in frame.subject.tolist()}) for clip in clips)
    return Footage(round(seconds, 3), len(clips), frames, tracks, round(frames / seconds, 3), digest.hexdigest())


def _cut(clip: Clip, longest_s: float) -> list[Clip]:
    parts = max(round(_seconds(clip) / longest_s), 1)
    edges = np.linspace(0, len(clip), parts + 1).round().astype(int).tolist()
    return [clip[start:end] for start, end in pairwise(edges) if end > start]


def _seconds(clip: Clip) -> float:
    if len(clip) < 2:
        return 0.0
    whole = (clip[-1].media_ns - clip[0].media_ns) / SECOND
    return whole * len(clip) / (len(clip) - 1)
