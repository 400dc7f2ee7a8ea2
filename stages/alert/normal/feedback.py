"""What people said about alarms, as it is kept beside a model of normal: ``feedback.json`` of a generation.

It holds what an example showed, not what it looked like: times, boxes, numbers, names of classes, and a note.
"""

import hashlib
from typing import Annotated, Literal, NoReturn, TypeAlias, get_args

import msgspec

from pipeline.errors import CannotStart
from stages.alert.normal.store import Stored
from stages.alert.sighting import Box

FEEDBACK = "feedback.json"
KIND = "bartizan feedback"
SCHEMA = 1
MOST = 500
"""Answers that are kept of one camera."""
MOST_SPOTS = 32
"""Points of an example's path."""
MOST_SHOWN = 5
"""The thing itself, and what lay on it: the rider on the bicycle."""
MOST_BYTES = 16 << 20
REACH = 1.0
"""Near the path of an example is what stands no further from it than the example was high there."""
TOLERANCE = 0.25
"""What shows at most so much more than the example did is like it."""
NAMELESS = ""
"""The kind of movement that belongs to no object."""

Verdict: TypeAlias = Literal["not_of_interest", "true_alarm", "unsure"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Amount = Annotated[float, msgspec.Meta(ge=0)]


class Spot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an example was at one moment."""

    time: float
    """Media time in seconds."""
    box: tuple[_Share, _Share, _Share, _Share]
    """Left, top, right, bottom as shares of the picture."""
    normal: dict[str, _Amount]
    """By magnitude: what one normal sighting in a hundred reached there."""


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an example showed."""

    lead: bool
    """The thing that the event was about; else something that lay on it and was no event of its own."""
    kinds: list[str]
    """Names of its classes, ``NAMELESS`` for movement that was no object's."""
    over: dict[str, _Amount]
    """By magnitude: how many times the ``normal`` of its place it reached."""
    surprise: dict[str, _Amount]
    """By feature that is no magnitude: the -ln p that it reached."""
    path: Annotated[list[Spot], msgspec.Meta(min_length=1, max_length=MOST_SPOTS)]
    """In order of time."""


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody said about one event."""

    event: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    """Its id, which names this."""
    verdict: Verdict
    rule: str
    """Name of the rule that raised it."""
    started: float
    """Media time in seconds."""
    reason: str
    """What the event said."""
    score: float
    """The highest."""
    generation: int
    """That by which the example was seen."""
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    width: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Of the picture in pixels; with ``height`` its shape."""
    height: Annotated[int, msgspec.Meta(ge=1)] = 1
    reach: Annotated[float, msgspec.Meta(gt=0, le=10)] = REACH
    """How far from its path a thing is still here, in heights of the example's box there."""
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=10)] = TOLERANCE
    """How much more than the example a thing may show, as a share of that."""
    shown: Annotated[list[Shown], msgspec.Meta(max_length=MOST_SHOWN)] = []
    """Nothing for ``unsure``."""


class Feedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that was said about events of one camera."""

    kind: str = KIND
    schema: int = SCHEMA
    given: Annotated[list[Given], msgspec.Meta(max_length=MOST)] = []
    """In order of their events' ids, of which each is there once."""

    def of(self, verdict: Verdict) -> list[Given]:
        """Those with this verdict."""
        return [each for each in self.given if each.verdict == verdict]

    def counts(self) -> dict[str, int]:
        """How many of each verdict."""
        return {verdict: len(self.of(verdict)) for verdict in VERDICTS}

    def with_(self, given: Given) -> "Feedback":
        """The same with this, in place of what was said about its event before."""
        return Feedback(given=sorted([*self.without(given.event).given, given], key=lambda each: each.event))

    def without(self, event: str) -> "Feedback":
        """The same without what was said about this event."""
        return Feedback(given=[each for each in self.given if each.event != event])


def read_feedback(stored: Stored) -> Feedback:
    """What was said about events of this camera, as this generation keeps it; nothing where it has no such file.

    Raises ``CannotStart`` for a file that is damaged or of another version.
    """
    where = stored.path / FEEDBACK
    digest = stored.manifest.files.get(FEEDBACK)
    if digest is None:
        return Feedback()
    try:
        content = where.read_bytes()
    except OSError as error:
        _refuse(stored, f"cannot be read: {error.strerror}")
    if hashlib.sha256(content).hexdigest() != digest:
        _refuse(stored, "is not what was written: its digest differs")
    return decoded(content, stored)


def decoded(content: bytes, stored: Stored) -> Feedback:
    """What a file holds. Raises ``CannotStart``."""
    if len(content) > MOST_BYTES:
        _refuse(stored, "is too large for feedback")
    try:
        found = msgspec.json.decode(content, type=Feedback)
    except msgspec.MsgspecError as error:
        _refuse(stored, f"is damaged or foreign: {error}")
    if (found.kind, found.schema) != (KIND, SCHEMA):
        _refuse(stored, f"is {found.kind!r} of schema {found.schema}, this version reads {KIND!r} of {SCHEMA}")
    if fault := _fault(found):
        _refuse(stored, fault)
    return found


def _fault(found: Feedback) -> str:
    names = [each.event for each in found.given]
    if names != sorted(set(names)):
        return "does not name each event once, in order"
    for each in found.given:
        if sum(shown.lead for shown in each.shown) != bool(each.shown):
            return f"does not say what event {each.event} was about"
        boxes = [spot.box for shown in each.shown for spot in shown.path]
        if any(box[0] > box[2] or box[1] > box[3] for box in boxes):
            return f"has a box of event {each.event} that is turned over"
    return ""


def feet_of(box: Box) -> tuple[float, float]:
    """The middle of its lower edge."""
    return (box[0] + box[2]) / 2, box[3]


def _refuse(stored: Stored, what: str) -> NoReturn:
    line = f"feedback {stored.path / FEEDBACK} {what}; go back with 'bartizan normal rollback'"
    raise CannotStart(" ".join(line.split()))
