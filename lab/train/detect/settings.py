"""What a user can say about fine-tuning a detector."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from lab.settings import LabSettings


class Complete(LabSettings):
    """Pictures in which people labelled every object of some classes, as far as they count: what has no label there
    is background, whatever the network thought before."""

    pictures: str = Field(description="file names, as a pattern with * and ?")
    classes: tuple[str, ...] = Field(min_length=1, description="classes that are labelled completely there")


class Distillation(LabSettings):
    """How hard the network is held to what it knew (Li and Hoiem 2017, learning without forgetting)."""

    weight: float = Field(default=1.0, ge=0, le=100, description="of the teacher's class scores; 0 switches it off")
    box_weight: float = Field(default=1.0, ge=0, le=100, description="of the teacher's boxes")
    ignore_above: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="where the teacher is at least this sure and no label says so, it is not counted as background",
    )
    groups: tuple[tuple[str, ...], ...] = Field(
        default=(), description="classes that a label speaks for together, such as [car, truck, bus]"
    )
    complete: tuple[Complete, ...] = Field(default=(), description="where labels are complete; elsewhere they are not")


class Augmentation(LabSettings):
    """How pictures are varied."""

    mosaic: float = Field(default=0.5, ge=0, le=1, description="share of samples made of four pictures")
    close_mosaic: int = Field(default=5, ge=0, description="last epochs without mosaic")
    scale: float = Field(default=0.5, ge=0, le=0.95, description="zoom between 1 - scale and 1 + scale")
    translate: float = Field(default=0.1, ge=0, le=0.9, description="shift, as share of the picture")
    degrees: float = Field(default=0.0, ge=0, le=180, description="rotation, in degrees")
    flip: float = Field(default=0.5, ge=0, le=1, description="share of samples mirrored")
    hue: float = Field(default=0.015, ge=0, le=1)
    saturation: float = Field(default=0.6, ge=0, le=1)
    brightness: float = Field(default=0.4, ge=0, le=1)
    degrade: float = Field(
        default=0.35,
        ge=0,
        le=1,
        description="share of samples with blur, night, rain, salt and pepper, JPEG or low resolution",
    )


class DetectSettings(LabSettings):
    """One fine-tuning of a detector. Paths are found from the YAML file's folder."""

    start: str = Field(description="weights to start from: a name of `bartizan models list`, or an ultralytics .pt")
    teacher: str = Field(
        default="", description="weights that it is held to, named as `start` is; empty: those it starts from"
    )
    data: Path = Field(description="labelled pictures with the splits train and val: YOLO format, or its data.yaml")
    name: str = Field(default="site", pattern=r"^[\w.-]+$", description="name of the model that comes out")
    classes: tuple[str, ...] = Field(
        default=(), description="classes in their order; empty: the data set's. Those that the start knows keep it"
    )
    imgsz: int = Field(default=640, ge=64, le=2048, multiple_of=32, description="longer side in pixels")
    epochs: int = Field(default=40, ge=1, le=10_000)
    batch: int = Field(default=16, ge=1, le=1024)
    lr: float = Field(default=2e-4, gt=0, lt=1, description="greatest learning rate of AdamW")
    weight_decay: float = Field(default=5e-4, ge=0, lt=1)
    warmup_epochs: float = Field(default=1.0, ge=0)
    frozen_layers: int = Field(default=11, ge=0, description="first layers that stay as they are in `frozen_epochs`")
    frozen_epochs: int = Field(default=5, ge=0)
    frozen_parts: tuple[str, ...] = Field(
        default=(),
        description="parts that stay as they are throughout, by words in their names: cv2 is a YOLO head's branch for "
        "boxes, cv3 the one for classes",
    )
    freeze_statistics: bool = Field(default=True, description="batch norm keeps the start's means and variances")
    ema: float = Field(default=0.998, ge=0, lt=1, description="decay of the running average of the weights, per step")
    patience: int = Field(default=15, ge=1, description="epochs without a better val score until it stops")
    share: float | Literal["val"] = Field(
        default=1.0,
        description="what is written is start + share * (trained - start) (Wortsman et al. 2022); `val` takes the "
        "best of 0.3 to 1.0 on the val split",
    )
    keep: Literal["best", "last"] = Field(
        default="best",
        description="which epoch's averaged weights are taken: the best on val, or the last (where val is too small "
        "or too much like training to choose by)",
    )
    distillation: Distillation = Distillation()
    augmentation: Augmentation = Augmentation()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "f32", "bf16"] = Field(
        default="auto", description="of the forward pass; auto: bf16 on a GPU and where the processor multiplies it"
    )
    workers: int = Field(default=2, ge=0, le=64, description="processes that prepare pictures")
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> "DetectSettings":
        if isinstance(self.share, float) and not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share}; allowed are numbers above 0 up to 1, or val")
        if self.frozen_epochs > self.epochs:
            raise ValueError(f"frozen_epochs ({self.frozen_epochs}) is more than epochs ({self.epochs})")
        return self
