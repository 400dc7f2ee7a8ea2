"""From a condition that holds now and then to the moments at which a rule has to tell it.

The definitions are those of the guide to rules: how long it must hold, how long it must be gone, how long an object
must be known, and how long nothing is said again. Written for the truth alone, over whole recordings.
"""

from collections.abc import Sequence
from math import inf

from pipeline.clock import SECOND
from stages.alert.options import RuleOptions


def tellings(
    times_ns: Sequence[int], there: Sequence[bool], holds: Sequence[bool], options: RuleOptions, *, known: bool = True
) -> list[int]:
    """Numbers of the frames at which an event starts.

    ``there``: whether its object is to be seen (about a whole scene: always). ``known``: whether the object's age
    counts.
    """
    enter, leave, lost, again, age = (
        round(seconds * SECOND)
        for seconds in (
            options.enter_inertia_s,
            options.exit_inertia_s,
            options.lost_s,
            options.rearm_s,
            options.min_age_s if known else 0.0,
        )
    )
    told: list[int] = []
    born = seen = began = gone = quiet = -inf
    open_ = False
    for frame, now in enumerate(times_ns):
        if there[frame]:
            born = now if now - seen > max(lost, _JOIN_NS) else born
        unseen_since = seen
        if there[frame]:
            seen = now
        if holds[frame]:
            gone = -inf
            began = now if began == -inf else began
        elif there[frame]:
            gone = now if gone == -inf else gone
            if not open_:
                began = -inf
        if open_ and (_past(gone, now, leave) or (not there[frame] and _missing(times_ns, unseen_since, now, lost))):
            open_, began, quiet = False, now if holds[frame] else -inf, now + again
        if not open_ and not there[frame] and began != -inf and _missing(times_ns, unseen_since, now, leave):
            began = -inf
        ready = holds[frame] and began != -inf and now - began >= enter and now - born >= age and now >= quiet
        if ready and not open_:
            open_ = True
            told.append(frame)
    return told


_JOIN_NS = 3 * SECOND
"""An object that was away for no longer is the same (``alert.join_s``)."""


def _past(since: float, now: int, limit: int) -> bool:
    return since != -inf and now - since >= limit


def _missing(times_ns: Sequence[int], seen: float, now: int, limit: int) -> bool:
    """Away for as long: counted from the first frame at which it is not there."""
    first = next((time for time in times_ns if time > seen), now)
    return now - first >= limit
