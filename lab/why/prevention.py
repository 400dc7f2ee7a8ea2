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

    def __str__(self) -> str:
        if self.option in ("zone", "line"):
            return f"{self.option} {self.needs:.1%} of the picture further on ({self.basis})"
        return f"{self.option} {self.needs:g} instead of {self.was:g} ({self.basis})"
