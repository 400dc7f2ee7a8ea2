"""An ONNX graph of Bartizan's own making, on OpenVINO or ONNX Runtime, with the card that it carries.

The card is JSON under the key ``bartizan`` of the graph's metadata. The precision is always stated: OpenVINO takes
bfloat16 by itself where the processor has it, and answers would then differ between machines.
"""

import hashlib
import json
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart

CARD = "bartizan"
"""The metadata key."""
Runtime: TypeAlias = Literal["openvino", "onnxruntime"]
Precision: TypeAlias = Literal["f32", "bf16"]
Array: TypeAlias = npt.NDArray[Any]


class OnnxGraph:
    """A graph, loaded: arrays in, arrays out, in the order of its inputs and outputs.

    ``card``: what its maker wrote into it. ``sha256``: digest of the file. ``engine``: runtime, version, precision.
    Raises ``CannotStart`` for a file that is missing, damaged or not of ours.
    """

    def __init__(
        self, path: Path, *, runtime: Runtime = "openvino", precision: Precision = "f32", threads: int = 1
    ) -> None:
        if runtime == "onnxruntime" and precision != "f32":
            raise CannotStart(f"precision {precision}: onnxruntime computes in f32 here; set runtime: openvino")
        self.path = path
        content = _content(path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.card = read_card(content, path)
        self._run = (_on_openvino if runtime == "openvino" else _on_onnxruntime)(path, content, precision, threads)
        self.engine = f"{runtime} {_version(runtime)} {precision}"

    def __call__(self, *inputs: Array) -> tuple[Array, ...]:
        """The outputs, as arrays of their own."""
        outputs: tuple[Array, ...] = self._run(inputs)
        return outputs


def read_card(content: bytes, path: Path) -> dict[str, Any]:
    """The card within a graph. Raises ``CannotStart`` if there is none; ``path`` is for the message."""
    onnx: Any = import_module("onnx")
    try:
        properties = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    except Exception as error:  # protobuf's errors share no root
        raise CannotStart(f"{path}: not an ONNX graph, or a damaged one ({type(error).__name__})") from error
    try:
        card = json.loads(properties[CARD])
    except (KeyError, ValueError) as error:
        raise CannotStart(f"{path}: carries no card of Bartizan; make it with 'bartizan train'") from error
    if not isinstance(card, dict):
        raise CannotStart(f"{path}: its card is damaged; make it anew with 'bartizan train'")
    return card


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotStart(f"{path}: cannot be read ({error.strerror}); nothing is downloaded by itself") from error


def _version(runtime: str) -> str:
    version: str = import_module(runtime).__version__
    return version.split("-")[0]


@cache
def _openvino_core() -> Any:
    """One for the life of the process, for the reason that ``stages.detect.openvino_core`` gives."""
    return import_module("openvino").Core()


def _on_openvino(path: Path, content: bytes, precision: str, threads: int) -> Any:
    if "openvino_telemetry" not in sys.modules:
        # None makes the import fail, and OpenVINO then takes its own empty stand-in: no id in the user's home.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # a documented value of sys.modules
    ov: Any = import_module("openvino")
    settings = {
        ov.properties.hint.inference_precision: {"f32": ov.Type.f32, "bf16": ov.Type.bf16}[precision],
        ov.properties.hint.enable_cpu_pinning: False,
        ov.properties.inference_num_threads: threads,
        ov.properties.num_streams: 1,
    }
    core = _openvino_core()
    try:
        compiled = core.compile_model(core.read_model(content, b""), "CPU", settings)
    except RuntimeError as error:
        raise CannotStart(f"{path}: OpenVINO cannot use it: {str(error).strip().splitlines()[-1]}") from error
    request = compiled.create_infer_request()
    # Copies: the runtime writes its next answer over the last one.
    return lambda inputs: tuple(np.array(value) for value in request.infer(list(inputs)).values())


def _on_onnxruntime(path: Path, content: bytes, precision: str, threads: int) -> Any:
    ort: Any = import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    try:
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no root
        raise CannotStart(f"{path}: ONNX Runtime cannot use it: {str(error).strip().splitlines()[0]}") from error
    names = [entry.name for entry in session.get_inputs()]
    return lambda inputs: tuple(session.run(None, dict(zip(names, inputs, strict=True))))
