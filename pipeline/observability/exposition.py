"""Snapshots of any number of processes as one page for Prometheus (text format 0.0.4)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.errors import MessageError
from pipeline.stats import LATENCY_BOUNDS_S, METRICS, Kind, Metric, Snapshot

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def expose(snapshots: Iterable[Mapping[str, Any]]) -> bytes:
    """The page. Each series has the label ``process``, so equal ones of several processes stay apart.

    Raises ``MessageError`` for something that is not a snapshot.
    """
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector([_checked(snapshot) for snapshot in snapshots]))
    return generate_latest(registry)


def _checked(snapshot: Mapping[str, Any]) -> Snapshot:
    try:
        return msgspec.convert(snapshot, Snapshot)
    except msgspec.ValidationError as error:
        raise MessageError(f"metrics cannot be read: {error}") from error


class _Collector:
    """Gives a registry of its own the families of all snapshots; nothing global is touched."""

    def __init__(self, snapshots: list[Snapshot]) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterator["Family"]:
        for name, metric in METRICS.items():
            family = _family(name, metric)
            for snapshot in self._snapshots:
                for series in snapshot.series:
                    if series.name == name:
                        family.add_metric([snapshot.process, *series.labels], series.value)
                for spread in snapshot.distributions:
                    if spread.name == name:
                        buckets = _cumulated(spread.counts)
                        family.add_metric([snapshot.process, *spread.labels], buckets, spread.total)
            if family.samples:
                yield family


def _family(name: str, metric: Metric) -> Any:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    labels = ["process", *metric.labels]
    match metric.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(name, metric.help, labels=labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(name, metric.help, labels=labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(name, metric.help, labels=labels)


def _cumulated(counts: tuple[int, ...]) -> list[tuple[str, int]]:
    bounds = [str(bound) for bound in LATENCY_BOUNDS_S] + ["+Inf"]
    passed = 0
    buckets = []
    for bound, count in zip(bounds, counts, strict=False):
        passed += count
        buckets.append((bound, passed))
    return buckets
