"""What a user can say about classifiers of crops."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stages.classify.onnx_graph import Precision, Runtime


class CropModelOptions(BaseModel):
    """How a graph that looks at crops is run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: Runtime = Field(default="openvino", description="what runs it: openvino or onnxruntime")
    precision: Precision = Field(
        default="f32", description="numbers it computes in; bf16 (openvino only) answers a little differently"
    )
    threads: int = Field(default=1, ge=1, le=256, description="processor threads")
    batch: int = Field(default=32, ge=1, le=1024, description="crops computed at once, at most")

    @model_validator(mode="after")
    def _consistent(self) -> "CropModelOptions":
        if self.runtime == "onnxruntime" and self.precision != "f32":
            raise ValueError(f"precision {self.precision} is not there; onnxruntime computes in f32")
        return self


class ClassifierOptions(CropModelOptions):
    """Options of a trained classifier."""

    model: Path = Field(description="model.onnx as 'bartizan train classify' makes it; never fetched from anywhere")


class FewShotOptions(CropModelOptions):
    """Options of a classifier made from a few examples."""

    gallery: Path = Field(description="folder as 'bartizan train few-shot' makes it: gallery.json and embedder.onnx")
