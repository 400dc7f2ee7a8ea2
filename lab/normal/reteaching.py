"""From a reservoir to a model of normal with its calibration: what alarmed is cut out, hours count by their share.

*Never learned* must not mean *never happened*. If all alarms were simply dropped, false ones among them, the highest
scores of normal time would be missing at each update, the threshold would fall, and the number of false alarms would
rise with each of them. So alarms of the rule ``anomaly`` still count in the calibration: as many as its own budget says
are false, those least unusual to the new model, each with no more than the threshold that raised it. The model itself
learns nothing of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lab.normal.alarms import Alarm
from lab.normal.cutting import cut
from lab.normal.learning import FOLD_S, MOST_FOLDS, Learned, footage_of, thinned
from lab.normal.reservoir import UNKNOWN, Entry, Reservoir
from lab.normal.stretch import Stretch
from lab.normal.suspicion import suspicion
from pipeline.clock import SECOND
from pipeline.errors import UsageError
from stages.alert.normal.calibration import BLOCK_S, DAY_S, Calibration
from stages.alert.normal.counting import GAP_S, Counting, Segment, confirmed_rows
from stages.alert.normal.fitting import fit
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.normal.scorer import MOVEMENT

FEWEST_FOLDS = 3
_STEP_NS = SECOND // 10


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring stretches of one log, and of one quarter of the day."""

    bucket: int
    frames: list[Observed]
    clean: list[list[Observed]]
    """Without what alarmed."""
    alarms: list[Alarm]
    """Of the rule ``anomaly`` that began here."""


@dataclass(frozen=True, slots=True)
class Left:
    """What was not learned."""

    objects: int = 0
    seconds: float = 0.0
    rules: tuple[str, ...] = ()
    """Those that named it."""
    counted: int = 0
    """Alarms that count as false ones in the calibration."""
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
    stretches: Sequence[tuple[Entry, Stretch]],
    *,
    counting: Counting | None = None,
) -> Retaught:
    """Fit and calibrate: each fold is scored by a model of the other ones. Every fold has every quarter of the day.

    Raises ``UsageError`` for too little.
    """
    head = stretches[-1][1].header if stretches else None
    names, detector = (head.names, head.detector) if head else ((), "")
    seconds = sum(entry.header.seconds for entry, _ in stretches)
    folds = [list(_parts(reservoir, fold)) for fold in _folds(reservoir, stretches, seconds)]
    segments: list[Segment] = []
    strata: list[int] = []
    alarms: list[tuple[float, int]] = []
    counting = counting or Counting()
    for number, fold in enumerate(folds):
        others = [clip for other, each in enumerate(folds) if other != number for part in each for clip in part.clean]
        model = fit(thinned(others), names=names, detector=detector)
        for part in fold:
            scored = [suspicion(model, clip) for clip in part.clean]
            segments += scored
            strata += [part.bucket] * len(scored)
            alarms += [(level, part.bucket) for level in _levels(model, part, counting)]
    expected = sum(_expected(reservoir, entry) for entry, _ in stretches)
    counted = sorted(alarms)[: round(expected)]
    segments += [_block(level) for level, _ in counted]
    strata += [bucket for _, bucket in counted]
    clips = [clip for fold in folds for part in fold for clip in part.clean]
    shares = _shares(reservoir, stretches)
    try:
        calibration = Calibration.of(segments, counting, strata=strata, shares=shares)
    except ValueError as error:
        raise UsageError(str(error)) from error
    model = fit(thinned(clips), names=names, detector=detector)
    learned = Learned(model, calibration, footage_of(clips, calibration.seconds))
    return Retaught(learned, _left(reservoir, stretches, len(counted), len(alarms)), hours_of(reservoir, stretches))


def hours_of(reservoir: Reservoir, stretches: Iterable[tuple[Entry, object]]) -> dict[int, float]:
    """How much there is of each bucket."""
    hours: dict[int, float] = {}
    for entry, _ in stretches:
        number = reservoir.bucket(entry.header)
        hours[number] = hours.get(number, 0.0) + entry.header.seconds / 3600
    return dict(sorted(hours.items()))


