"""Options of the snapshot that goes with an event."""

from pydantic import BaseModel, ConfigDict, Field


class SnapshotOptions(BaseModel):
    """How a snapshot is drawn and written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jpeg_quality: int = Field(default=90, ge=30, le=100, description="Quality of the JPEG.")
    path: bool = Field(default=True, description="Draw where the object came from.")
    region: bool = Field(default=True, description="Draw the zone or line of the rule.")
    caption: bool = Field(default=True, description="Add a bar below the picture that says what happened.")
