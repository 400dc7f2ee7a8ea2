"""What would have prevented an event: one option with another limit.

*Certain* means that with this one option changed, and nothing else, the rule could not have started an event about the
same thing before this one was over.
"""

from dataclasses import dataclass

LATER = "not at that moment, perhaps later"
THINNED = "as far as its thinned path tells"


@dataclass(frozen=True, slots=True)
class Prevention:
    """One change that would have prevented the event."""

    option: str
    was: float
    needs: float
    """The nearest limit in round figures that does it."""
    basis: str
    """What the record says, in words: ``it held 4.0 s``."""
    doubt: str
    """Why it is not certain; empty if it is."""
    share: float
    """How large the change is, 0 to 1: of the larger of the two limits, or of the size of the zone."""

    @property
    def certain(self) -> bool:
        """Whether the record proves it."""
        return not self.doubt

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
