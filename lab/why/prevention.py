"""What would have prevented an event: one option with another limit.

*Certain* means that with this one option changed, and nothing else, the rule could not have started an event about the
same thing before this one was over. Otherwise it would not have started at that moment, and perhaps a little later.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prevention:
    """One change that would have prevented the event."""

    option: str
    was: float
    needs: float
    """The nearest limit in round figures that does it."""
    basis: str
    """What the record says, in words: ``it held 4.0 s``."""
    certain: bool
    share: float
    """How large the change is, 0 to 1: of the larger of the two limits, or of the size of the zone."""

    @property
    def to(self) -> str:
        """The change itself: ``4.1 instead of 0.3``."""
        match self.option:
            case "zone":
                return f"{self.needs:.1%} of the picture smaller on each side"
            case "line":
                return f"{self.needs:.1%} of the picture further on"
        return f"{self.needs:g} instead of {self.was:g}"

    def __str__(self) -> str:
        return f"{self.option} {self.to} ({self.basis})"
