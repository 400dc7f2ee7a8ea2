"""What kind of file a model is, and what can be read off it without loading a runtime."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.errors import CannotStart

Form: TypeAlias = Literal["checkpoint", "openvino", "onnx"]

_QUANTISED = {"openvino": (b'"FakeQuantize"', b'"FakeConvert"'), "onnx": (b"QuantizeLinear",)}
_CHUNK = 1 << 20


def form_of(model: Path) -> Form:
    """An ultralytics ``.pt``, an ``.onnx``, or else an OpenVINO ``.xml`` or the folder of one.

    Raises ``CannotStart`` for a file of another kind.
    """
    match model.suffix.lower():
        case ".pt":
            return "checkpoint"
        case ".onnx":
            return "onnx"
        case ".xml":
            return "openvino"
    if model.is_file():
        raise CannotStart(f"model {model}: must be a .pt, an .onnx, an OpenVINO .xml, or a folder with one .xml")
    return "openvino"


def graph_file(model: Path) -> Path:
    """The ``.xml`` of an OpenVINO model that was named by it or by its folder. Raises ``CannotStart``."""
    if model.suffix == ".xml":
        return model
    graphs = sorted(model.glob("*.xml"))
    if len(graphs) != 1:
        raise CannotStart(f"model {model}: must be a .pt, an .xml, or a folder with one .xml; found {len(graphs)}")
    return graphs[0]


def is_quantised(model: Path) -> bool:
    """Whether an exported model computes in INT8: its graph quantises activations. False for what is not there."""
    form = form_of(model)
    if form == "checkpoint" or not model.exists():
        return False
    file = graph_file(model) if form == "openvino" else model
    return any(mark in chunk for chunk in _overlapping(file) for mark in _QUANTISED[form])


def _overlapping(file: Path) -> Iterable[bytes]:
    """The file in pieces, each with the end of the one before, so that no short word is cut."""
    end = b""
    try:
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                yield end + chunk
                end = chunk[-32:]
    except OSError as error:
        raise CannotStart(f"model {file} cannot be read ({error.strerror})") from error
