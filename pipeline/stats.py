"""Counters of one process: what happens per frame is counted here, not logged.

Cheap enough for every frame (a dictionary entry). A snapshot of plain values travels to the supervisor, which serves
all processes from one port (``pipeline.observability.exposition``); a process of its own may serve itself the same
way. Names and labels are fixed in ``METRICS`` and follow Prometheus's naming practice: base units, ``_total`` for
counters.
"""

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

LATENCY_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency buckets, seconds; one more bucket takes the rest."""


class Kind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    """Only grows."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its kind, what it means, and the labels each of its series has, beside ``process``."""

    kind: Kind
    help: str
    labels: tuple[str, ...]


METRICS: dict[str, Metric] = {
    "bartizan_frames_total": Metric(Kind.COUNTER, "Frames that a stage handed on.", ("stage", "camera")),
    "bartizan_frames_dropped_total": Metric(
        Kind.COUNTER, "Frames that went no further, by reason.", ("stage", "camera", "reason")
    ),
    "bartizan_events_total": Metric(Kind.COUNTER, "Event messages committed.", ("camera",)),
    "bartizan_latency_seconds": Metric(
        Kind.HISTOGRAM, "From a frame's arrival to the end of the stage's work on it.", ("stage", "camera")
    ),
    "bartizan_restarts_total": Metric(Kind.COUNTER, "Processes that were started again.", ("stage", "reason")),
    "bartizan_ring_slots_used": Metric(Kind.GAUGE, "Slots of the pixel ring that are not free.", ("camera",)),
    "bartizan_queue_frames": Metric(Kind.GAUGE, "Frames that wait before a stage.", ("stage", "camera")),
    "bartizan_messages_refused_total": Metric(Kind.COUNTER, "Messages refused, by reason.", ("stage", "reason")),
    "bartizan_camera_online": Metric(Kind.GAUGE, "1 while the camera gives frames, else 0.", ("camera",)),
    "bartizan_backlog_jobs": Metric(Kind.GAUGE, "Deliveries, snapshots and crops that wait.", ("stage",)),
    "bartizan_deliveries_total": Metric(
        Kind.COUNTER, "Messages that are settled at a sink: delivered, dead, merged, held.", ("sink", "state")
    ),
    "bartizan_digests_total": Metric(Kind.COUNTER, "Digests of a governor that are settled.", ("sink", "state")),
    "bartizan_answers_total": Metric(Kind.COUNTER, "Answers that a classifier gave.", ("classifier", "camera")),
    "bartizan_crops_dropped_total": Metric(
        Kind.COUNTER, "Crops that a classifier did not look at, by reason.", ("classifier", "camera", "reason")
    ),
    "bartizan_answers_missed_total": Metric(
        Kind.COUNTER, "Answers that did not count, by reason.", ("classifier", "camera", "reason")
    ),
}


class Series(msgspec.Struct, frozen=True, array_like=True):
    """One number; ``labels`` in the order of its ``Metric``."""

    name: str
    labels: tuple[str, ...]
    value: float


class Distribution(msgspec.Struct, frozen=True, array_like=True):
    """One histogram: how many values lie in each bucket (not cumulated), and their sum in seconds."""

    name: str
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    total: float


class Snapshot(msgspec.Struct, frozen=True):
    """All metrics of one process at one moment."""

    process: str
    series: list[Series]
    distributions: list[Distribution]


class Stats:
    """The metrics of one process, named by its title, such as ``detect[0]``.

    Raises ``ValueError`` for a name that ``METRICS`` lacks, or labels other than it says.
    """

    def __init__(self, process: str) -> None:
        self._process = process
        self._values: dict[tuple[str, tuple[str, ...]], float] = {}
        self._counts: dict[tuple[str, tuple[str, ...]], list[int]] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Let a counter grow."""
        key = _key(name, Kind.COUNTER, labels)
        self._values[key] = self._values.get(key, 0) + amount

    def count_to(self, name: str, value: float, **labels: str) -> None:
        """Set a counter to what somebody else has counted."""
        self._values[_key(name, Kind.COUNTER, labels)] = value

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._values[_key(name, Kind.GAUGE, labels)] = value

    def observe(self, name: str, seconds: float, *, amount: int = 1, **labels: str) -> None:
        """Count a duration."""
        key = _key(name, Kind.HISTOGRAM, labels)
        counts = self._counts.setdefault(key, [0] * (len(LATENCY_BOUNDS_S) + 1))
        counts[bisect_left(LATENCY_BOUNDS_S, seconds)] += amount
        self._values[key] = self._values.get(key, 0) + seconds * amount

    def snapshot(self) -> dict[str, Any]:
        """Everything as plain values, for a message (``control.Metrics``) or ``exposition.expose``."""
        series = [Series(*key, value) for key, value in self._values.items() if key not in self._counts]
        spread = [Distribution(*key, tuple(counts), self._values[key]) for key, counts in self._counts.items()]
        plain: dict[str, Any] = msgspec.to_builtins(Snapshot(self._process, series, spread))
        return plain


def _key(name: str, kind: Kind, labels: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    metric = METRICS.get(name)
    if metric is None or metric.kind is not kind:
        known = ", ".join(known for known, metric in METRICS.items() if metric.kind is kind)
        raise ValueError(f"{name!r} is no {kind}; known: {known}")
    try:
        values = tuple(labels[label] for label in metric.labels)
    except KeyError as error:
        raise ValueError(f"{name} has the labels {metric.labels}, got {sorted(labels)}") from error
    if len(labels) != len(values):
        raise ValueError(f"{name} has the labels {metric.labels}, got {sorted(labels)}")
    return name, values
