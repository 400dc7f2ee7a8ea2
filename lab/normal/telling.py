"""Feedback and what comes of it, in words."""

from collections.abc import Iterator, Mapping, Sequence

from lab.normal.effect import Effect
from lab.normal.proposal import Proposal
from pipeline.rehearsal.difference import Pair, Verdict
from stages.alert.normal.feedback import NAMELESS, Feedback, Given, Shown

MOST = 20
"""Events that are named one by one."""
SHORT = 8
"""Characters of an id that are shown."""
_WORDS = {"window": "movement"}


def counts(feedback: Feedback) -> str:
    """``2 not_of_interest, 1 true_alarm``."""
    return ", ".join(f"{number} {verdict}" for verdict, number in feedback.counts().items() if number) or "none"


def kinds(shown: Shown) -> str:
    """``bicycle or movement that is no object's``."""
    return " or ".join("movement that is no object's" if kind == NAMELESS else kind for kind in shown.kinds)


def likeness(given: Given) -> Iterator[str]:
    """What will be like an example from now on; a line for each part of it."""
    times, end = 1 + given.tolerance, "what is faster, larger, elsewhere or of another kind is still told"
    for shown in sorted(given.shown, key=lambda each: not each.lead):
        most = [
            f"{_WORDS.get(name, name)} up to {times * over:.3g} times what 1 in 100 reaches there"
            for name, over in shown.over.items()
        ]
        most += [f"{_WORDS.get(name, name)} up to 1 in {_odds(times * each)}" for name, each in shown.surprise.items()]
        heights = [spot.box[3] - spot.box[1] for spot in shown.path]
        near = f"{given.reach:g} of its height ({given.reach * min(heights):.2g} to {given.reach * max(heights):.2g} "
        on = "" if shown.lead else "on such a thing, "
        yield (
            f"{on}{kinds(shown)}, with its feet at most {near}of the picture's) from the path of this one, "
            f"{', '.join(most) or 'usual in all else'}"
        )
    yield end


def _odds(surprise: float) -> str:
    return f"{2.718281828 ** min(surprise, 60.0):.2g}"


def effect(one: Effect, feedback: Feedback) -> Iterator[str]:
    """What would change in one run, event by event."""
    unlike = [pair for pair in one.pairs if pair.verdict is Verdict.NEW]
    shadowed = " (in shadow)" if one.past.is_shadow else ""
    yield (
        f"{one.past.out}{shadowed}: {_events(len(one.now))} by what is in use; "
        f"{len(one.gone)} would be gone, {len(unlike)} new, {len(one.remaining)} remain"
    )
    said = {each.event: each.verdict for each in feedback.given}
    yield from _listed("gone", one.gone, one, said)
    yield from _listed("new", unlike, one, said)
    yield from _listed("remains", one.remaining, one, said)


def _listed(word: str, pairs: Sequence[Pair], one: Effect, said: Mapping[str, str]) -> Iterator[str]:
    for pair in pairs[:MOST]:
        start, name = pair.alarm.start, one.name(pair)
        mark = f" [{said[name]}]" if name in said else ""
        moved = f" ({'; '.join(pair.what)})" if word == "remains" and pair.verdict is Verdict.MOVED else ""
        yield f"  {word:<8}{name[:SHORT]}  {pair.alarm.started:.1f} s  {start.name}: {start.reason}{moved}{mark}"
    if len(pairs) > MOST:
        yield f"  {word:<8}and {len(pairs) - MOST} more"


def entry(given: Given) -> str:
    """One line of a list."""
    note = f"  # {given.note}" if given.note else ""
    return f"{given.event[:SHORT]}  {given.verdict:<15} {given.rule} at {given.started:.1f} s: {given.reason}{note}"


def proposed(proposal: Proposal) -> Iterator[str]:
    """Everything that is to be known before it is applied."""
    given = proposal.given
    yield f"{given.verdict}: event {given.event[:SHORT]}, {given.rule} at {given.started:.1f} s: {given.reason}"
    match given.verdict:
        case "not_of_interest":
            for line in likeness(given):
                yield f"  {line}"
        case "true_alarm":
            yield "  kept, never learned: what would lose this event is refused from now on"
        case "unsure":
            yield "  kept; it changes nothing"
    for each in proposal.effects:
        yield from effect(each, proposal.feedback)
    if proposal.remains:
        yield (
            "the event itself remains: for a moment it showed more, or was taken for something else, or was elsewhere; "
            "--whole takes that in too, and so does a larger --tolerance or --reach, each at the price shown then"
        )


def _events(number: int) -> str:
    return f"{number} event" if number == 1 else f"{number} events"
