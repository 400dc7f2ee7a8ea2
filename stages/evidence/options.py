"""Options of the snapshot that goes with an event."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PEOPLE = ("person", "people", "pedestrian", "head", "face")


class SnapshotOptions(BaseModel):
    """How a snapshot is drawn and written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jpeg_quality: int = Field(default=90, ge=30, le=100, description="Quality of the JPEG.")
    path: bool = Field(default=True, description="Draw where the object came from.")
    region: bool = Field(default=True, description="Draw the zone or line of the rule.")
    caption: bool = Field(default=True, description="Add a bar below the picture that says what happened.")
    blur: Literal["people", "none"] = Field(
        default="people", description="Whom to make unrecognisable: people whom the event is not about, or nobody."
    )
    people: tuple[str, ...] = Field(
        default=PEOPLE,
        min_length=1,
        description="Classes that are people. If the detector knows none of them, everything that it finds is.",
    )
    original: bool = Field(
        default=True,
        description="Keep the picture as it was in originals/: only its owner can read it, or the `integrity.roles`.",
    )