def _folds(
    reservoir: Reservoir, stretches: Sequence[tuple[Entry, Stretch]], seconds: float
) -> Iterator[list[tuple[Entry, Stretch]]]:
    """Of each bucket, in order of time, one part for each fold."""
    wanted = min(max(round(seconds / FOLD_S), FEWEST_FOLDS), MOST_FOLDS, max(len(stretches), 1))
    buckets: dict[int, list[tuple[Entry, Stretch]]] = {}
    for entry, stretch in stretches:
        buckets.setdefault(reservoir.bucket(entry.header), []).append((entry, stretch))
    for number in range(wanted):
        fold = [
            each
            for inside in buckets.values()
            for each in inside[number * len(inside) // wanted : (number + 1) * len(inside) // wanted]
        ]
        if fold:
            yield fold


def _parts(reservoir: Reservoir, fold: Sequence[tuple[Entry, Stretch]]) -> Iterator[Part]:
    """Stretches that follow one another are one clip, so that tracks are not cut where they need not be."""
    ordered = sorted(fold, key=lambda each: (each[0].header.origin, each[0].header.start_ns))
    for chain in _chains(reservoir, ordered):
        frames = [frame for _, stretch in chain for frame in stretch.frames]
        known = {each.event: each for entry, _ in chain for each in reservoir.alarms(entry)}
        here = [
            each
            for each in known.values()
            if each.threshold is not None and frames[0].media_ns <= each.start_ns <= frames[-1].media_ns
        ]
        yield Part(reservoir.bucket(chain[0][0].header), frames, cut(frames, known.values()).clips, here)


def _chains(reservoir: Reservoir, ordered: Sequence[tuple[Entry, Stretch]]) -> Iterator[list[tuple[Entry, Stretch]]]:
    chain: list[tuple[Entry, Stretch]] = []
    for entry, stretch in ordered:
        if chain:
            before, now = chain[-1][0].header, entry.header
            follows = now.origin == before.origin and 0 < now.start_ns - before.end_ns <= GAP_S * SECOND
            if not follows or reservoir.bucket(before) != reservoir.bucket(now):
                yield chain
                chain = []
        chain.append((entry, stretch))
    if chain:
        yield chain


def _levels(model: NormalModel, part: Part, counting: Counting) -> Iterator[float]:
    """How unusual each alarm is to this model, at most what it took to raise it."""
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
        yield min(max(level, 0.0), alarm.threshold or 0.0)


def _block(level: float) -> Segment:
    """Ten seconds with one alarm of this score."""
    times = np.arange(round(BLOCK_S * SECOND / _STEP_NS)).astype(np.int64) * _STEP_NS
    return Segment(times, np.full(len(times), level), np.ones(len(times), np.int64))


def _expected(reservoir: Reservoir, entry: Entry) -> float:
    """False alarms that the rule allowed itself in the time of this stretch."""
    log = reservoir.index.logs.get(entry.header.origin)
    return 0.0 if log is None else log.expected_per_day * entry.header.seconds / DAY_S


def _shares(reservoir: Reservoir, stretches: Sequence[tuple[Entry, Stretch]]) -> dict[int, float]:
    """How much of all time each bucket is: quarters of the day are alike, however long they were observed; time of
    which the hour is not known is as much as it is of the sample."""
    hours = hours_of(reservoir, stretches)
    total = sum(hours.values())
    unknown = hours.get(UNKNOWN, 0.0) / total if total else 0.0
    known = [each for each in hours if each != UNKNOWN]
    return {each: (1 - unknown) / len(known) for each in known} | ({UNKNOWN: unknown} if unknown else {})


def _left(reservoir: Reservoir, stretches: Sequence[tuple[Entry, Stretch]], counted: int, of: int) -> Left:
    named = [(stretch, alarms) for entry, stretch in stretches if (alarms := reservoir.alarms(entry))]
    cuts = [cut(stretch.frames, alarms) for stretch, alarms in named]
    rules = sorted({each.rule for _, alarms in named for each in alarms})
    return Left(sum(one.objects for one in cuts), sum(one.seconds for one in cuts), tuple(rules), counted, of)
