"""Options that every rule has, and those of the alert stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pipeline.clock import SECOND
from pipeline.schedule import Schedule
from stages.alert.calibration import Calibration
from stages.alert.geometry import Point, check_points, check_polygon

Anchor = Literal["bottom_centre", "centre", "top_centre"]
Severity = Literal["low", "medium", "high", "critical"]


def _zone(points: tuple[Point, ...]) -> tuple[Point, ...]:
    check_polygon(points)
    return points


def _line(points: tuple[Point, ...]) -> tuple[Point, ...]:
    if len(points) != 2:
        raise ValueError(f"a line has 2 points, got {len(points)}")
    check_points(points)
    if points[0] == points[1]:
        raise ValueError("the two points of the line are the same")
    return points


Zone = Annotated[tuple[Point, ...], AfterValidator(_zone)]
"""Corners of a simple polygon in order, each ``[x, y]`` as shares of the picture."""
Line = Annotated[tuple[Point, ...], AfterValidator(_line)]
"""First and second point, each ``[x, y]`` as shares of the picture."""


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...])]
"""One name, or several of which any will do."""
Share = Annotated[float, Field(gt=0, le=1)]


def nanoseconds(seconds: float) -> int:
    """Seconds of an option as the nanoseconds that times are counted in."""
    return round(seconds * SECOND)


class RuleOptions(BaseModel):
    """What every rule can be told. A rule adds its own options in a subclass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str = Field(description="Kind of rule.")
    name: str = Field(
        default="", max_length=200, description="Your name for it, unique on each camera; default: the kind."
    )
    cameras: tuple[str, ...] = Field(default=(), description="Cameras it watches; empty: all.")
    classes: tuple[str, ...] = Field(default=(), description="Names of the classes it looks at; empty: all.")
    min_confidence: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="The median of the object's last confidences must reach this for an event to start.",
    )
    min_age_s: float = Field(
        default=0.5, ge=0, le=3600, description="An object must have been known this long for an event to start."
    )
    anchor: Anchor = Field(
        default="bottom_centre", description="Point of the box that stands for the object: where its feet are."
    )
    enter_inertia_s: float = Field(
        default=0.3, ge=0, le=3600, description="The condition must hold this long before an event starts."
    )
    exit_inertia_s: float = Field(
        default=1.0, ge=0, le=3600, description="The condition must be gone this long before an event ends."
    )
    lost_s: float = Field(
        default=3.0, ge=0, le=3600, description="An object that is not seen for this long is lost, its event ends."
    )
    rearm_s: float = Field(
        default=30.0,
        ge=0,
        le=86400,
        description="No new event for this long (media time) after one ended, about the same object, "
        "or at the place where its object was lost.",
    )
    update_s: float = Field(
        default=10.0, ge=0, le=86400, description="An open event sends an update this often; 0: never."
    )
    severity: Severity = Field(default="medium", description="How much it matters.")
    attributes: dict[str, Names] = Field(
        default={},
        description="Only objects of which classifiers say this: {colour: red} or {colour: [red, orange]}, by name of "
        "the classifier. While it is unknown, no event starts.",
    )
    behaviour: dict[str, Share] = Field(
        default={},
        description="Only objects that do this, by a behaviour classifier: {fight: 0.8} is the least score. What is "
        "said of the whole picture holds for each object in it. While it is unknown, no event starts.",
    )
    schedule: Schedule | None = Field(
        default=None, description="When events may start; none: always. Needs a known wall time."
    )
    calibration: Calibration | None = Field(
        default=None,
        description="How the picture is measured in metres, for rules that do; none: not at all. It is of one camera.",
    )

    @model_validator(mode="after")
    def _check_reach(self) -> Self:
        """What is drawn must lie where the calibration measures."""
        for key in ("zone", "line"):
            points = getattr(self, key, None)
            if self.calibration is not None and points and (fault := self.calibration.fault(points)):
                raise ValueError(f"{key}: point {fault}")
        return self

    @property
    def title(self) -> str:
        """The user's name of the rule, or its kind."""
        return self.name or self.rule

    @property
    def needs(self) -> frozenset[str]:
        """What capture has to measure for it, by names of ``pipeline.registry.MEASUREMENTS``."""
        return frozenset()

    @property
    def follows(self) -> Mapping[str, Path]:
        """Files beside the footage that it follows while it runs, by the name that the log gives each."""
        return {}

    @property
    def parts(self) -> tuple["RuleOptions", ...]:
        """The rules that it is made of, if it is."""
        return ()

    @property
    def of_objects(self) -> bool:
        """Whether its events are about tracked objects, not about the whole picture or things that have no track."""
        return True

    @property
    def unfit_as_part(self) -> str:
        """Why it can be no part of another rule; empty if it can."""
        return ""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class of the detector that it names, its parts included."""
        return (*self.classes, *(name for part in self.parts for name in part.class_names))

    @property
    def memory_s(self) -> float:
        """How long what a rule knows of an object must outlive its last sighting."""
        return self.lost_s

    def watches(self, camera: str) -> bool:
        """Whether the rule is meant for this camera."""
        return not self.cameras or camera in self.cameras


class AlertOptions(BaseModel):
    """What the alert stage as a whole can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    join_s: float = Field(
        default=3.0,
        ge=0,
        le=60,
        description="A new track that appears on the box of one last seen at most this long ago, of the same class, "
        "is taken for the same object.",
    )
    join_overlap: float = Field(
        default=0.3, gt=0, le=1, description="Overlap (intersection over union) of the two boxes that this takes."
    )
    best_frames: int = Field(
        default=3,
        ge=0,
        le=8,
        description="Frames that show an event's object well, among which its best picture is chosen. 0: no such "
        "picture; a recording need not be decoded a second time then, and no frames of live cameras are kept.",
    )
