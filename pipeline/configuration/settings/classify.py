"""When classifiers are asked."""

from pydantic import Field

from pipeline.configuration.settings.settings import Settings


class ClassifyOptions(Settings):
    """When a classifier is asked and what about, whatever its kind."""

    name: str = Field(
        default="",
        max_length=64,
        pattern=r"^[A-Za-z0-9_]*$",
        description="Your name for it, by which rules and events call what it says; default: the kind.",
    )
    workers: int = Field(
        default=1, ge=1, le=64, description="Processes of this classifier; results do not depend on it."
    )
    cameras: tuple[str, ...] = Field(default=(), description="Cameras whose crops it looks at; empty: all.")
    classes: tuple[str, ...] = Field(default=(), description="Names of the classes it looks at; empty: all.")
    delay_s: float = Field(
        default=1.0,
        gt=0,
        le=60,
        description="Media time from a frame until what was said of it counts. Recordings wait for it; a live answer "
        "that comes later is `late`.",
    )
    every_s: float = Field(
        default=1.0, gt=0, le=3600, description="Between two crops of an object while the answers do not agree."
    )
    settled_every_s: float = Field(
        default=10.0, gt=0, le=86400, description="Between two crops of an object once five answers in a row agree."
    )
    min_px: int = Field(default=24, ge=1, le=4096, description="Least width and height of a crop, in pixels.")
