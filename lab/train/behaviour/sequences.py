"""Runs of pictures, as the model sees them, and the windows in them with their truth."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.train.behaviour.clips import Clip
from lab.train.behaviour.footage import Moment, moments
from lab.train.behaviour.settings import BehaviourSettings
from lab.train.behaviour.tracks import TrackCutter
from stages.classify.behaviour import fit

INSIDE = 0.5
"""A window is of the behaviour when it covers this share of it, or consists of it to this share."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A clip, or one track of it. ``pixels``: uint8 (t, height, width, 3), BGR, fitted. ``index``: int64 (t,), frame
    numbers; ``time_s``: float64 (t,). ``facts``: float64 (f,), what betrays a clip without looking at it (its size,
    length, brightness): the baseline against shortcuts."""

    clip: Clip
    track_id: int
    pixels: npt.NDArray[np.uint8]
    index: npt.NDArray[np.int64]
    time_s: npt.NDArray[np.float64]
    facts: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pixels)


def sequences_of(clip: Clip, settings: BehaviourSettings, cutter: TrackCutter | None) -> list[Sequence]:
    """The clip as one sequence, or one for each of its tracks where a ``cutter`` is given; those too short left out."""
    footage = moments(clip.path, fps=settings.fps, pictures_fps=settings.data.pictures_fps)
    return [
        _sequence(clip, track_id, part, settings.size)
        for track_id, part in runs(footage, cutter, fps=settings.fps)
        if len(part) >= settings.frames
    ]


def runs(footage: Iterable[Moment], cutter: TrackCutter | None, *, fps: float) -> Iterator[tuple[int, list[Moment]]]:
    """Unbroken runs of pictures of one track (0: the scene); a gap of more than two periods ends a run."""
    kept: dict[int, list[list[Moment]]] = {}
    for track_id, moment in cutter.cut(footage) if cutter else ((0, moment) for moment in footage):
        parts = kept.setdefault(track_id, [[]])
        if parts[-1] and moment.time_s - parts[-1][-1].time_s > 2 / fps + 1e-6:
            parts.append([])
        parts[-1].append(moment)
    for track_id, parts in kept.items():
        for part in parts:
            yield track_id, part


def starts(length: int, *, frames: int, stride: int) -> list[int]:
    """Where windows begin, so that the last one ends with the sequence; empty if it is too short."""
    if length < frames:
        return []
    return sorted({*range(0, length - frames + 1, stride), length - frames})


def truth(sequence: Sequence, start: int, frames: int) -> int | None:
    """Class of the window, or None where it is neither: at the edge of an interval."""
    return class_of(sequence.clip, int(sequence.index[start]), int(sequence.index[start + frames - 1]))


def class_of(clip: Clip, first: int, last: int) -> int | None:
    """Class of what lies between two frame numbers of a clip, or None where it is neither."""
    if clip.class_id is not None:
        return clip.class_id
    shares = [0.0]
    for begin, end in clip.intervals:
        shared = min(last, end) - max(first, begin) + 1
        shares.append(max(shared, 0) / min(last - first + 1, end - begin + 1))
    return 1 if max(shares) >= INSIDE else 0 if max(shares) == 0 else None


def _sequence(clip: Clip, track_id: int, part: list[Moment], size: tuple[int, int]) -> Sequence:
    pixels = fit([moment.pixels for moment in part], size)
    height, width = part[0].pixels.shape[:2]
    time_s = np.array([moment.time_s for moment in part])
    period = float(np.median(np.diff([moment.time_s for moment in part]))) if len(part) > 1 else 0.0
    facts = np.array([height, width, len(part), period, float(pixels.mean()), float(pixels.std())])
    return Sequence(clip, track_id, pixels, np.array([moment.index for moment in part], np.int64), time_s, facts)
