"""What a user can say about training a classifier of crops."""

import re
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from lab.settings import LabSettings

Design: TypeAlias = Literal[
    "small",
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_b0",
]
Split: TypeAlias = Literal["train", "val", "test"]


class Source(LabSettings):
    """Where crops come from: a folder for each class, or a detection data set out of which they are cut."""

    crops: Path | None = Field(default=None, description="folder with one folder of pictures for each class")
    boxes: Path | None = Field(default=None, description="detection data set: its data.yaml or folder (YOLO format)")
    classes: dict[str, str] = Field(
        default={}, description="which of its classes become which of ours; those not named are left out; empty: all"
    )
    background: str = Field(
        default="", description="boxes only: our class for places without any box; empty: none are cut"
    )
    split: Literal["auto", "own", "train", "val", "test"] = Field(
        default="auto",
        description="auto: divided by recording; own: as the data set is divided, which often tears recordings apart; "
        "else all of it goes there",
    )
    group: str = Field(
        default="",
        description="regular expression; what its first group finds in a file's name names the recording; 'each': "
        "every picture is a recording of its own (neighbouring frames then leak); empty: the name before its number",
    )
    most_per_picture: int = Field(default=8, ge=1, le=10_000, description="crops of one class cut from one picture")
    smallest_px: int = Field(default=16, ge=2, le=4096, description="boxes with a shorter side than this are left out")

    @field_validator("group")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            pattern = re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if value not in ("", "each") and pattern.groups < 1:
            raise ValueError("needs one group in brackets, which names the recording, such as '^(cam[0-9]+)_'")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> "Source":
        if (self.crops is None) == (self.boxes is None):
            raise ValueError("name either crops (a folder for each class) or boxes (a detection data set)")
        if self.background and self.boxes is None:
            raise ValueError("background needs boxes: only there is known where nothing is")
        return self


class Data(LabSettings):
    """The crops, and how they are divided."""

    sources: tuple[Source, ...] = Field(min_length=1, description="where crops come from")
    val_share: float = Field(default=0.2, gt=0, lt=0.9, description="share held back to steer training and calibrate")
    test_share: float = Field(default=0.2, ge=0, lt=0.9, description="share held back to the very end; 0: none")
    margin: float = Field(
        default=0.1, ge=0, le=1, description="boxes are widened by this share of their size on each side"
    )

    @model_validator(mode="after")
    def _enough_left(self) -> "Data":
        if self.val_share + self.test_share >= 0.9:
            raise ValueError("val_share and test_share leave less than a tenth for training")
        return self


class Augmentation(LabSettings):
    """Chance of each change to a training crop; each imitates what cameras do. 0 switches it off."""

    flip: float = Field(default=0.5, ge=0, le=1, description="mirrored left to right")
    crop: float = Field(default=0.5, ge=0, le=1, description="cut at the sides, as a box that sits badly")
    colour: float = Field(default=0.6, ge=0, le=1, description="brightness, contrast, saturation, hue")
    grey: float = Field(default=0.05, ge=0, le=1, description="no colour, as infrared at night")
    blur: float = Field(default=0.15, ge=0, le=1, description="out of focus")
    noise: float = Field(default=0.15, ge=0, le=1, description="sensor noise")
    jpeg: float = Field(default=0.15, ge=0, le=1, description="compression artefacts")
    low_resolution: float = Field(default=0.25, ge=0, le=1, description="far away: shrunk and enlarged again")
    erasing: float = Field(default=0.15, ge=0, le=1, description="a part hidden (Zhong et al. 2020)")


class Adversarial(LabSettings):
    """Training on attacked crops (Madry et al. 2018): sturdier under attack, usually somewhat worse without."""

    eps_255: float = Field(default=4.0, gt=0, le=64, description="largest change of a pixel, of 255")
    step_255: float = Field(default=1.0, gt=0, le=64, description="change in one step, of 255")
    steps: int = Field(default=5, ge=1, le=100, description="steps of the attack")
    share: float = Field(default=0.5, gt=0, le=1, description="share of each batch that is attacked")


class ClassifySettings(LabSettings):
    """One run of ``bartizan train classify``."""

    attribute: str = Field(
        min_length=1, pattern=r"^[a-z][a-z0-9_]*$", description="what the classes are values of, such as colour"
    )
    data: Data = Field(description="the crops")
    network: Design = Field(default="mobilenet_v3_small", description="small: our own, for tiny data")
    weights: str = Field(
        default="", description="pretrained weights: a path or a name of 'bartizan models list'; empty: from scratch"
    )
    size: tuple[int, int] = Field(default=(128, 128), description="height and width that crops are fitted into")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="the same seed gives the same model on a CPU")
    epochs: int = Field(default=20, ge=1, le=10_000, description="at most")
    freeze_epochs: int = Field(
        default=2, ge=0, le=10_000, description="first epochs in which only the last layer learns; pretrained only"
    )
    patience: int = Field(default=8, ge=1, le=10_000, description="epochs without a better validation before stopping")
    batch: int = Field(default=32, ge=2, le=4096, description="crops in one step")
    lr: float = Field(default=1e-3, gt=0, le=1, description="largest learning rate of the last layer, or from scratch")
    base_lr_share: float = Field(
        default=0.2, gt=0, le=1, description="learning rate of a pretrained base, as a share of lr"
    )
    weight_decay: float = Field(default=0.02, ge=0, le=1, description="AdamW (Loshchilov and Hutter 2019)")
    warmup_epochs: float = Field(default=1.0, ge=0, le=1000, description="epochs over which the learning rate rises")
    label_smoothing: float = Field(default=0.05, ge=0, lt=1, description="Szegedy et al. 2016")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="before the last layer")
    balance: Literal["weights", "sampler", "none"] = Field(
        default="weights", description="rare classes: weigh more in the loss, or are drawn more often"
    )
    ema_decay: float = Field(default=0.99, ge=0, lt=1, description="weight averaging over steps; 0: none")
    augmentation: Augmentation = Field(default=Augmentation(), description="changes to training crops")
    adversarial: Adversarial | None = Field(default=None, description="train on attacked crops")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: cuda if there is a GPU")
    workers: int = Field(default=0, ge=0, le=64, description="processes that prepare crops; 0: this one")
    threads: int = Field(default=0, ge=0, le=256, description="processor threads; 0: as torch chooses")
    cache_mb: int = Field(default=1024, ge=0, le=10**6, description="memory for crops, so that each is decoded once")

    @field_validator("size")
    @classmethod
    def _sensible(cls, value: tuple[int, int]) -> tuple[int, int]:
        if any(side < 32 or side > 1024 or side % 8 for side in value):
            raise ValueError("both sides must be multiples of 8 from 32 to 1024")
        return value
