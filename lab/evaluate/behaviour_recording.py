"""A behaviour model let loose on a recording, as it would be in use: a window ending at every few pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lab.evaluate.behaviour import decide
from lab.statistics import FloatArray

if TYPE_CHECKING:
    from lab.train.behaviour.tracks import TrackCutter
    from stages.classify.behaviour import BehaviourModel

STRIDE = 2
"""Pictures from one window to the next."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Judgements along one track (0: the scene). ``first_s``, ``last_s``: float64 (n,), seconds of each window's first
    and last picture; ``probability``: float64 (n, classes); ``attention``: float64 (n, frames)."""

    track_id: int
    first_s: FloatArray
    last_s: FloatArray
    probability: FloatArray
    attention: FloatArray

    @property
    def middle_s(self) -> FloatArray:
        """Where each window's middle lies, in seconds."""
        return (self.first_s + self.last_s) / 2

    def looked_at(self, step_s: float) -> tuple[FloatArray, FloatArray]:
        """Seconds and the mean attention that the windows paid to that moment."""
        frames = self.attention.shape[1]
        time_s = self.first_s[:, None] + (self.last_s - self.first_s)[:, None] * np.linspace(0, 1, frames)
        place = np.round((time_s - self.first_s.min()) / step_s).astype(np.int64).ravel()
        total = np.bincount(place, self.attention.ravel())
        times = np.maximum(np.bincount(place), 1)
        return self.first_s.min() + np.arange(len(total)) * step_s, total / times


@dataclass(frozen=True, slots=True)
class Alarm:
    """Windows in a row that say the same behaviour, as one. Seconds of the recording; ``peak`` is the greatest
    probability."""

    class_id: int
    start_s: float
    end_s: float
    peak: float
    track_id: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A recording as judged: its length in seconds, its timelines, its alarms in order of time."""

    path: Path
    seconds: float
    timelines: tuple[Timeline, ...]
    alarms: tuple[Alarm, ...]

    @property
    def windows(self) -> int:
        """How many judgements there were."""
        return sum(len(line.first_s) for line in self.timelines)

    def flagged(self, thresholds: Sequence[float]) -> int:
        """How many windows were not judged normal."""
        return sum(int((decide(line.probability, tuple(thresholds)) > 0).sum()) for line in self.timelines)


def watch(
    model: "BehaviourModel", path: Path, *, cutter: "TrackCutter | None" = None, pictures_fps: float = 25.0
) -> Watched:
    """Judge a recording from beginning to end. ``cutter`` is needed where the model looks at tracks.

    Raises ``UsageError`` for what cannot be decoded.
    """
    from lab.train.behaviour.footage import moments
    from lab.train.behaviour.sequences import runs

    seconds = 0.0
    lines = []
    for track_id, run in runs(moments(path, fps=model.fps, pictures_fps=pictures_fps), cutter, fps=model.fps):
        seconds = max(seconds, run[-1].time_s + 1 / model.fps)
        if len(run) < model.frames:
            continue
        pixels = [moment.pixels for moment in run]
        time_s = np.array([moment.time_s for moment in run])
        lines.append(_judged(model, track_id, time_s, model.embed(pixels, [None, *pixels[:-1]])))
    found = [alarm for line in lines for alarm in alarms(line, model.thresholds)]
    return Watched(path, seconds, tuple(lines), tuple(sorted(found, key=lambda alarm: alarm.start_s)))


def alarms(line: Timeline, thresholds: Sequence[float]) -> list[Alarm]:
    """Windows in a row with the same behaviour make one alarm, from the first one's middle to the last one's."""
    said = decide(line.probability, tuple(thresholds))
    found: list[Alarm] = []
    start = 0
    for end in range(1, len(said) + 1):
        if end < len(said) and said[end] == said[start]:
            continue
        if said[start] > 0:
            class_id = int(said[start])
            peak = float(line.probability[start:end, class_id].max())
            times = line.middle_s[start:end]
            found.append(Alarm(class_id, float(times[0]), float(times[-1]), peak, line.track_id))
        start = end
    return found


def alarms_at(recordings: Sequence[Watched], level: float) -> int:
    """How many alarms a model of two classes would have given with that threshold."""
    return sum(len(alarms(line, (1 - level, level))) for each in recordings for line in each.timelines)


def per_hour(count: int, seconds: float) -> tuple[float, float, float]:
    """Events an hour, and the range that holds its true value with 95 % if they come independently (Garwood 1936)."""
    if seconds <= 0:
        return float("nan"), 0.0, float("inf")
    chi2: Any = import_module("scipy.stats").chi2
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    hours = seconds / 3600
    return count / hours, float(low / hours), float(chi2.ppf(0.975, 2 * count + 2) / 2 / hours)


def _judged(model: "BehaviourModel", track_id: int, time_s: FloatArray, rows: npt.NDArray[np.float32]) -> Timeline:
    from lab.train.behaviour.sequences import starts

    begin = np.array(starts(len(rows), frames=model.frames, stride=STRIDE))
    windows = np.stack([rows[at : at + model.frames] for at in begin])
    return Timeline(
        track_id,
        time_s[begin],
        time_s[begin + model.frames - 1],
        model.judge(windows).astype(np.float64),
        model.attend(windows).astype(np.float64),
    )
