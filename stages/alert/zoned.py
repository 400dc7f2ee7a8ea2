"""What rules about a part of the picture have in common."""

from typing import Any

from pydantic import Field

from stages.alert.options import RuleOptions, Zone


class ZonedOptions(RuleOptions):
    """Options of a rule that looks at a zone or, without one, at the whole picture."""

    zone: Zone | None = Field(default=None, description="Corners of the zone; none: the whole picture.")

    @property
    def region(self) -> dict[str, Any]:
        """The zone, for events."""
        return {"zone": [list(point) for point in self.zone]} if self.zone else {}


class AreaOptions(ZonedOptions):
    """Options of a rule whose objects stay in the zone while they jitter over its edge, see ``geometry.Area``."""

    margin: float = Field(
        default=0.01,
        ge=0,
        le=0.5,
        description="An object in the zone stays in it until it is this far outside, in shares of the picture.",
    )
