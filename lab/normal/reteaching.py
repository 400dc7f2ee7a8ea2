"""From a reservoir to a model of normal with its calibration: what alarmed is cut out, hours count by their share.

*Never learned* must not mean *never happened*. If all alarms were simply dropped, false ones among them, the highest
scores of normal time would be missing at each update, the threshold would fall, and the number of false alarms would
rise with each of them. So the calibration takes the rate at which the rule ``anomaly`` believed normal time to reach
its threshold as it was, see ``stages.alert.normal.hold``: all its alarms count, together as many as its own budget says
are false. The model itself learns nothing of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lab.normal.alarms import Alarm
from lab.normal.cutting import Cut, cut
from lab.normal.learning import FOLD_S, MOST_FOLDS, MOST_FRAMES, STRETCH, Learned
from lab.normal.reservoir import UNKNOWN, Entry, Reservoir
from lab.normal.suspicion import suspicion
from pipeline.clock import SECOND
from pipeline.errors import UsageError
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.counting import GAP_S, Counting, Segment, confirmed_rows
from stages.alert.normal.fitting import fit
from stages.alert.normal.hold import Hold
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.normal.scorer import MOVEMENT
from stages.alert.normal.store import Footage

FEWEST_FOLDS = 3
Lesson = tuple[str, list[Observed]]
"""The origin of a clip, and its frames."""


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring stretches of one log, and of one quarter of the day."""

    bucket: int
    origin: str
    frames: list[Observed]
    clean: Cut
    """Without what alarmed."""
    alarms: list[Alarm]
    """Of the rule ``anomaly`` that began here."""
    rules: set[str]
    """Whose alarms bear on it."""


@dataclass(frozen=True, slots=True)
class Left:
    """What was not learned."""

    objects: int = 0
    seconds: float = 0.0
    rules: tuple[str, ...] = ()
    """Those that named it."""
    counted: float = 0
    """Alarms that count as false ones in the calibration, all of them together."""
    of: int = 0
    """All alarms of the rule ``anomaly`` that began there."""


@dataclass(frozen=True, slots=True)
class Retaught:
    """What a reservoir taught."""

    learned: Learned
    left: Left
    hours: dict[int, float] = field(default_factory=dict)
    """By bucket."""


def teach(
    reservoir: Reservoir,
    entries: Sequence[Entry],
    *,
    counting: Counting | None = None,
    most_folds: int = MOST_FOLDS,
) -> Retaught:
    """Fit and calibrate: each fold is scored by a model of the other ones. Every fold has every quarter of the day.

    One clip lies in memory at a time, and what models are learned from: at most ``MOST_FRAMES``. Raises ``UsageError``
    for too little.
    """
    head = entries[-1].header if entries else None
    names, detector = (head.names, head.detector) if head else ((), "")
    folds = list(_folds(reservoir, entries, most_folds))
    lessons = _lessons(reservoir, folds)
    tally, counting = _Tally(), counting or Counting()
    for number, fold in enumerate(folds):
        others = [clip for other, each in enumerate(lessons) if other != number for clip in each]
        model = _fitted(others, names, detector)
        for part in parts_of(reservoir, fold):
            tally.take(part, model, counting)
    holds, shares = tally.holds(reservoir), _shares(reservoir, entries)
    try:
        calibration = Calibration.of(tally.segments, counting, strata=tally.strata, shares=shares, holds=holds)
    except ValueError as error:
        raise UsageError(str(error)) from error
    model = _fitted([clip for each in lessons for clip in each], names, detector)
    counted = round(sum(each.expected(dict.fromkeys(shares, 1.0)) for each in holds), 1)
    left = Left(tally.objects, tally.lost_s, tuple(sorted(tally.rules)), counted, tally.alarmed)
    return Retaught(Learned(model, calibration, tally.footage(reservoir)), left, hours_of(reservoir, entries))


@dataclass(slots=True)
class _Tally:
    """What comes of clips, one after the other."""

    segments: list[Segment] = field(default_factory=list)
    strata: list[int] = field(default_factory=list)
    alarms: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    """By log: how unusual those of the rule ``anomaly`` are, and their quarters of the day."""
    seconds: dict[str, dict[int, float]] = field(default_factory=dict)
    """By log and quarter of the day, without what was left out."""
    objects: int = 0
    lost_s: float = 0.0
    rules: set[str] = field(default_factory=set)
    frames: int = 0
    tracks: int = 0
    clips: int = 0

    def take(self, part: Part, model: NormalModel, counting: Counting) -> None:
        """Score it, and count."""
        scored = [suspicion(model, clip) for clip in part.clean.clips]
        self.segments += scored
        self.strata += [part.bucket] * len(scored)
        self.alarms.setdefault(part.origin, []).extend((level, part.bucket) for level in _levels(model, part, counting))
        lasted = self.seconds.setdefault(part.origin, {})
        lasted[part.bucket] = lasted.get(part.bucket, 0.0) + sum(each.seconds for each in scored)
        self.objects += part.clean.objects
        self.lost_s += part.clean.seconds
        self.rules |= part.rules
        self.clips += len(part.clean.clips)
        self.frames += sum(map(len, part.clean.clips))
        for clip in part.clean.clips:
            self.tracks += len({subject for frame in clip for subject in frame.subject.tolist()})

    @property
    def alarmed(self) -> int:
        """Alarms of the rule ``anomaly``."""
        return sum(map(len, self.alarms.values()))

    def holds(self, reservoir: Reservoir) -> list[Hold]:
        """What is known of time that the rule ``anomaly`` watched."""
        found = []
        for origin, seconds in self.seconds.items():
            log = reservoir.index.logs.get(origin)
            if log is not None and log.threshold is not None and log.expected_per_day > 0:
                found.append(Hold(log.threshold, log.expected_per_day, seconds, self.alarms[origin]))
        return found

    def footage(self, reservoir: Reservoir) -> Footage:
        """What was learned from, in numbers."""
        seconds = max(sum(each.seconds for each in self.segments), 1e-3)
        fps = round(self.frames / seconds, 3)
        return Footage(round(seconds, 3), self.clips, self.frames, self.tracks, fps, reservoir.content)


