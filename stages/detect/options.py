"""What a user can say about the ultralytics detector."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

Device: TypeAlias = Literal["auto", "cpu", "cuda"]
Runtime: TypeAlias = Literal["auto", "openvino", "onnxruntime", "torch", "tensorrt"]
Precision: TypeAlias = Literal["auto", "f32", "bf16", "f16", "int8"]
Head: TypeAlias = Literal["one_to_many", "one_to_one"]

PRECISIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("openvino", "cpu"): ("f32", "bf16", "int8"),
    ("onnxruntime", "cpu"): ("f32", "int8"),
    ("torch", "cpu"): ("f32",),
    ("torch", "cuda"): ("f32", "f16", "bf16"),
    ("tensorrt", "cuda"): ("f16", "f32"),
}
"""What each runtime can compute in, by (runtime, device); nothing else exists."""


class YoloOptions(BaseModel):
    """Options of the detector ``yolo``. ``auto`` becomes an explicit value once, before a run starts
    (``stages.detect.resolve``), so that every worker of a run computes the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path = Field(
        default=Path("bartizan-n"),
        description="a name that `bartizan models list` knows, or a file: an ultralytics .pt, an .onnx exported from "
        "one, or an OpenVINO model (its folder or its .xml); never fetched from anywhere",
    )
    device: Device = Field(default="auto", description="where it runs; auto: cuda if there is a GPU, else cpu")
    runtime: Runtime = Field(
        default="auto",
        description="what runs it; auto: openvino on cpu, torch on cuda; onnxruntime runs on the cpu, tensorrt on cuda",
    )
    precision: Precision = Field(
        default="auto",
        description="numbers it computes in; openvino: f32 or bf16; torch on cuda: f32, f16 or bf16; tensorrt: f16 or "
        "f32; else f32; a model that is quantised computes in int8 and nothing else; auto: int8 of such a model, bf16 "
        "where the processor has instructions for it, f16 on cuda, else f32",
    )
    imgsz: int = Field(
        default=640,
        ge=64,
        le=4096,
        multiple_of=32,
        description="longer side in pixels of the picture that the model sees; the other side keeps the aspect ratio",
    )
    head: Head = Field(
        default="one_to_many",
        description="which head of a model that has two (YOLO26, YOLOv10) answers: one_to_many finds more and needs "
        "suppression of overlaps, one_to_one needs none and gives 300 boxes at most; most models have one_to_many only",
    )
    confidence: float = Field(
        default=0.1, gt=0, lt=1, description="boxes at or below are dropped; low, because trackers use weak boxes too"
    )
    iou: float = Field(
        default=0.7, gt=0, le=1, description="of boxes of one class that overlap more than this, the best one stays"
    )
    classes: tuple[str | int, ...] = Field(
        default=(), description="class names or ids to keep, such as person or 0; empty keeps all"
    )
    max_detections: int = Field(default=300, ge=1, le=3000, description="boxes kept of one frame, the surest first")
    batch: int | Literal["auto"] = Field(
        default="auto", description="frames computed at once, 1 to 64; auto: 1 on cpu, 8 on cuda; openvino: 1 only"
    )
    batch_wait_ms: float = Field(
        default=5.0, ge=0, le=1000, description="how long the machine may wait to fill a batch larger than 1"
    )
    threads: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        default="auto",
        description="processor threads of one worker, over all its streams; on cuda those that draw pictures for the "
        "GPU; auto: 1 on cpu, up to 8 on cuda",
    )
    streams: int = Field(
        default=1, ge=1, le=16, description="openvino: frames computed side by side in one worker; at most threads"
    )

    embedding: bool = Field(
        default=False,
        description="give each box a vector of what it looks like, pooled from the detector's own feature maps",
    )

    @model_validator(mode="after")
    def _consistent(self) -> "YoloOptions":
        if isinstance(self.batch, int) and not 1 <= self.batch <= 64:
            raise ValueError(f"batch is {self.batch}; allowed are 1 to 64, or auto")
        if self.streams > (1 if self.threads == "auto" else self.threads):
            raise ValueError(f"streams is {self.streams}, more than threads ({self.threads}): each stream needs one")
        known = [key for key in PRECISIONS if self._allows(key)]
        if not known:
            raise ValueError(f"runtime {self.runtime} does not run on {self.device}; use torch on cuda")
        if self.precision != "auto" and not any(self.precision in PRECISIONS[key] for key in known):
            allowed = sorted({precision for key in known for precision in PRECISIONS[key]})
            raise ValueError(f"precision {self.precision} is not there; allowed here: {', '.join(allowed)}")
        return self

    def _allows(self, key: tuple[str, str]) -> bool:
        return self.runtime in ("auto", key[0]) and self.device in ("auto", key[1])
