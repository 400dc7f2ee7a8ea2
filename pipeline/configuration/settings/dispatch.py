"""How frames are handed out."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.configuration.settings.settings import Settings


class DispatchOptions(Settings):
    """How frames are handed out. None of this changes what a recording yields."""

    slots: int = Field(
        default=16,
        ge=2,
        le=512,
        description="Pixel slots in the ring of each camera.",
    )
    window: int = Field(
        default=256,
        ge=1,
        le=4096,
        description="Frames of a camera that may be under way at a time, skipped ones included.",
    )
    hold: int = Field(
        default=10,
        ge=0,
        le=511,
        description="Slots of a camera that may wait for snapshots (live: for alert too); less than `slots`.",
    )
    lease_s: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="Seconds after which a frame is taken from a worker that does not answer.",
    )
    lost_s: float = Field(
        default=1.0,
        gt=0,
        le=3600,
        description="Seconds after which work that its worker does not know of counts as lost.",
    )
    staleness_s: float = Field(
        default=0.5,
        gt=0,
        le=3600,
        description="Live: a frame older than this when a worker is free is dropped as `stale`.",
    )

    @model_validator(mode="after")
    def _fits_the_ring(self) -> Self:
        if self.hold >= self.slots:
            raise ValueError(f"hold ({self.hold}) must be less than slots ({self.slots})")
        return self
