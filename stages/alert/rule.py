"""What a rule is: one pure file that looks at a scene and says which conditions hold.

To add a rule, write one file with its options and its class, and name it in ``pipeline.registry.RULES``. A rule only
says what is the case at a frame. Everything else is done for it: classes, confidence, age, schedule, how long a
condition must hold or be gone, re-arming, and the event's messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import msgspec

from stages.alert.options import RuleOptions
from stages.alert.scene import Scene
from stages.alert.sighting import Box
from stages.alert.trace import Comparison

WHOLE_SCENE = 0
"""The subject of a claim that is about no single object, such as a crowd."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A condition holds at this frame. Of an object in the scene about which nothing is claimed, it does not."""

    subject: int
    """Whom it is about: a subject of the scene, ``WHOLE_SCENE``, or a number below it that the rule gives to a thing
    which is no tracked object (a bag that no detector names); it is never said to be lost."""
    predicate: str
    """What was measured, in the words of a trace, such as ``seconds_in_zone``."""
    value: Any
    """What was measured; a plain value."""
    threshold: Any
    """What it was measured against; a plain value."""
    occasion: int = 0
    """Tells one happening from the next of the same subject, for rules about moments: the second crossing is 2."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else explains it, for the event's ``why``; plain values only."""
    also_about: tuple[int, ...] = ()
    """Track ids of others whom it is about: they stay recognisable in the event's pictures."""
    place: Box | None = None
    """Where it is, where the subject is no tracked object: left, top, right, bottom as shares of the picture."""
    comparison: Comparison = ">="
    """How the value stands to the threshold, so that the verdict can be computed again from the event alone."""
    option: str = ""
    """The rule's option that is the threshold, such as ``seconds``: what one would turn to have fewer events."""


class NoMemory(msgspec.Struct):
    """The memory of a rule that remembers nothing."""


class Rule(Protocol):
    """One rule. It keeps nothing itself, so one object serves all cameras."""

    @property
    def Options(self) -> type[RuleOptions]:  # noqa: N802  # a class attribute of each rule, named as everywhere
        """Class of its options."""
        ...

    @property
    def Memory(self) -> type[msgspec.Struct]:  # noqa: N802  # a class attribute of each rule
        """What it remembers of one subject: plain values, kept and saved by the stage, dropped when the subject is
        forgotten."""
        ...

    @property
    def momentary(self) -> bool:
        """Whether it is about moments (a crossing: start and end at once) or about states (being in a zone)."""
        ...

    @property
    def options(self) -> RuleOptions:
        """What it was built from."""
        ...

    def look(self, scene: Scene, memory: dict[int, Any]) -> list[Claim]:
        """The conditions that hold at this frame, in a fixed order.

        ``scene`` has only objects of the rule's classes. ``memory`` is this camera's, by subject: a ``Memory`` for
        each subject that the rule put there. Frames come in order of media time, and only those that tell something.
        """
        ...

    def describe(self, who: str, claim: Claim) -> str:
        """One plain sentence without a full stop: ``person 7`` (who) and what it did."""
        ...

    def region(self) -> dict[str, Any]:
        """The zone or line for the event, ``{}`` where there is none."""
        ...


@runtime_checkable
class CameraRule(Protocol):
    """A rule about the camera itself, beside what ``Rule`` asks."""

    def stream(self, *, online: bool, reason: str, memory: dict[int, Any]) -> list[Claim]:
        """The camera went offline, when all that was open has ended, or it came back. While it is away there are no
        frames: what is claimed starts an event at once, which ends when it is back."""
        ...

    def name(self, subject: int) -> str:
        """What a subject of its claims is called."""
        ...


@runtime_checkable
class TaughtRule(Protocol):
    """A rule that was taught on one camera, with the boxes of one detector, beside what ``Rule`` asks."""

    def meet(self, camera: str, detector: str) -> None:
        """It is to judge this camera, by this detector (sha256, empty if unknown).

        Raises ``CannotStart`` if it was taught otherwise.
        """
        ...


@dataclass(frozen=True, slots=True)
class News:
    """Something that rules follow is said to be this from now on."""

    what: str
    """As ``RuleOptions.follows`` names it."""
    value: bytes
    before: bytes | None
    """What it has been so far; None: nothing was said of it yet."""
    detector: str
    """sha256 of the detector at work, empty if unknown."""


@runtime_checkable
class FollowingRule(Protocol):
    """A rule that follows something beside the footage, beside what ``Rule`` asks. What it is to go by at a frame
    stands in ``Scene.followed``."""

    def heed(self, camera: str, news: News) -> str:
        """Look at what is to be followed, before it counts: why this rule cannot go by it, empty if it can.

        It is read here; raises ``CannotStart`` if that fails.
        """
        ...


def is_about_objects(rule: Rule) -> bool:
    """Whether the rule promises, by a class attribute ``about_objects = True``, that of a scene without objects, with
    nothing remembered, it claims nothing and remembers nothing: such scenes need not be shown to it."""
    return bool(getattr(rule, "about_objects", False))
