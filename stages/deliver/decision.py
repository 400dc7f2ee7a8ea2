"""What the governor decides about a message, and the settings it goes by."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

SEVERITIES = ("low", "medium", "high", "critical")


class Verdict(StrEnum):
    """What becomes of a message at one sink."""

    PASS = "pass"
    """It is delivered."""
    MERGED = "merged"
    """It belongs to a notification that was delivered before; that one stands for it."""
    HELD = "held"
    """It is held back."""


class Role(StrEnum):
    """Why a message came before the governor."""

    OPENING = "opening"
    """The first message of its event that this sink gets: the event is counted by what becomes of it."""
    RISE = "rise"
    """Its event was not delivered so far, and is judged again: it matters more now, or its start was given up."""
    FOLLOW = "follow"
    """It goes the way of its event."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one message, and why."""

    verdict: Verdict
    role: Role
    reason: str
    """One line for people."""
    episode: str = ""
    """Id of the event whose notification began the episode that it belongs to; empty where it is held back."""

    @property
    def notifies(self) -> bool:
        """Whether it makes a notification of an event that made none before."""
        return self.verdict is Verdict.PASS and self.role is not Role.FOLLOW

    @property
    def kept_from_user(self) -> bool:
        """Whether it kept a whole event from the receiver, so that a digest must tell of it."""
        return self.verdict is not Verdict.PASS and self.role is Role.OPENING


class Limits(Protocol):
    """The settings of the governor; seconds, see the options of the section ``governor``."""

    @property
    def merge_s(self) -> float: ...  # noqa: D102  # described where the user sets it
    @property
    def merge_distance(self) -> float: ...  # noqa: D102
    @property
    def episode_s(self) -> float: ...  # noqa: D102
    @property
    def cooldown_s(self) -> float: ...  # noqa: D102
    @property
    def update_s(self) -> float: ...  # noqa: D102
    @property
    def window_s(self) -> float: ...  # noqa: D102
    @property
    def per_rule(self) -> int | None: ...  # noqa: D102
    @property
    def per_camera(self) -> int | None: ...  # noqa: D102
    @property
    def per_site(self) -> int | None: ...  # noqa: D102
    @property
    def digest_s(self) -> float: ...  # noqa: D102


CRITICAL = len(SEVERITIES) - 1


def rank(severity: str) -> int:
    """How much a severity matters. One that nobody knows counts as critical: better one alert too many."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else CRITICAL


def highest(severities: Sequence[str]) -> str:
    """The one that matters most."""
    return max(severities, key=rank)
