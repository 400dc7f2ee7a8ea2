"""What a run has reported of a camera, as far as learning must leave it out."""

from collections.abc import Collection, Iterable, Mapping
from statistics import median
from typing import Any

import msgspec
import numpy as np

from pipeline.clock import SECOND
from pipeline.messages import Event
from stages.alert.geometry import overlap
from stages.alert.normal.observed import Observed
from stages.alert.verdict import claim_of

MARGIN_NS = SECOND
"""Before and after."""
SAME = 0.5
"""An object of a frame is the one that a message names if their boxes overlap by this much (IoU)."""
ANOMALY = "anomaly"
ABOUT_THE_MODEL = frozenset({"normal_drift"})
"""Rules whose events are about no thing in the picture."""
REMINDER = "normal_drift"
"""Asks to learn what is seen from then on: nothing is left out for it."""


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
        self.alarms: dict[str, Alarm] = {}
        self.ordinary = 0
        """Events of such rules."""
        self._told: dict[int, list[tuple[str, tuple[float, float, float, float]]]] = {}
        for event in events:
            dismissed = self._verdicts.get(event.id) == "not_of_interest"
            if event.rule in ABOUT_THE_MODEL:
                continue
            if event.rule in ordinary or event.name in ordinary or dismissed:
                self.ordinary += event.type == "start"
            elif event.rule != REMINDER:
                self._take(event)

    def _take(self, event: Event) -> None:
        started, told = round(event.started * SECOND), round(event.media_time * SECOND)
        alarm = self.alarms.setdefault(event.id, Alarm(event.rule, event.id, started))
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
        """Take over whom messages named that were looked at earlier."""
        for each in before:
            if (alarm := self.alarms.get(each.event)) is not None and each.subjects:
                alarm.subjects, alarm.placed = sorted({*alarm.subjects, *each.subjects}), False


def usual_threshold(alarms: Iterable[Alarm]) -> float | None:
    """The usual threshold of the rule ``anomaly`` in a run; None where it raised nothing."""
    found = [each.threshold for each in alarms if each.threshold is not None]
    return median(found) if found else None


def _number(claim: Mapping[str, Any]) -> float | None:
    value = claim.get("threshold")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
