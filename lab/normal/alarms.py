"""What a run has reported of a camera, as far as learning must leave it out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pipeline.clock import SECOND
from pipeline.messages import Event
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore
from stages.alert.geometry import overlap
from stages.alert.normal.feedback import Given
from stages.alert.normal.observed import Observed
from stages.alert.verdict import claim_of

MARGIN_NS = SECOND
"""Before and after."""
SAME = 0.5
"""An object of a frame is the one that a message names if their boxes overlap by this much (IoU)."""
ANOMALY = "anomaly"
_STAMP_NS = SECOND // 1000
NOT_IN_THE_PICTURE = frozenset({"normal_drift", "not_recorded"})
"""Rules whose events are about the model or the recording: nothing that is seen is left out for them."""


class Alarm(msgspec.Struct):
    """One event, from start to end, as media times in ns."""

    rule: str
    """Its kind."""
    event: str
    start_ns: int
    end_ns: int | None = None
    """None: it goes on."""
    subjects: list[int] = []
    """Whom it names, as ``Observed`` does; they are left out at all times."""
    placed: bool = True
    """It names no object: all that was seen meanwhile is left out."""
    threshold: float | None = None
    """Of the rule ``anomaly``: the score that raised it."""
    name: str = ""
    """Of the rule."""
    said: bool = False
    """It is no event: somebody said ``true_alarm`` of what a rule in shadow would have raised."""

    @property
    def span(self) -> tuple[int, float]:
        """From when to when, with the margin."""
        end = float("inf") if self.end_ns is None else self.end_ns + MARGIN_NS
        return self.start_ns - MARGIN_NS, end


class Reports:
    """All events of a camera's run."""

    def __init__(
        self, events: Iterable[Event], *, ordinary: Collection[str] = (), verdicts: Mapping[str, str] | None = None
    ) -> None:
        """``ordinary``: kinds or names of rules whose events are daily life and are learned from. ``verdicts``: what
        people said of events, by id: ``not_of_interest`` is learned from, ``true_alarm`` was no false one."""
        self._verdicts = verdicts or {}
        self._daily = frozenset(ordinary)
        self.alarms: dict[str, Alarm] = {}
        self.gone: list[Alarm] = []
        """Of these, those whose events are not kept any more."""
        self.ordinary = 0
        """Events of such rules."""
        self._told: dict[int, list[tuple[str, tuple[float, float, float, float]]]] = {}
        for event in events:
            if event.rule in NOT_IN_THE_PICTURE:
                continue
            if self._is_daily(event.rule, event.name, event.id):
                self.ordinary += event.type == "start"
            else:
                self._take(event)

    def _is_daily(self, rule: str, name: str, event: str) -> bool:
        return bool(self._daily & {rule, name}) or self._verdicts.get(event) == "not_of_interest"

    def _take(self, event: Event) -> None:
        started, told = round(event.started * SECOND), round(event.media_time * SECOND)
        alarm = self.alarms.setdefault(event.id, Alarm(event.rule, event.id, started, name=event.name))
        if event.type == "end":
            alarm.end_ns = told
        unjudged = self._verdicts.get(event.id) != "true_alarm"
        if event.type == "start" and event.rule == ANOMALY and unjudged and (claim := claim_of(event)) is not None:
            alarm.threshold = _number(claim)
        if event.object is not None and event.object.track_id > 0:
            box = event.object.box
            self._told.setdefault(event.frame - 1, []).append((event.id, (box[0], box[1], box[2], box[3])))

    def look(self, frame: Observed) -> None:
        """Find whom messages about this frame name."""
        for event, box in self._told.get(frame.index, ()):
            shares = [overlap(each, box) for each in frame.box.tolist()]
            if shares and max(shares) >= SAME:
                alarm, subject = self.alarms[event], int(frame.subject[int(np.argmax(shares))])
                alarm.placed = False
                alarm.subjects = sorted({*alarm.subjects, subject})

    def recall(self, before: Iterable[Alarm]) -> None:
        """Take over what was known earlier: whom messages named, and alarms whose events were pruned since."""
        for each in before:
            if each.said or each.rule in NOT_IN_THE_PICTURE or self._is_daily(each.rule, each.name, each.event):
                continue
            alarm = self.alarms.get(each.event)
            if alarm is None:
                judged = self._verdicts.get(each.event) == "true_alarm"
                self.alarms[each.event] = msgspec.structs.replace(each, threshold=None) if judged else each
                self.gone.append(self.alarms[each.event])
            elif each.subjects:
                alarm.subjects, alarm.placed = sorted({*alarm.subjects, *each.subjects}), False


def reported(out: Path, camera: str) -> tuple[list[Event], int]:
    """The camera's events in a run's results, and how much of its log they are about: both of one moment."""
    with EventStore.open(find_address(out), analysis_sha256=None) as store:
        positions, number = store.reached()
        events = [row.event for row in store.events("commit") if row.number <= number and row.event.camera == camera]
    position = positions.get(camera)
    return events, 0 if position is None else position.log_offset


def said_of(given: Given, frames: Sequence[Observed]) -> Alarm | None:
    """What somebody said a true alarm is, among these frames: for what a rule in shadow would have raised, of which
    there is no event. None where nothing of it is seen at its times and places."""
    spots = {_stamp(round(spot.time * SECOND)): spot.box for shown in given.shown if shown.lead for spot in shown.path}
    subjects: set[int] = set()
    for frame in frames:
        if (box := spots.get(_stamp(frame.media_ns))) is not None and len(frame):
            shares = [overlap(each, box) for each in frame.box.tolist()]
            if max(shares) >= SAME:
                subjects.add(int(frame.subject[int(np.argmax(shares))]))
    if not subjects:
        return None
    start, end = round(given.started * SECOND), max(spots) * _STAMP_NS
    return Alarm(ANOMALY, given.event, start, end, sorted(subjects), placed=False, name=given.rule, said=True)


def _stamp(media_ns: int) -> int:
    """To the millisecond: feedback keeps times to the microsecond, frames to the nanosecond."""
    return round(media_ns / _STAMP_NS)


def _number(claim: Mapping[str, Any]) -> float | None:
    value = claim.get("threshold")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
