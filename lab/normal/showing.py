"""What an example showed: from the notes of a witness to what other things are held against."""

from collections import defaultdict
from collections.abc import Sequence
from math import log

from lab.normal.witness import Book, Noted
from pipeline.errors import UsageError
from pipeline.messages import Event
from pipeline.rehearsal.difference import Alarm
from stages.alert.geometry import shared
from stages.alert.normal.dismissed import CLASS, SAME
from stages.alert.normal.feedback import MOST_SHOWN, MOST_SPOTS, Shown, Spot

MARGIN_S = 3.0
"""So long before an event, and after it, the way of its object counts as the example's."""
MINOR = 0.2
"""What a detector says in fewer of the frames is a slip."""
_CLOSE = 2e-6
"""Numbers in events are rounded to a millionth."""


def shown_by(alarm: Alarm, book: Book, *, held_s: float) -> list[Shown]:
    """What the object of an event showed, and what lay on it.

    A level counts that was kept up for ``held_s``, and a class that was said often: one wild box is no example. With 0
    the highest level counts, and every class. Raises ``UsageError`` where the event is not in the book.
    """
    subject = _subject(alarm.start, book.notes)
    since, until = alarm.started - MARGIN_S, alarm.messages[-1].media_time + MARGIN_S
    own = [each for each in book.notes if each.subject == subject and since <= each.time <= until]
    claimed = [each for each in own if each.claimed]
    first = _shown(claimed, own, _kinds(claimed, least=MINOR if held_s else 0.0), lead=True, held_s=held_s)
    there = {each.frame: each.seen.box for each in claimed}
    beside = defaultdict[str, list[Noted]](list)
    for each in book.notes:
        kind, box = each.seen.kind, there.get(each.frame)
        if not each.high or each.claimed or box is None or kind is None:
            continue
        if shared(each.seen.box, box) >= SAME:
            beside[kind].append(each)
    others = sorted(beside.items(), key=lambda item: (-len(item[1]), item[0]))[: MOST_SHOWN - 1]
    return [first, *(_shown(notes, notes, [kind], lead=False, held_s=held_s) for kind, notes in others)]


def highest(alarm: Alarm) -> float:
    """The highest score that the event's record tells."""
    entries = [entry for message in alarm.messages for entry in message.why if entry.get("predicate") == "surprise"]
    return max((float(entry["value"]) for entry in entries), default=0.0)


def _subject(start: Event, notes: Sequence[Noted]) -> int:
    about = start.object
    for each in notes:
        if about is None or each.frame != start.frame or not each.claimed:
            continue
        if about.track_id and each.subject > 0 and each.track_id == about.track_id:
            return each.subject
        if not about.track_id and all(
            abs(one - other) <= _CLOSE for one, other in zip(each.seen.box, about.box, strict=True)
        ):
            return each.subject
    raise UsageError(f"event {start.id[:8]}: nothing like it is found in the stored run")


def _kinds(notes: Sequence[Noted], *, least: float) -> list[str]:
    said = [each.seen.kind for each in notes if each.seen.kind is not None]
    return sorted(kind for kind in set(said) if said.count(kind) >= least * len(said))


def _shown(claimed: Sequence[Noted], own: Sequence[Noted], kinds: list[str], *, lead: bool, held_s: float) -> Shown:
    over: dict[str, list[tuple[float, float]]] = defaultdict(list)
    surprise: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in claimed:
        for entry in each.seen.features:
            name = entry["feature"]
            if each.normal.get(name, 0.0) > 0:
                over[name].append((each.time, entry["value"] / each.normal[name]))
            elif name != CLASS:
                surprise[name].append((each.time, -log(max(entry["p"], 1e-300))))
    return Shown(
        lead,
        kinds,
        {name: round(held(values, held_s), 4) for name, values in sorted(over.items())},
        {name: round(held(values, held_s), 4) for name, values in sorted(surprise.items())},
        [_spot(each) for each in _thinned(own)],
    )


def held(values: Sequence[tuple[float, float]], held_s: float) -> float:
    """The highest level that was kept up for so many seconds; values with their times, in order. The highest of all
    where it was seen for less."""
    best, start = float("-inf"), 0
    for end, (time, _) in enumerate(values):
        while start < end and time - values[start + 1][0] >= held_s - 1e-9:
            start += 1
        if time - values[start][0] >= held_s - 1e-9:
            best = max(best, min(value for _, value in values[start : end + 1]))
    return best if best > float("-inf") else max(value for _, value in values)


def _thinned(notes: Sequence[Noted]) -> Sequence[Noted]:
    if len(notes) <= MOST_SPOTS:
        return notes
    step = (len(notes) - 1) / (MOST_SPOTS - 1)
    return [notes[round(number * step)] for number in range(MOST_SPOTS)]


def _spot(each: Noted) -> Spot:
    left, top, right, bottom = (round(min(max(side, 0.0), 1.0), 6) for side in each.seen.box)
    return Spot(round(each.time, 6), (left, top, right, bottom), dict(each.normal))
