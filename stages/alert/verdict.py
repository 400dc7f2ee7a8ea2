"""The verdict of an event, computed again from its record alone: no state, no video, no configuration.

A start is *raised* if every entry of its trace compares as it says, none is missing, and its times fit its numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.messages import Event
from stages.alert.trace import compares

FITS_S = 2e-6
"""Seconds; times are rounded to a millionth."""
OWN = frozenset({"first_seen", "class", "age_s", "median_confidence", "held_s", "scheduled", "repeated"})
"""What the stage itself asks of each event, whatever its rule."""


@dataclass(frozen=True, slots=True)
class Check:
    """One entry, computed again."""

    predicate: str
    holds: bool
    says: str
    """In words: ``0.35 is not >= 0.4``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the message follows from its record."""

    follows: bool
    said: str
    """``raised`` or ``ended``, with ``not`` before it where it does not follow."""
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """What speaks against it."""
        return tuple(check for check in self.checks if not check.holds)


def verdict(event: Event) -> Verdict:
    """Compute it again. What a record does not hold, or cannot be compared, counts as failed and is named."""
    checks = [compared(entry) for entry in event.why]
    checks += [check for entry in event.why for check in _parts(entry)]
    if event.type == "start":
        checks += _complete(event) + _timely(event)
    elif not event.why:
        checks.append(Check("why", False, "the record has no trace"))
    follows = all(check.holds for check in checks)
    said = "ended" if event.type == "end" else "raised"
    return Verdict(follows, said if follows else f"not {said}", tuple(checks))


def claim_of(event: Event) -> Mapping[str, Any] | None:
    """The entry of a start that its rule claims, with what else explains it; None if there is none."""
    return next((entry for entry in event.why if entry.get("predicate") not in OWN), None)


def compared(entry: Mapping[str, Any]) -> Check:
    """One entry of a trace, computed again."""
    predicate = str(entry.get("predicate", "?"))
    missing = [key for key in ("value", "comparison", "threshold") if key not in entry]
    if missing:
        return Check(predicate, False, f"the entry has no {missing[0]}")
    value, comparison, threshold = entry["value"], entry["comparison"], entry["threshold"]
    try:
        holds = compares(value, comparison, threshold)
    except ValueError as error:
        return Check(predicate, False, str(error))
    return Check(predicate, holds, f"{value} is {'' if holds else 'not '}{comparison} {threshold}")


def _no_entry(part: Any) -> Check:
    """What stands among the parts and is no entry of a trace."""
    return Check("parts", False, f"{part!r} is no entry of a trace")


def _parts(entry: Mapping[str, Any]) -> list[Check]:
    """What a rule made of rules claims of its parts: each again, and that there are as many as it says."""
    if "parts" not in entry:
        return []
    parts = entry["parts"]
    if not isinstance(parts, list | tuple):
        return [Check("parts", False, f"{parts!r} is no list of parts")]
    checks = [compared(part) if isinstance(part, Mapping) else _no_entry(part) for part in parts]
    for part in parts:
        after, within = (part.get("after_s"), part.get("within_s")) if isinstance(part, Mapping) else (None, None)
        if after is not None and within is not None and not (_numbers(after, within) and after <= within):
            checks.append(Check("after_s", False, f"{after} is not <= {within}"))
    if len(parts) != entry.get("value"):
        checks.append(Check("parts", False, f"{len(parts)} are told, {entry.get('value')} are claimed"))
    return checks


def _complete(event: Event) -> list[Check]:
    there = {entry.get("predicate") for entry in event.why}
    wanted = {"held_s"} | (
        {"first_seen", "age_s", "median_confidence"} if "first_seen" in there or _tracked(event) else set()
    )
    checks = [Check(name, False, "the record has no such entry") for name in sorted(wanted - there)]
    if claim_of(event) is None:
        checks.append(Check(event.rule, False, "the record has no entry of what the rule claims"))
    return checks


def _tracked(event: Event) -> bool:
    return event.object is not None and event.object.track_id > 0


def _timely(event: Event) -> list[Check]:
    """Durations against the times they run between."""
    entries = {entry.get("predicate"): entry for entry in event.why}
    claim = claim_of(event)
    spans = (("age_s", entries.get("first_seen")), ("held_s", claim))
    checks = []
    for predicate, since in spans:
        entry = entries.get(predicate)
        if entry is None or since is None or not _numbers(entry.get("value"), since.get("time")):
            continue
        lasted = event.media_time - since["time"]
        if abs(lasted - entry["value"]) > FITS_S:
            checks.append(Check(predicate, False, f"{entry['value']} is not the {lasted:g} s that its times give"))
    return checks


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
