"""What differs between the events that were raised and those that would have been.

Ids differ as soon as a rule does, so an event is found again by what it is about: its camera, the name of its rule,
its object (tracks do not depend on rules), and its time.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.messages import Event

NEAR_S = 10.0
"""An event about the same object that lies this far from another is that event, moved."""


class Verdict(StrEnum):
    """What became of an event."""

    SAME = "same"
    CHANGED = "changed"
    """At the same times it says something else: its severity, its reason, its updates."""
    MOVED = "moved"
    """It starts or ends at another time."""
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An event with all its messages."""

    messages: tuple[Event, ...]

    @property
    def start(self) -> Event:
        """Its first message."""
        return self.messages[0]

    @property
    def started(self) -> float:
        """Seconds of media time."""
        return self.start.started

    @property
    def ended(self) -> float | None:
        """Seconds of media time; None while it is open."""
        last = self.messages[-1]
        return last.media_time if last.type == "end" else None

    @property
    def track_id(self) -> int:
        """Its object's at the start; 0 where it is about no tracked object."""
        return self.start.object.track_id if self.start.object is not None else 0

    @property
    def way(self) -> set[tuple[float, float, float]]:
        """Where its object was, and when; empty where it is about no tracked object."""
        if not self.track_id:
            return set()
        return {point for message in self.messages if message.object is not None for point in message.object.path}

    @property
    def minutes(self) -> set[str]:
        """Those during which it went on, as far as it was told; two events at one time share one, so that not each has
        to be held against each."""
        last = self.messages[-1].media_time
        known = {f"minute {number}" for number in range(int(self.started // 60), int(last // 60) + 1)}
        return known if self.ended is not None else known | {"open"}

    @property
    def last_s(self) -> float:
        """Up to when it is known to go on."""
        return self.messages[-1].media_time if self.ended is not None else float("inf")


@dataclass(frozen=True, slots=True)
class Pair:
    """An event that was raised, and what would be in its place."""

    raised: Alarm | None
    told: Alarm | None
    verdict: Verdict
    what: tuple[str, ...] = ()
    """In what they differ, for people."""

    @property
    def alarm(self) -> Alarm:
        """The one that would be, or else the one that was."""
        alarm = self.told or self.raised
        assert alarm is not None
        return alarm


def alarms(events: Iterable[Event]) -> list[Alarm]:
    """The events of messages that are in order, by first message."""
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        found[event.camera, event.id].append(event)
    return [Alarm(tuple(messages)) for messages in found.values()]


def compare(raised: Iterable[Event], told: Iterable[Event]) -> list[Pair]:
    """Find each event again: by camera, rule and time of start."""
    was, would = defaultdict[tuple[str, str], list[Alarm]](list), defaultdict[tuple[str, str], list[Alarm]](list)
    for events, groups in ((raised, was), (told, would)):
        for alarm in alarms(events):
            groups[alarm.start.camera, alarm.start.name].append(alarm)
    pairs = [pair for key in {**was, **would} for pair in _matched(was[key], would[key])]
    return sorted(pairs, key=lambda pair: (pair.alarm.start.camera, pair.alarm.started, pair.alarm.start.name))


def _matched(was: list[Alarm], would: list[Alarm]) -> list[Pair]:
    """Those of one rule: first by track; then by way, for an object that had lost its track between two starts."""
    at_one_time = _sharing(lambda alarm: set() if alarm.track_id else alarm.minutes, was, would)
    pairs = _nearest(of_one_track(was, would) | at_one_time, was, would)
    pairs += _nearest(_sharing(lambda alarm: alarm.way, was, would), was, would)
    pairs += [Pair(alarm, None, Verdict.GONE) for alarm in was]
    return pairs + [Pair(None, alarm, Verdict.NEW) for alarm in would]


def of_one_track(was: Sequence[Alarm], would: Sequence[Alarm]) -> set[tuple[int, int]]:
    """Places of those about one tracked object that lie at most ``NEAR_S`` apart.

    All are gone through once in order of their starts, beside those that are not yet over for so long: an object that
    stays for days may raise thousands of events, and not each is held against each.
    """
    starts = [
        (alarm.started, side, place, alarm)
        for side, each in enumerate((was, would))
        for place, alarm in enumerate(each)
        if alarm.track_id
    ]
    couples = set[tuple[int, int]]()
    lasting = defaultdict[tuple[int, int], list[tuple[float, int]]](list)
    for started, side, place, alarm in sorted(starts, key=lambda start: start[:3]):
        others = [each for each in lasting[alarm.track_id, 1 - side] if started - each[0] <= NEAR_S]
        lasting[alarm.track_id, 1 - side] = others
        couples.update((place, other) if side == 0 else (other, place) for _, other in others)
        lasting[alarm.track_id, side].append((alarm.last_s, place))
    return couples


def _sharing(
    names: Callable[[Alarm], Collection[Hashable]], was: Sequence[Alarm], would: Sequence[Alarm]
) -> set[tuple[int, int]]:
    """Places of those that share a name."""
    named = defaultdict[Hashable, list[int]](list)
    for other, told in enumerate(would):
        for name in names(told):
            named[name].append(other)
    return {(one, other) for one, raised in enumerate(was) for name in names(raised) for other in named.get(name, ())}


def _nearest(couples: Iterable[tuple[int, int]], was: list[Alarm], would: list[Alarm]) -> list[Pair]:
    """Pair events, nearest first, and take them off the lists."""
    prices = sorted(
        (price, one, other) for one, other in couples if (price := _apart(was[one], would[other])) is not None
    )
    left, right, pairs = dict(enumerate(was)), dict(enumerate(would)), list[Pair]()
    for _, one, other in prices:
        if one in left and other in right:
            pairs.append(_pair(left.pop(one), right.pop(other)))
    was[:], would[:] = left.values(), right.values()
    return pairs


def _apart(raised: Alarm, told: Alarm) -> tuple[float, float] | None:
    """How far apart two events are: seconds between them, then between their starts; None if they are two."""
    gap = max(raised.started, told.started) - min(raised.last_s, told.last_s)
    if gap > (NEAR_S if raised.track_id else 0.0):
        return None
    return max(gap, 0.0), abs(raised.started - told.started)


def _pair(raised: Alarm, told: Alarm) -> Pair:
    moved = [
        f"{word} {_seconds(before)} → {_seconds(after)}"
        for word, before, after in (("start", raised.started, told.started), ("end", raised.ended, told.ended))
        if before != after
    ]
    if moved:
        return Pair(raised, told, Verdict.MOVED, tuple(moved))
    changed = [f"{word} {before} → {after}" for word, before, after in _words(raised, told) if before != after]
    return Pair(raised, told, Verdict.CHANGED if changed else Verdict.SAME, tuple(changed))


def _words(raised: Alarm, told: Alarm) -> list[tuple[str, object, object]]:
    return [
        ("severity", raised.start.severity, told.start.severity),
        ("reason", repr(raised.start.reason), repr(told.start.reason)),
        ("ended", raised.messages[-1].ended or "open", told.messages[-1].ended or "open"),
        ("messages", len(raised.messages), len(told.messages)),
    ]


def _seconds(time: float | None) -> str:
    return "open" if time is None else f"{time:.2f} s"
