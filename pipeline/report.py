"""``report.json``: what became of every frame, how fast, and what had to be restarted. Pure: it reads nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from pipeline.histogram import Histogram
from pipeline.whole_file import write_whole

FLOW = ("capture", "dispatch", "detect", "track", "alert")
"""The stages that a frame passes, in order: what one gives, the next one of them that keeps books must have got."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage did with the frames of one camera."""

    stage: str
    camera: str
    taken: int = msgspec.field(name="in")
    given: int = msgspec.field(name="out")
    dropped: dict[str, int] = {}
    """By reason."""
    in_flight: int = 0


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    """A process that was started again."""

    stage: str
    reason: str
    time: str
    """RFC 3339 UTC."""
    camera: str | None = None
    count: int = 1
    """More than 1: so many in a row, all for one cause that lies outside the process, are counted together."""
    last: str | None = None
    """When the last of them was, as ``time`` says it of the first."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from capture to committed event; None where there was no event."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The file, key by key."""

    balanced: bool
    """Every frame is accounted for, in each book and from stage to stage."""
    imbalances: list[str]
    """One sentence for each thing that does not add up."""
    books: list[Book]
    frames: int
    elapsed_s: float
    fps: float
    """Frames of this run, all cameras together, by elapsed time."""
    latency_ms: Latency
    events: int
    outbox: dict[str, dict[str, int]]
    """Messages by sink and state: pending, delivered, dead; where a governor decides also merged and held, and its
    own messages as ``SINK (digests)``."""
    governor: dict[str, dict[str, int]]
    """Events by sink and what became of them, where a governor decides: ``events`` are the sum of ``delivered``,
    ``merged``, ``held``, ``pending`` and ``dead``; ``risen``: of those merged or held, how many were delivered later;
    ``digests``: messages of the governor's own."""
    restarts: list[Restart]
    cpu_s: dict[str, float]
    """Processor time of each process, start-up included."""
    refused: dict[str, int]
    """Messages that dispatch did not take, and those that it could not hand over, by reason."""
    sources: list[dict[str, Any]]


def build_report(
    *,
    books: Sequence[Book],
    elapsed_s: float,
    latency_ms: Histogram,
    events: int = 0,
    outbox: Mapping[str, dict[str, int]] | None = None,
    governor: Mapping[str, dict[str, int]] | None = None,
    restarts: Sequence[Restart] = (),
    cpu_s: Mapping[str, float] | None = None,
    refused: Mapping[str, int] | None = None,
    sources: Sequence[dict[str, Any]] = (),
    frames_before: int = 0,
    flow: Sequence[str] = FLOW,
) -> Report:
    """Assemble the report. ``elapsed_s`` is the monotonic duration of the run; ``frames_before`` are those of earlier
    runs in the same directory; ``flow`` as in ``find_imbalances``."""
    imbalances = find_imbalances(books, flow)
    frames = sum(book.taken for book in _entrances(books, flow))
    done = max(0, frames - frames_before)
    return Report(
        balanced=not imbalances,
        imbalances=imbalances,
        books=list(books),
        frames=frames,
        elapsed_s=round(elapsed_s, 3),
        fps=round(done / elapsed_s, 2) if elapsed_s > 0 else 0.0,
        latency_ms=_latency(latency_ms),
        events=events,
        outbox=dict(outbox or {}),
        governor=dict(governor or {}),
        restarts=list(restarts),
        cpu_s=dict(cpu_s or {}),
        refused=dict(refused or {}),
        sources=list(sources),
    )


def write_report(path: Path, report: Report) -> None:
    """Write it as indented JSON, as a whole. Raises ``OSError``."""
    write_whole(path, [msgspec.json.format(msgspec.json.encode(report), indent=2), b"\n"])


def find_imbalances(books: Sequence[Book], flow: Sequence[str] = FLOW) -> list[str]:
    """Sentences on every number that does not add up; none means that the books balance.

    In each book ``in = out + dropped + in flight``, nothing is negative, and a stage of ``flow`` has got from each
    camera what the stage before it gave.
    """
    found = [sentence for book in books for sentence in _faults(book)]
    for (stage, camera), count in Counter((book.stage, book.camera) for book in books).items():
        if count > 1:
            found.append(f"{camera}: {stage} keeps {count} books, where one is right")
    for before, after in _neighbours(books, flow):
        if before.given != after.taken:
            found.append(f"{before.camera}: {before.stage} gave {before.given} frames, {after.stage} got {after.taken}")
    return found


def _faults(book: Book) -> list[str]:
    name = f"{book.camera}: {book.stage}"
    numbers = [("in", book.taken), ("out", book.given), ("in_flight", book.in_flight), *book.dropped.items()]
    found = [f"{name} says {count} for {key}" for key, count in numbers if count < 0]
    dropped = sum(book.dropped.values())
    if book.taken != book.given + dropped + book.in_flight:
        found.append(
            f"{name} took {book.taken} frames, but gave {book.given}, dropped {dropped} and has {book.in_flight}"
        )
    return found


def _chains(books: Sequence[Book], flow: Sequence[str]) -> list[list[Book]]:
    """For each camera its books in the order of the flow."""
    cameras = dict.fromkeys(book.camera for book in books)
    ranked = sorted((book for book in books if book.stage in flow), key=lambda book: flow.index(book.stage))
    return [[book for book in ranked if book.camera == camera] for camera in cameras]


def _neighbours(books: Sequence[Book], flow: Sequence[str]) -> list[tuple[Book, Book]]:
    return [pair for chain in _chains(books, flow) for pair in pairwise(chain)]


def _entrances(books: Sequence[Book], flow: Sequence[str]) -> list[Book]:
    return [chain[0] for chain in _chains(books, flow) if chain]


def _latency(histogram: Histogram) -> Latency:
    p50, p95, p99 = (histogram.quantile(share) for share in (0.5, 0.95, 0.99))
    return Latency(count=histogram.count, p50=_rounded(p50), p95=_rounded(p95), p99=_rounded(p99))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
