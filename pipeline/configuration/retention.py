"""Options of retention: how long evidence is kept, and how much of it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.configuration.settings import Settings

Severity = Literal["low", "medium", "high", "critical"]
_DAYS = 36500.0


class RetentionLimits(Settings):
    """What is kept of a camera. null: no limit."""

    events_days: float | None = Field(
        default=None, gt=0, le=_DAYS, description="Days that clips and snapshots of events are kept; null: for ever."
    )
    severity_days: dict[Severity, float | None] = Field(
        default_factory=dict,
        description="The same for events of a severity (`low`, `medium`, `high`, `critical`), before `events_days`.",
    )
    recordings_days: float | None = Field(
        default=None, gt=0, le=_DAYS, description="Days that what is recorded all the time is kept; null: for ever."
    )
    most_gb: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="Most evidence of a camera, in 10^9 bytes; what is least important goes first. null: any amount.",
    )

    @model_validator(mode="after")
    def _days_are_some(self) -> Self:
        for name, days in self.severity_days.items():
            if days is not None and not 0 < days <= _DAYS:
                raise ValueError(f"severity_days.{name} must be above 0 and at most {_DAYS:g}, or null, not {days:g}")
        return self

    def days_of(self, severity: str) -> float | None:
        """How long evidence of an event of this severity is kept; None: for ever."""
        return next((days for name, days in self.severity_days.items() if name == severity), self.events_days)

    @property
    def shortest_days(self) -> float | None:
        """Nothing younger goes for its age alone; None: nothing ever does."""
        given = [self.events_days, self.recordings_days, *self.severity_days.values()]
        return min((days for days in given if days is not None), default=None)


class RetentionOptions(RetentionLimits):
    """What evidence is deleted, and when. Without a limit nothing ever is."""

    free_gb: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        description="While less of the disk is free, in 10^9 bytes, evidence of all cameras is deleted, what is least "
        "important first. More than the recorder's `reserve_mb`, at which it stops. null: nothing is.",
    )
    grace_s: float = Field(
        default=600.0, ge=0, le=864000, description="Nothing is deleted that came to be less than this ago."
    )
    cameras: dict[str, RetentionLimits] = Field(
        default_factory=dict, description="Other limits for some cameras; what one does not name is as for all."
    )

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        """What a camera does not say is what is said for all."""
        filled = {}
        for name, own in self.cameras.items():
            absent = RetentionLimits.model_fields.keys() - own.model_fields_set
            filled[name] = own.model_copy(update={each: getattr(self, each) for each in absent})
        self.__dict__["cameras"] = filled
        return self

    def of(self, camera: str) -> RetentionLimits:
        """The limits of a camera."""
        return self.cameras.get(camera, self)

    @property
    def enabled(self) -> bool:
        """Whether there is any limit."""
        each = (self, *self.cameras.values())
        return self.free_gb is not None or any(
            limits.most_gb is not None or limits.shortest_days is not None for limits in each
        )
