"""Feedback on one event, looked at before it counts: what was shown, and what would come of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from lab.normal.effect import Effect, generation_with
from lab.normal.past import ANOMALY, Past
from lab.normal.showing import MARGIN_S, highest, shown_by
from lab.normal.witness import Book
from lab.why.course import Course
from lab.why.finding import EVENTS, Results
from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.rehearsal.difference import NEAR_S, Alarm, compare
from stages.alert.normal.dismissed import Dismissed
from stages.alert.normal.feedback import REACH, TOLERANCE, Feedback, Given, Verdict
from stages.alert.normal.store import Stored


@dataclass(frozen=True)
class Wish:
    """What somebody says about an event."""

    verdict: Verdict
    note: str = ""
    reach: float = REACH
    tolerance: float = TOLERANCE
    whole: bool = False
    """What it showed, or was taken for, only for a moment counts too."""


@dataclass(frozen=True)
class Proposal:
    """Feedback that could be put in use."""

    feedback: Feedback
    """With what is new."""
    given: Given
    effects: list[Effect]
    lost: list[Given]
    """Events that were said to be true alarms, and would not be raised any more."""

    @property
    def remains(self) -> bool:
        """The event itself would still be raised."""
        names = [effect.name(pair) for effect in self.effects for pair in effect.gone]
        return self.given.verdict == "not_of_interest" and self.given.event not in names


def propose(stored: Stored, feedback: Feedback, pasts: Sequence[Past], name: str, wish: Wish) -> Proposal:
    """What would come of this verdict on the event that ``name`` means, beside all feedback that there is.

    Raises ``UsageError`` for an event that is not found, or no alarm of this model, or not raised any more.
    """
    past, event = find(pasts, name)
    before = feedback.without(event.start.id)
    bare = Given(
        event=event.start.id,
        verdict=wish.verdict,
        rule=event.start.name,
        started=event.started,
        reason=event.start.reason,
        score=round(highest(event), 6),
        generation=stored.manifest.generation,
        note=wish.note,
        reach=wish.reach,
        tolerance=wish.tolerance,
    )
    judged = _Judged(stored)
    if wish.verdict == "unsure":
        return _proposed(judged, feedback, before.with_(bare), bare, pasts)
    alarm, book, held_s = _witnessed(judged, before, past, event)
    shown = shown_by(alarm, book, held_s=0.0 if wish.whole else held_s)
    given = replace(bare, width=book.width, height=book.height, shown=shown)
    return _proposed(judged, feedback, before.with_(given), given, pasts)


def effects_of(stored: Stored, now: Feedback, then: Feedback, pasts: Sequence[Past]) -> list[Effect]:
    """What another feedback would change in each run."""
    judged = _Judged(stored)
    return [Effect.of(past, judged.by(now, past), judged.by(then, past)) for past in pasts]


def find(pasts: Sequence[Past], name: str) -> tuple[Past, Alarm]:
    """The event that ``name`` means, and the run that it is of.

    Raises ``UsageError`` if it is none of the rule ``anomaly`` with this model, or in none of the runs.
    """
    found: list[tuple[Past, Course]] = []
    faults: list[UsageError] = []
    for past in pasts:
        try:
            found.append((past, Results(past.out / EVENTS, tuple(past.raised)).find(name)))
        except UsageError as error:
            faults.append(error)
    if not found:
        raise faults[0]
    if len({course.start.id for _, course in found}) > 1:
        raise UsageError(f"{name!r} fits events of several --results; give more of the id")
    past, course = found[0]
    if course.start.rule != ANOMALY:
        raise UsageError(
            f"event {course.start.id[:8]} is of rule {course.start.rule!r}: feedback is about events of {ANOMALY!r}"
        )
    return past, Alarm(course.messages)


class _Judged:
    """What was raised with some feedback, asked once: only what was dismissed decides."""

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self._known: list[tuple[Path, list[Given], list[Event]]] = []

    def by(self, feedback: Feedback, past: Past) -> list[Event]:
        """In this run."""
        for out, known, events in self._known:
            if out == past.out and known == feedback.of("not_of_interest"):
                return events
        with generation_with(self.stored, feedback) as generation:
            events = past.judged(generation)
        self.know(feedback, past, events)
        return events

    def know(self, feedback: Feedback, past: Past, events: list[Event]) -> None:
        """It need not be asked again."""
        self._known.append((past.out, feedback.of("not_of_interest"), events))


def _proposed(judged: _Judged, now: Feedback, then: Feedback, given: Given, pasts: Sequence[Past]) -> Proposal:
    effects = [Effect.of(past, judged.by(now, past), judged.by(then, past)) for past in pasts]
    true = [each for each in then.of("true_alarm") if each.event != given.event]
    gone = {effect.name(pair) for effect in effects for pair in effect.gone}
    remaining = {effect.name(pair) for effect in effects for pair in effect.remaining}
    lost = [each for each in true if each.event in gone or (each.event not in remaining and hides(given, each))]
    return Proposal(then, given, effects, lost)


def hides(given: Given, other: Given) -> bool:
    """Whether all that an example showed is like another that is dismissed: told from what is kept of both."""
    lead = next((shown for shown in other.shown if shown.lead), None)
    if lead is None:
        return False
    dismissed = Dismissed(Feedback(given=[given]))  # no example of other verdicts dismisses anything
    return all(dismissed.covers(lead, kind, spot) for kind in lead.kinds for spot in lead.path)


def _witnessed(judged: _Judged, feedback: Feedback, past: Past, event: Alarm) -> tuple[Alarm, Book, float]:
    """The event as it would be raised without feedback on it, what was seen meanwhile, and how long it takes to
    start."""
    last = event.messages[-1].media_time
    since, until = event.started - NEAR_S - 2 * MARGIN_S, last + NEAR_S + 2 * MARGIN_S
    with generation_with(judged.stored, feedback) as generation:
        told, options = past.witnessed(generation, event.start.name, since=since, until=until)
    judged.know(feedback, past, told)
    for pair in compare(past.raised, told):
        if pair.raised is not None and pair.raised.start.id == event.start.id and pair.told is not None:
            return pair.told, options.book, options.enter_inertia_s
    by = "" if not feedback.of("not_of_interest") else ", or is dismissed by feedback on another"
    raise UsageError(
        f"event {event.start.id[:8]} is not raised any more by generation {judged.stored.manifest.generation}{by}: "
        "there is nothing to learn from it"
    )
