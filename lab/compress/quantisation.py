"""INT8 graphs from float ones: post-training quantisation by NNCF, ranges taken from real frames."""

import logging
import re
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.errors import CannotStart, UsageError
from pipeline.stage import Picture
from stages.detect.letterbox import Letterbox
from stages.detect.offline import switch_off_network_features
from stages.detect.openvino_core import openvino_core

Keep = Literal["nothing", "decoding", "outputs", "head"]
"""What of a detector stays in floating point: nothing, the arithmetic that makes boxes of the head's answers, with it
the head's last convolutions, or the whole head."""


def quantise_detector(
    source: Path, frames: Sequence[Picture], target: Path, *, imgsz: int, stride: int, keep: Keep
) -> None:
    """Write ``model.xml``, ``model.bin`` and ``metadata.yaml`` into ``target``, from the float graph ``source`` (.xml).

    ``frames`` are letterboxed as the detector does it. Weights are symmetric, activations as they fall (preset mixed:
    SiLU is not symmetric). Raises ``UsageError`` for a graph that is INT8 already, ``CannotStart`` if NNCF fails.
    """
    nncf = _nncf()
    ov: Any = import_module("openvino")
    graph = openvino_core().read_model(source)
    if any(operation.get_type_name() == "FakeQuantize" for operation in graph.get_ops()):
        raise UsageError(f"{source}: is INT8 already; give the model that it was made from")

    def tensor(frame: Picture) -> Any:
        height, width = frame.shape[:2]
        letterbox = Letterbox.fit((height, width), imgsz=imgsz, stride=stride)
        canvas = np.empty((*letterbox.canvas, 3), np.uint8)
        letterbox.draw(frame, canvas)
        return np.ascontiguousarray(canvas[None, ..., ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)

    scope = _ignored(nncf, graph, keep)
    try:
        smaller = nncf.quantize(
            graph,
            nncf.Dataset(list(frames), tensor),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(frames),
            ignored_scope=scope,
        )
    except (RuntimeError, nncf.ValidationError) as error:
        raise CannotStart(f"{source}: NNCF cannot quantise it: {str(error).strip().splitlines()[0]}") from error
    target.mkdir(parents=True, exist_ok=True)
    ov.save_model(smaller, target / "model.xml", compress_to_fp16=True)
    shutil.copyfile(source.with_name("metadata.yaml"), target / "metadata.yaml")


def quantise_onnx(model: Path, batches: Sequence[Any], target: Path) -> None:
    """Write the INT8 form of an ONNX graph with one input, card and all; ``batches`` are arrays for that input.

    Ranges span all batches. NNCF's own choice is the mean of each batch's extremes: half of them at night, and what is
    bright by day is cut off. Raises ``CannotStart`` if NNCF cannot do it.
    """
    nncf = _nncf()
    ranges: Any = import_module("nncf.quantization.range_estimator")
    import onnx

    graph = onnx.load(model)
    name = graph.graph.input[0].name
    try:
        smaller = nncf.quantize(
            graph,
            nncf.Dataset(list(batches), lambda batch: {name: batch}),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(batches),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=ranges.RangeEstimatorParametersSet.MINMAX
            ),
        )
    except (RuntimeError, nncf.ValidationError) as error:
        raise CannotStart(f"{model}: NNCF cannot quantise it: {str(error).strip().splitlines()[0]}") from error
    kept = {entry.key for entry in smaller.metadata_props}
    smaller.metadata_props.extend(entry for entry in graph.metadata_props if entry.key not in kept)
    onnx.save(smaller, target)


def _nncf() -> Any:
    switch_off_network_features()
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # says at import that there is no GPU
    try:
        nncf: Any = import_module("nncf")
    except ImportError as error:
        raise CannotStart("compressing needs NNCF; install bartizan[lab]") from error
    logging.getLogger("nncf").setLevel(logging.ERROR)  # its own way also changes handlers that others put there
    return nncf


def _ignored(nncf: Any, graph: Any, keep: Keep) -> Any:
    """The operations that stay as they are, by their names in the graph."""
    if keep == "nothing":
        return None
    names = [operation.get_friendly_name() for operation in graph.get_ordered_ops()]
    heads = [re.match(r"__module\.model\.(\d+)", name) for name in names]
    last = max((int(found[1]) for found in heads if found), default=-1)
    mine = re.compile(rf"__module\.model\.{last}(?P<inner>[./].*)?$")
    computed = ("Convolution", "GroupConvolution", "Add", "Multiply", "Subtract", "Divide", "Concat", "Sigmoid",
                "MatMul", "Softmax", "Swish", "TopK", "Split", "VariadicSplit")  # fmt: skip
    final = re.compile(rf"__module\.model\.{last}\.(one2one_)?cv[23]\.\d+\.2/")
    chosen = []
    for operation, name in zip(graph.get_ordered_ops(), names, strict=True):
        if not mine.match(name) or operation.get_type_name() not in computed:
            continue
        of_convolution = ".cv" in name or "cv2." in name or "cv3." in name
        if keep == "head" or not of_convolution or (keep == "outputs" and final.match(name)):
            chosen.append(name)
    return nncf.IgnoredScope(names=chosen, validate=False)
