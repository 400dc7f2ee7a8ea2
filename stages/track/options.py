"""What can be set about tracking. Times are seconds of media time, so the frame rate does not matter."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

COCO_MIX_UPS = ((2, 5, 7), (1, 3), (15, 16, 17, 18, 19, 20, 21, 22, 23), (24, 26, 28))
"""COCO class ids that detectors mix up: car bus truck, bicycle motorcycle, four-legged animals, bags."""


class TrackOptions(BaseModel):
    """Options of ``ByteTracker``. The defaults were chosen on eight recordings, not on one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    high_confidence: float = Field(
        default=0.4, ge=0, le=1, description="detections from here on find any track, lost ones too"
    )
    low_confidence: float = Field(
        default=0.15, ge=0, le=1, description="weaker detections are ignored; those between keep tracks"
    )
    new_confidence: float = Field(default=0.45, ge=0, le=1, description="only detections from here on start a track")
    confirm_hits: int = Field(
        default=2, ge=1, le=100, description="a track is confirmed, and gets its id, after so many sightings"
    )
    confirm_evidence: float = Field(
        default=1.5, ge=0, description="and when the confidences of its sightings add up to this"
    )
    tentative_s: float = Field(
        default=0.3, ge=0, description="an unconfirmed track that is missed for longer is forgotten"
    )
    recent_s: float = Field(
        default=0.15, ge=0, description="missed for longer, a track is lost: where it is becomes a guess"
    )
    weak_s: float = Field(
        default=0.6, ge=0, description="weak detections keep a track only until it was missed for this long"
    )
    lost_s: float = Field(default=3.0, ge=0, description="a lost track can be found again for so long")
    blind_s: float = Field(
        default=30.0, ge=0, description="the same while frames were dropped, so that nobody could see it"
    )
    coast_s: float = Field(
        default=0.5, ge=0, description="a missed track is still reported, as not observed, for so long"
    )
    duplicate_iou: float = Field(
        default=0.6, gt=0, le=1, description="of two detections of a class that overlap more, one goes"
    )
    birth_iou: float = Field(
        default=0.4, gt=0, le=1, description="no track starts where a track just seen overlaps this much"
    )
    weak_iou: float = Field(
        default=0.6, gt=0, le=1, description="a weak detection must overlap the expected box this much"
    )
    confusable: tuple[tuple[int, ...], ...] = Field(
        default=COCO_MIX_UPS,
        description="groups of class ids between which a track may change; the default suits COCO models",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low_confidence <= self.high_confidence:
            raise ValueError("low_confidence must not be above high_confidence")
        if self.new_confidence < self.low_confidence:
            raise ValueError("new_confidence must not be below low_confidence")
        return self