def hours_of(reservoir: Reservoir, entries: Iterable[Entry]) -> dict[int, float]:
    """How much there is of each bucket."""
    hours: dict[int, float] = {}
    for entry in entries:
        number = reservoir.bucket(entry.header)
        hours[number] = hours.get(number, 0.0) + entry.header.seconds / 3600
    return dict(sorted(hours.items()))


def parts_of(reservoir: Reservoir, fold: Sequence[Entry]) -> Iterator[Part]:
    """Stretches that follow one another are one clip, so that tracks are not cut where they need not be."""
    ordered = sorted(fold, key=lambda each: (each.header.origin, each.header.start_ns))
    for chain in _chains(reservoir, ordered):
        frames = [frame for entry in chain for frame in reservoir.read(entry).frames]
        known = {each.event: each for entry in chain for each in reservoir.alarms(entry)}
        here = [
            each
            for each in known.values()
            if each.threshold is not None and frames[0].media_ns <= each.start_ns <= frames[-1].media_ns
        ]
        rules = {each.rule for each in known.values()}
        first = chain[0].header
        yield Part(reservoir.bucket(first), first.origin, frames, cut(frames, known.values()), here, rules)


def _folds(reservoir: Reservoir, entries: Sequence[Entry], most: int) -> Iterator[list[Entry]]:
    """Of each bucket, in order of time, one part for each fold."""
    seconds = sum(entry.header.seconds for entry in entries)
    wanted = min(max(round(seconds / FOLD_S), FEWEST_FOLDS), most, max(len(entries), 1))
    buckets: dict[int, list[Entry]] = {}
    for entry in entries:
        buckets.setdefault(reservoir.bucket(entry.header), []).append(entry)
    for number in range(wanted):
        fold = [
            each
            for inside in buckets.values()
            for each in inside[number * len(inside) // wanted : (number + 1) * len(inside) // wanted]
        ]
        if fold:
            yield fold


def _fitted(lessons: Sequence[Lesson], names: Sequence[str], detector: str) -> NormalModel:
    """Tracks of one log are the same in all its minutes."""
    known = {origin: number for number, origin in enumerate(dict.fromkeys(origin for origin, _ in lessons))}
    clips = [clip for _, clip in lessons]
    return fit(clips, names=names, detector=detector, sources=[known[origin] for origin, _ in lessons])


def _lessons(reservoir: Reservoir, folds: Sequence[Sequence[Entry]]) -> list[list[Lesson]]:
    """Of each fold what models are learned from: everything, or of every k-th stretch as much as makes few enough."""
    total = sum(entry.frames for fold in folds for entry in fold)
    step = max(-(-total // MOST_FRAMES), 1)
    longest = STRETCH if step > 1 else None
    if step > 1:
        step = max(sum(map(len, folds)) * STRETCH // MOST_FRAMES, 1)
    lessons: list[list[Lesson]] = []
    number = 0
    for fold in folds:
        clips: list[Lesson] = []
        for entry in fold:
            if number % step == 0:
                frames = reservoir.read(entry).frames[:longest]
                clips += [(entry.header.origin, clip) for clip in cut(frames, reservoir.alarms(entry)).clips]
            number += 1
        lessons.append(clips)
    return lessons


def _chains(reservoir: Reservoir, ordered: Sequence[Entry]) -> Iterator[list[Entry]]:
    chain: list[Entry] = []
    for entry in ordered:
        if chain:
            before, now = chain[-1].header, entry.header
            follows = now.origin == before.origin and 0 < now.start_ns - before.end_ns <= GAP_S * SECOND
            if not follows or reservoir.bucket(before) != reservoir.bucket(now):
                yield chain
                chain = []
        chain.append(entry)
    if chain:
        yield chain


def _levels(model: NormalModel, part: Part, counting: Counting) -> Iterator[float]:
    """How unusual each alarm is to this model."""
    if not part.alarms:
        return
    segment = suspicion(model, part.frames)
    confirmed = confirmed_rows(segment, counting)
    subject = np.zeros(len(confirmed), np.int64) if segment.subject is None else segment.subject
    for alarm in part.alarms:
        start, end = alarm.span
        whose = np.isin(subject, alarm.subjects) | (subject <= MOVEMENT)
        inside = confirmed[(segment.media_ns >= start) & (segment.media_ns <= end) & whose]
        level = float(inside.max()) if len(inside) else 0.0
        yield max(level, 0.0)


def _shares(reservoir: Reservoir, entries: Sequence[Entry]) -> dict[int, float]:
    """How much of all time each bucket is: quarters of the day are alike, however long they were observed; time of
    which the hour is not known is as much as it is of the sample."""
    hours = hours_of(reservoir, entries)
    total = sum(hours.values())
    unknown = hours.get(UNKNOWN, 0.0) / total if total else 0.0
    known = [each for each in hours if each != UNKNOWN]
    return {each: (1 - unknown) / len(known) for each in known} | ({UNKNOWN: unknown} if unknown else {})
