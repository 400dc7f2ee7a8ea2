"""Options of recording: what stands under ``stages: {record: ...}``, and under a camera's ``record``."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RecordOptions(BaseModel):
    """What is kept of the cameras' video."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["events", "continuous", "off"] = Field(
        default="events",
        description="`events`: a clip for each event. `continuous`: everything, and a clip for each event. `off`.",
    )
    connection: Literal["own", "shared"] | None = Field(
        default=None,
        description="Live: `own`: packets are copied over another connection to the camera. `shared`: the frames of "
        "the analysis are encoded. Empty: own for streams, shared for devices and what else can be opened once only.",
    )
    pre_roll_s: float = Field(
        default=5.0, ge=0, le=300, description="A clip begins this long before its event, or more."
    )
    post_roll_s: float = Field(default=5.0, ge=0, le=300, description="A clip goes on this long after its event ended.")
    most_s: float = Field(
        default=300.0, gt=0, le=86400, description="A clip is no longer than this, however long its event lasts."
    )
    segment_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        description="Continuous: a file is about this long; it ends at a key frame.",
    )
    reserve_mb: float = Field(
        default=1000.0,
        ge=0,
        le=1e9,
        description="Recording stops while less of the disk is free, in millions of bytes, so that analysis can go on.",
    )
    ring_mb: float = Field(
        default=64.0, gt=0, le=4096, description="Most memory for the pre-roll of a camera, in millions of bytes."
    )
    most_clips: int = Field(
        default=16,
        ge=1,
        le=1000,
        description="Clips of a camera that may be under way at once.",
    )
    quality: int = Field(
        default=23,
        ge=0,
        le=51,
        description="Of video that must be encoded: constant rate factor of H.264.",
    )
    unmasked: bool = Field(
        default=False,
        description="Record what privacy masks hide, too; else the video of a camera with masks is encoded again.",
    )
