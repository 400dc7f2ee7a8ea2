"""The supervisor's own metrics, made from what its processes report anyway: books, restarts, refusals, latency."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipeline.books import books_of
from pipeline.histogram import Histogram
from pipeline.stats import Stats
from pipeline.supervisor.status import Status

MOST_REASONS = 20
"""Reasons contain what peers sent; each becomes a series that Prometheus keeps, so there is an end to them."""

_NUMBER = re.compile(r"\d+")


def metrics_of(status: Status) -> dict[str, Any]:
    """A snapshot of a run, as ``Stats.snapshot`` gives it."""
    stats = Stats("supervisor")
    for book in books_of(status):
        if book.stage == "classify":  # these are crops, not frames
            continue
        stats.count_to("bartizan_frames_total", book.given, stage=book.stage, camera=book.camera)
        stats.gauge("bartizan_queue_frames", book.in_flight, stage=book.stage, camera=book.camera)
        for reason, amount in book.dropped.items():
            labels = {"stage": book.stage, "camera": book.camera, "reason": reason}
            stats.count_to("bartizan_frames_dropped_total", amount, **labels)
    for camera, progress in status.cameras.items():
        stats.gauge("bartizan_camera_online", float(progress.online and not progress.ended), camera=camera)
    for camera, consumed in status.consumed.items():
        stats.count_to("bartizan_events_total", consumed.events, camera=camera)
        for classifier, counts in consumed.classified.items():
            for reason in sorted(counts.keys() - {"wished", "answered"}):
                labels = {"classifier": classifier, "camera": camera, "reason": reason}
                stats.count_to("bartizan_answers_missed_total", counts[reason], **labels)
    for stage, backlog in status.backlogs.items():
        stats.gauge("bartizan_backlog_jobs", backlog.waiting, stage=stage)
    _count_reasons(stats, status)
    _observe(stats, status.latency_ms)
    return stats.snapshot()


def _count_reasons(stats: Stats, status: Status) -> None:
    stages = {restart.stage for restart in status.restarts}
    for stage in sorted(stages):
        reasons: Counter[str] = Counter()
        for restart in status.restarts:
            if restart.stage == stage:
                reasons[restart.reason] += restart.count
        for reason, amount in bounded(reasons).items():
            stats.count_to("bartizan_restarts_total", amount, stage=stage, reason=reason)
    for reason, amount in bounded(status.refused).items():
        stats.count_to("bartizan_messages_refused_total", amount, stage="dispatch", reason=reason)


def bounded(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by reason, numbers and particulars taken out of them; what is too many goes into ``other``."""
    found: dict[str, int] = {}
    for text, amount in counts.items():
        reason = _NUMBER.sub("N", text.partition(":")[0])[:80]
        if reason not in found and len(found) >= MOST_REASONS:
            reason = "other"
        found[reason] = found.get(reason, 0) + amount
    return found


def _observe(stats: Stats, latency_ms: Histogram) -> None:
    """Hand on a histogram of milliseconds, bucket by bucket, each at its own middle."""
    if latency_ms.zeros:
        stats.observe("bartizan_latency_seconds", 0.0, amount=latency_ms.zeros, stage="alert", camera="")
    for bucket, amount in latency_ms.buckets.items():
        seconds = Histogram(buckets={bucket: 1}).quantile(1.0) or 0.0
        stats.observe("bartizan_latency_seconds", seconds / 1000, amount=amount, stage="alert", camera="")
