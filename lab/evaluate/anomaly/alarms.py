"""What a user feels: alarms, and how many of them are about something.

So many frames in a row over a threshold make an alarm; then there is quiet for a while. An alarm is right when an
anomalous frame lies within a second of it. An anomaly is found by an alarm during it, or within a second after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median

import numpy as np

from lab.evaluate.anomaly.frame_auc import Scores
from lab.evaluate.anomaly.labels import Flags
from lab.statistics import FloatArray


@dataclass(frozen=True, slots=True)
class Trigger:
    """When scores become an alarm; in frames."""

    consecutive: int = 3
    quiet: int = 10
    near: int = 10
    fps: float = 10.0

    @classmethod
    def at(cls, fps: float, *, consecutive: int = 3, quiet_s: float = 1.0, near_s: float = 1.0) -> "Trigger":
        """For a clip of this rate."""
        return cls(consecutive, round(quiet_s * fps), round(near_s * fps), fps)


Span = tuple[int, int]
"""First and last frame, from 0."""


@dataclass(frozen=True, slots=True)
class Felt:
    """What one threshold gives."""

    threshold: float
    anomalies: int
    found: int
    alarms: int
    right: int
    delays_s: tuple[float, ...]
    """Of the anomalies that were found: seconds from the first frame to the alarm."""
    normal_s: float
    """How long the frames are that are not anomalous."""

    @property
    def false(self) -> int:
        """Alarms about nothing."""
        return self.alarms - self.right

    @property
    def precision(self) -> float:
        """Share of the alarms that are right; NaN without alarms."""
        return self.right / self.alarms if self.alarms else float("nan")

    @property
    def false_per_hour(self) -> float:
        """False alarms an hour of normal footage; NaN without any."""
        return self.false / (self.normal_s / 3600) if self.normal_s else float("nan")

    @property
    def delay_s(self) -> float:
        """Median; NaN where nothing was found."""
        return float(median(self.delays_s)) if self.delays_s else float("nan")


def alarms_of(scores: FloatArray, threshold: float, trigger: Trigger) -> list[int]:
    """Frames, from 0, at which an alarm is raised."""
    found, run, quiet_until = [], 0, -1.0
    for frame, over in enumerate((scores > threshold).tolist()):
        run = run + 1 if over else 0
        if run >= trigger.consecutive and frame >= quiet_until:
            found.append(frame)
            quiet_until = frame + trigger.quiet
    return found


def felt(
    scores: Scores,
    truth: Mapping[str, Flags],
    anomalies: Mapping[str, Sequence[Span]],
    threshold: float,
    triggers: Mapping[str, Trigger],
) -> Felt:
    """Over these clips. ``anomalies``: what there is to be found, tracks or spans."""
    delays: list[float] = []
    alarms, right, normal_s = 0, 0, 0.0
    for name, flagged in truth.items():
        trigger = triggers[name]
        raised = alarms_of(scores[name], threshold, trigger)
        bad = np.flatnonzero(flagged)
        normal_s += float((~flagged).sum() / trigger.fps)
        alarms += len(raised)
        right += sum(bool(len(bad)) and int(np.abs(bad - frame).min()) <= trigger.near for frame in raised)
        for first, last in anomalies.get(name, ()):
            at = next((frame for frame in raised if first <= frame <= last + trigger.near), inf)
            delays += [(at - first) / trigger.fps] if at < inf else []
    count = sum(len(anomalies.get(name, ())) for name in truth)
    return Felt(threshold, count, len(delays), alarms, right, tuple(delays), normal_s)


def spans_of(flagged: Flags) -> list[Span]:
    """Runs of anomalous frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flagged, [False]]).astype(np.int8)))
    return [(int(start), int(end) - 1) for start, end in zip(edges[::2], edges[1::2], strict=True)]
