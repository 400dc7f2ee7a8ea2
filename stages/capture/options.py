"""Options of a camera: what stands under its name in ``cameras:``."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from stages.capture.address import SourceKind, kind_of

if TYPE_CHECKING:
    from stages.capture.pattern import Pattern

Share = Annotated[float, Field(ge=0, le=1)]
Polygon = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=1000)]
"""Corners, each ``[x, y]`` as shares of the picture's width and height."""


def _as_text(source: Any) -> Any:
    """YAML's ``source: 0`` is a device."""
    return f"usb:{source}" if isinstance(source, int) and not isinstance(source, bool) else source


def _pattern(source: str) -> "Pattern":
    from stages.capture.pattern import Pattern  # it draws: needs what most processes do without

    return Pattern.parse(source)


def _checked(source: str) -> str:
    if kind_of(source) is SourceKind.SYNTHETIC:
        _pattern(source)
    return source


class ReconnectOptions(BaseModel):
    """How long to wait before a source that failed is opened again: doubling, each delay with jitter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_s: float = Field(default=1.0, gt=0, le=3600, description="Longest wait before the first new attempt.")
    max_s: float = Field(default=30.0, gt=0, le=86400, description="Longest wait before any attempt.")

    @model_validator(mode="after")
    def _ordered(self) -> "ReconnectOptions":
        if self.max_s < self.first_s:
            raise ValueError(f"max_s ({self.max_s}) must be at least first_s ({self.first_s})")
        return self


class GateOptions(BaseModel):
    """The motion gate: a picture that did not change is not analysed, and tracks are held."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="Leave out pictures that did not change.")
    recheck_s: float = Field(
        default=2.0, gt=0, le=3600, description="A still scene is analysed at least this often (media time)."
    )
    linger_s: float = Field(
        default=0.5, ge=0, le=3600, description="Analyse for this long after the last change (media time)."
    )
    threshold: float = Field(default=5.0, gt=0, le=255, description="Change in grey levels that is never just noise.")
    noise_factor: float = Field(
        default=5.0, ge=0, le=100, description="How many times its usual change a spot may differ and be unchanged."
    )
    noise_cap: float = Field(
        default=5.0, ge=0, le=255, description="Usual change is taken as no more than this, in grey levels."
    )


class ForegroundOptions(BaseModel):
    """The background model behind the model-free ``motion`` detector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warm_up_s: float = Field(default=3.0, ge=0, le=600, description="Time in which the first background is learned.")
    adapt_s: float = Field(default=20.0, gt=0, le=86400, description="Time constant of the background.")
    absorb_s: float = Field(
        default=60.0, gt=0, le=86400, description="A thing that stays this long becomes background."
    )
    sensitivity: float = Field(
        default=4.0, gt=0, le=100, description="Deviations from the background that count as a change."
    )
    floor: float = Field(default=14.0, ge=0, le=255, description="Smallest grey-level difference that counts.")
    ceiling: float = Field(default=60.0, ge=0, le=255, description="Grey-level difference that always counts.")
    shadow_ratio: float = Field(
        default=0.55, ge=0, le=1, description="A shadow keeps at least this share of the background's brightness."
    )
    shadow_colour: float = Field(
        default=12.0, ge=0, le=255, description="Largest colour difference of a shadow from its background."
    )
    upheaval_share: float = Field(
        default=0.5, gt=0, le=1, description="If more of the picture changes at once, the background is learned anew."
    )


class CameraOptions(BaseModel):
    """One camera, stream or recording: ``cameras: {NAME: {source: ..., ...}}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, BeforeValidator(_as_text), AfterValidator(_checked)] = Field(
        min_length=1,
        max_length=4096,
        repr=False,
        description="rtsp:// or http:// URL, usb:0 or /dev/video0, video file, folder of pictures (FOLDER?fps=5), "
        "or synthetic:640x360@10.",
    )
    backend: str = Field(
        default="opencv",
        pattern=r"^(opencv|pyav|[\w.]+:\w+)$",
        description="What decodes streams, files and devices: opencv, pyav, or package.module:Class of your own.",
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="How RTSP carries the video.")
    fps: float | None = Field(
        default=None, gt=0, le=1000, description="Most pictures analysed in a second of media time; empty: all."
    )
    start_time: AwareDatetime | None = Field(
        default=None, description="When a recording began, with time zone; gives its frames a wall time."
    )
    masks: tuple[Polygon, ...] = Field(
        default=(), max_length=100, description="Privacy zones: polygons of [x, y], painted black before all else."
    )
    open_timeout_s: float = Field(default=10.0, gt=0, le=600, description="Longest wait for a source to open.")
    read_timeout_s: float = Field(default=5.0, gt=0, le=600, description="Longest wait for the next picture.")
    reconnect: ReconnectOptions = Field(
        default=ReconnectOptions(), description="Waits between attempts to reopen a live source."
    )
    realtime: bool = Field(
        default=False, description="Play a recording at its own speed and treat it as a live camera."
    )
    gate: GateOptions = Field(default=GateOptions(), description="Leaves still pictures out.")
    foreground: ForegroundOptions = Field(
        default=ForegroundOptions(), description="Background model of the motion detector."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "CameraOptions":
        if self.realtime and _streams(self.source):
            raise ValueError("realtime is for recordings; this source is live already: leave it out")
        if self.start_time is not None and _streams(self.source):
            raise ValueError("start_time is for recordings; a live camera's frames carry the time they came")
        return self

    @property
    def live(self) -> bool:
        """Whether pictures are lost that are not read in time: streams, devices, and whatever is played in real time.

        Folders, files and synthetic recordings wait for their reader.
        """
        return self.realtime or _streams(self.source)


def _streams(source: str) -> bool:
    match kind_of(source):
        case SourceKind.PATH:
            return False
        case SourceKind.SYNTHETIC:
            return not _pattern(source).recording
        case _:
            return True
