"""Which evidence goes, in which order, and why. A pure function: it deletes nothing.

First what is too old. Then, where a camera holds too much or the disk is nearly full, what is least important: what was
recorded all the time before clips and snapshots of events, of these the least severe first, of equals the oldest.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.clock import SECOND
from pipeline.configuration.retention import RetentionOptions
from pipeline.store.alarms import SEVERITIES

Kind = Literal["recording", "event"]
GB = 1e9
DAY = 86400 * SECOND
ENOUGH = 0.95
"""A camera that holds too much is brought down to this share of its limit, so that not every file starts a sweep."""
Span = tuple[int, int]
"""From and to, UTC in ns."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file of evidence."""

    name: str
    """Path within the results."""
    camera: str
    kind: Kind
    """``recording``: of what is recorded all the time. ``event``: a clip or snapshot."""
    taken_ns: int
    """UTC at which it was taken note of: its age counts from there."""
    size: int
    """Bytes."""
    severity: str = ""
    """Of its event; empty for a recording, or where nobody knows its event any more."""
    needed: str = ""
    """Why it must stay whatever the limits; empty: it may go."""

    @property
    def importance(self) -> tuple[int, int, int, str]:
        """What has less goes first."""
        severity = SEVERITIES.index(self.severity) if self.severity in SEVERITIES else -1
        return (0 if self.kind == "recording" else 1, severity, self.taken_ns, self.name)


@dataclass(frozen=True, slots=True)
class Going:
    """A file that is to be deleted."""

    item: Item
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done."""

    going: list[Going]
    """In the order in which they are to be deleted."""
    short: list[str]
    """Limits that stay broken, since what is left must stay."""


def plan(items: Iterable[Item], options: RetentionOptions, *, now_ns: int, free: float) -> Plan:
    """``items``: all evidence there is. ``free``: bytes of the disk."""
    left = sorted(items, key=lambda item: item.importance)
    young_ns = now_ns - round(options.grace_s * SECOND)
    may_go = [item for item in left if not item.needed and item.taken_ns <= young_ns]
    gone: dict[str, Going] = {}
    for item in may_go:
        if why := _too_old(item, options, now_ns):
            gone[item.name] = Going(item, why)
    short = _within_size(left, may_go, options, gone)
    if options.free_gb is not None and free < options.free_gb * GB:
        wanted = options.free_gb * GB / ENOUGH - free - sum(each.item.size for each in gone.values())
        why = f"less than {options.free_gb:g} GB of the disk were free (free_gb)"
        will_be = options.free_gb * GB / ENOUGH - wanted + _drop(may_go, wanted, gone, why)
        if will_be < options.free_gb * GB:
            short.append(f"less than {options.free_gb:g} GB of the disk are free (free_gb)")
    return Plan(list(gone.values()), short)


def covered(span: Span, spans: Sequence[Span]) -> bool:
    """Whether a time meets one of ``spans``, which are in order and do not meet one another."""
    place = bisect_right(spans, span[1], key=lambda each: each[0])
    return place > 0 and spans[place - 1][1] >= span[0]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same times, in order, none of which meets another."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return found


def _too_old(item: Item, options: RetentionOptions, now_ns: int) -> str:
    limits = options.of(item.camera)
    of_severity = item.kind == "event" and item.severity in limits.severity_days
    days = limits.recordings_days if item.kind == "recording" else limits.days_of(item.severity)
    if days is None or now_ns - item.taken_ns <= days * DAY:
        return ""
    name = f"severity_days.{item.severity}" if of_severity else f"{item.kind}s_days"
    return f"older than {days:g} days ({name})"


def _within_size(
    left: Sequence[Item], may_go: Sequence[Item], options: RetentionOptions, gone: dict[str, Going]
) -> list[str]:
    """Take what is too much of each camera; the limits that stay broken."""
    short, sizes = [], dict[str, int]()
    for item in left:
        sizes[item.camera] = sizes.get(item.camera, 0) + (0 if item.name in gone else item.size)
    for camera, size in sizes.items():
        most = options.of(camera).most_gb
        if most is None or size <= most * GB:
            continue
        own = [item for item in may_go if item.camera == camera]
        why = f"camera {camera} held more than {most:g} GB (most_gb)"
        if size - _drop(own, size - ENOUGH * most * GB, gone, why) > most * GB:
            short.append(f"camera {camera} holds more than {most:g} GB (most_gb)")
    return short


def _drop(items: Sequence[Item], wanted: float, gone: dict[str, Going], why: str) -> int:
    """Take from the front what is not gone yet until so many bytes are, or nothing is left; how many these were."""
    freed = 0
    for item in items:
        if freed >= wanted:
            break
        if item.name not in gone:
            gone[item.name] = Going(item, why)
            freed += item.size
    return freed
