"""What a training run of a behaviour model is asked to do."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from lab.settings import LabSettings

Part = Literal["detector", "backbone", "motion", "pixels"]
Feature = Literal["detector", "detector_change", "backbone", "backbone_change", "motion", "pixels"]
PART: dict[Feature, Part] = {
    "detector": "detector",
    "detector_change": "detector",
    "backbone": "backbone",
    "backbone_change": "backbone",
    "motion": "motion",
    "pixels": "pixels",
}
"""The network behind each feature: a change is taken between the rows of a window, by the network over time."""
Head = Literal["mean", "gru", "lstm", "attention", "cnn_gru", "conv3d"]
ON_PIXELS: tuple[Head, ...] = ("cnn_gru", "conv3d")
"""Heads that learn from pictures, so that ``pixels`` must be their only feature."""


class DataSettings(LabSettings):
    """Clips and what happens in them."""

    clips: Path = Field(description="folder of clips; a clip is a video file, or a folder of numbered pictures")
    folders: tuple[str, ...] = Field(
        default=(), description="without intervals: the folder in clips of each of the names; empty: called as they are"
    )
    intervals: Path | None = Field(
        default=None,
        description="CSV with clip, and first and last frame (from 0) in which the second of the names happens; all "
        "else is the first. Without it, a clip's folder says what the whole clip is",
    )
    groups: Path | None = Field(
        default=None,
        description="which clips come from one source and must not be torn apart: CSV with clip, group and perhaps "
        "split (train, val); or text in which a line without ': ' names the source of the 'clip: ...' lines after it. "
        "Without it, each clip is its own source",
    )
    pictures_fps: float = Field(default=25.0, gt=0, le=1000, description="frames a second of folders of pictures")


class BackboneSettings(LabSettings):
    """A torchvision network for the feature ``backbone``."""

    name: str = Field(default="mobilenet_v3_small", description="torchvision's name of the network")
    weights: Path | None = Field(
        default=None, description="state dict (.pth or .safetensors); without it the network knows nothing, and says so"
    )


class Candidate(LabSettings):
    """One way to build the model; the best of several is chosen by validation."""

    features: tuple[Feature, ...] = Field(
        min_length=1,
        description="what is known of each picture: detector (its own pooled neck features), backbone (a torchvision "
        "network), either with _change (how far they differ from the picture before: what happens, not where), motion "
        "(differences and flow to the picture before), pixels (a small picture, for cnn_gru, conv3d)",
    )
    head: Head = Field(
        description="what looks at the window: mean (no order), gru, lstm, attention (Transformer encoder); on pixels "
        "cnn_gru or conv3d (a small R(2+1)D)"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.head in ON_PIXELS) != (self.features == ("pixels",)):
            raise ValueError(
                f"head {self.head} with features {', '.join(self.features)}: pixels go with cnn_gru, conv3d"
            )
        if len(set(self.parts)) != len(self.features):
            raise ValueError("features: one network is named twice")
        return self

    @property
    def parts(self) -> tuple[Part, ...]:
        """The networks behind the features, in the same order."""
        return tuple(PART[feature] for feature in self.features)

    @property
    def name(self) -> str:
        """Such as ``detector+motion/gru``."""
        return f"{'+'.join(self.features)}/{self.head}"


class FitSettings(LabSettings):
    """How one network is trained."""

    epochs: int = Field(default=40, ge=1, le=10_000, description="at most so many")
    patience: int = Field(default=8, ge=1, le=10_000, description="epochs without a better validation loss, then stop")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="of AdamW, constant")
    weight_decay: float = Field(default=0.05, ge=0, le=10, description="of AdamW")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="share of activations dropped in training")
    hidden: int = Field(default=48, ge=4, le=1024, multiple_of=4, description="width of the network over time")
    batch: int = Field(default=32, ge=2, le=4096, description="windows in one step")
    class_weights: bool = Field(default=True, description="windows of rare classes count more")


class BehaviourSettings(LabSettings):
    """A training run of ``bartizan train behaviour``."""

    data: DataSettings = Field(description="the clips")
    attribute: str = Field(default="behaviour", min_length=1, description="what the names are values of, such as fight")
    names: tuple[str, ...] = Field(min_length=2, max_length=64, description="classes; the first is the normal state")
    scope: Literal["scene", "track"] = Field(
        default="scene", description="whether the model looks at whole frames, or at the crops of each track"
    )
    fps: float = Field(default=8.0, gt=0, le=120, description="pictures a second that the model looks at")
    frames: int = Field(default=12, ge=2, le=256, description="pictures in a window")
    stride: int = Field(default=4, ge=1, le=256, description="pictures from one window to the next, where labels are")
    size: tuple[int, int] = Field(
        default=(192, 256), description="height and width in pixels that pictures are fitted into; multiples of 32"
    )
    margin: float = Field(
        default=0.2, ge=0, le=2, description="scope track: a box is widened by this share of its size on each side"
    )
    detector: Path | None = Field(
        default=None, description="ultralytics .pt: gives the feature detector, and the tracks where scope is track"
    )
    backbone: BackboneSettings = Field(default=BackboneSettings(), description="network of the feature backbone")
    candidates: tuple[Candidate, ...] = Field(
        default=(Candidate(features=("motion",), head="gru"),), min_length=1, description="what is compared"
    )
    augmented: int = Field(default=3, ge=0, le=64, description="altered copies of each clip, for training only")
    fit: FitSettings = Field(default=FitSettings(), description="how each network is trained")
    folds: int = Field(default=5, ge=2, le=64, description="parts that the sources are divided into, each tested once")
    inner_folds: int = Field(default=3, ge=2, le=64, description="the same within the training part, for choosing")
    permutations: int = Field(
        default=10, ge=0, le=1000, description="trainings with shuffled labels: what chance alone would reach"
    )
    threads: int = Field(default=1, ge=1, le=256, description="processor threads")
    seed: int = Field(default=0, ge=0, description="of everything that is drawn by chance")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.names)) != len(self.names):
            raise ValueError("names: one stands twice")
        if self.data.folders and len(self.data.folders) != len(self.names):
            raise ValueError("data.folders: needs one folder for each of the names")
        if self.data.intervals and len(self.names) != 2:
            raise ValueError("data.intervals: tells one behaviour from the normal state, so there must be two names")
        if any(side % 32 or not 32 <= side <= 2048 for side in self.size):
            raise ValueError("size: sides must be multiples of 32, from 32 to 2048")
        if self.detector is None and (self.scope == "track" or self.uses("detector")):
            raise ValueError("detector: name its weights; scope track and the feature detector need them")
        if len({candidate.name for candidate in self.candidates}) != len(self.candidates):
            raise ValueError("candidates: one stands twice")
        return self

    def uses(self, part: Part) -> bool:
        """Whether any candidate needs that network."""
        return any(part in candidate.parts for candidate in self.candidates)
