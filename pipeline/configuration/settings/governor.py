"""How many notifications a person gets."""

from typing import Self

from pydantic import Field, model_validator

from pipeline.configuration.settings.settings import Settings


class GovernorOptions(Settings):
    """The governor of notifications: merges, caps and digests what sinks are sent, never what is recorded."""

    enabled: bool = Field(
        default=False,
        description="Whether sinks get notifications that a person can keep up with, instead of every message.",
    )
    merge_s: float = Field(
        default=60.0,
        ge=0,
        le=86400,
        description="Media time after the last message of an episode in which events of the same rule at the same "
        "place of the same camera still belong to it, and are merged into its notification; 0: nothing is merged.",
    )
    merge_distance: float = Field(
        default=0.15,
        ge=0,
        le=2,
        description="How far from where the episode was last an event is still at the same place, as a share of the "
        "picture. The same track belongs to it wherever it is.",
    )
    episode_s: float = Field(
        default=900.0,
        gt=0,
        le=604800,
        description="An episode lasts no longer (media time): what goes on after it notifies again.",
    )
    cooldown_s: float = Field(
        default=30.0,
        ge=0,
        le=86400,
        description="Media time after a delivered notification in which the same rule of the same camera makes no "
        "other, wherever in the picture, unless it matters more; 0: none.",
    )
    update_s: float = Field(
        default=300.0,
        ge=0,
        le=604800,
        description="Updates of an event that was notified are delivered at most this often (media time); 0: all.",
    )
    window_s: float = Field(
        default=3600.0, gt=0, le=604800, description="The sliding window in which the three caps count."
    )
    per_rule: int | None = Field(
        default=6,
        ge=1,
        le=10000,
        description="Most notifications of one rule of one camera in the window; null: any number. This and the other "
        "caps count what matters as much or more; critical ones are neither counted nor held back.",
    )
    per_camera: int | None = Field(
        default=12, ge=1, le=10000, description="Most notifications of one camera in the window; null: any number."
    )
    per_site: int | None = Field(
        default=30, ge=1, le=10000, description="Most notifications of all cameras in the window; null: any number."
    )
    digest_s: float = Field(
        default=3600.0,
        gt=0,
        le=604800,
        description="How often one message sums up the events that a sink was not sent, if there are any.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.episode_s < self.merge_s:
            raise ValueError(f"episode_s ({self.episode_s:g}) must be at least merge_s ({self.merge_s:g})")
        return self
