"""Turn every ``auto`` of the detector's options into an explicit value, without loading a runtime."""

import logging
import os
from pathlib import Path

from pipeline.errors import CannotStart
from pipeline.models import find, is_name
from stages.detect.hardware import Hardware
from stages.detect.model_file import Form, form_of, is_quantised
from stages.detect.options import PRECISIONS, YoloOptions

logger = logging.getLogger(__name__)

RUNTIMES: dict[Form, tuple[str, ...]] = {
    "checkpoint": ("openvino", "onnxruntime", "torch", "tensorrt"),
    "onnx": ("openvino", "onnxruntime"),
    "openvino": ("openvino",),
}
"""What can run a model, by what it was saved as."""


ASKED = "as asked"


def resolve(options: YoloOptions, hardware: Hardware | None = None) -> YoloOptions:
    """The same options with model, device, runtime, precision, batch and threads explicit; explicit ones are kept.

    What was chosen, and why, is logged. Call it once before the workers start and hand all of them the outcome. Raises
    ``CannotStart`` where this machine (or another that is given) or this model cannot do what is asked.
    """
    hardware = hardware or Hardware.here()
    model = locate(options.model)
    form = form_of(model)
    device, device_why = _device(options, form, hardware)
    runtime, runtime_why = _runtime(options, form, device)
    _check_runtime(model, form, runtime, hardware)
    precision, precision_why = _precision(options, model, device, runtime, hardware)
    chosen = {"device": device, "runtime": runtime, "precision": precision}
    if chosen != options.model_dump(include=set(chosen)):
        reasons = (device_why, runtime_why, precision_why)
        said = (f"{key} {value} ({why})" for (key, value), why in zip(chosen.items(), reasons, strict=True))
        logger.info("detector %s: %s", model.stem, ", ".join(said))
    explicit = {
        "model": model,
        "batch": _batch(options, device, runtime),
        "threads": _threads(options, device),
    }
    return YoloOptions.model_validate(options.model_dump() | chosen | explicit)


def locate(model: Path) -> Path:
    """The file of a model; what the registry knows by name is that, a file of the same spelling is ``./NAME``.

    Raises ``CannotStart`` if the registry's file is not there, or is another.
    """
    return find(str(model)) if is_name(str(model)) else model


def _device(options: YoloOptions, form: Form, hardware: Hardware) -> tuple[str, str]:
    gpu = hardware.cuda
    if options.device != "auto":
        if options.device == "cuda" and not gpu.there:
            raise CannotStart(f"device cuda: no NVIDIA GPU can be used on this machine ({gpu.why}); set device: cpu")
        return options.device, ASKED
    if options.runtime == "tensorrt" and not gpu.there:
        raise CannotStart(f"runtime tensorrt: needs an NVIDIA GPU ({gpu.why}); leave runtime: auto")
    if form != "checkpoint":
        return "cpu", "exported models run there"
    if options.runtime in ("openvino", "onnxruntime"):
        return "cpu", f"{options.runtime} runs there"
    if options.runtime == "auto" and options.precision == "int8":
        return "cpu", "int8 runs there"
    return ("cuda" if gpu.there else "cpu"), gpu.why


def _runtime(options: YoloOptions, form: Form, device: str) -> tuple[str, str]:
    if options.runtime != "auto":
        return options.runtime, ASKED
    if device == "cuda":
        return "torch", "for a GPU"
    if options.precision == "f16":
        raise CannotStart("precision f16: needs an NVIDIA GPU; on a CPU set precision: bf16 or f32")
    return "openvino", "fastest on a CPU in bf16 and int8"


def _check_runtime(model: Path, form: Form, runtime: str, hardware: Hardware) -> None:
    if runtime not in RUNTIMES[form]:
        kind = {"onnx": "exported to ONNX", "openvino": "exported to OpenVINO"}[form]
        allowed = " or ".join(RUNTIMES[form])
        raise CannotStart(f"{model}: {kind}, {runtime} cannot run it; give the .pt, or set runtime: {allowed}")
    if runtime == "tensorrt" and not hardware.tensorrt:
        raise CannotStart("runtime tensorrt: the package tensorrt is not installed; install it, or set runtime: torch")


def _precision(options: YoloOptions, model: Path, device: str, runtime: str, hardware: Hardware) -> tuple[str, str]:
    precision, why = str(options.precision), ASKED
    quantised = is_quantised(model)
    if precision == "auto":
        precision, why = _best(quantised, device, runtime, hardware)
    elif quantised and precision == "f32":
        # What is not quantised computes in f32 in any case: that is the most that was asked for and can be had.
        precision, why = "int8", "the model is quantised, only its other layers compute in f32 as asked"
    elif quantised and precision != "int8":
        raise CannotStart(
            f"precision {precision}: {model} is quantised to int8 and computes in nothing else; "
            "set precision: auto, or give the model that it was made from"
        )
    if precision not in PRECISIONS[runtime, device]:
        allowed = ", ".join(PRECISIONS[runtime, device])
        raise CannotStart(f"precision {precision}: {runtime} on {device} here computes in {allowed}")
    if precision == "int8" and not quantised and model.exists():
        raise CannotStart(f"precision int8: {model} is not quantised; make one that is with bartizan compress int8")
    return precision, why


def _best(quantised: bool, device: str, runtime: str, hardware: Hardware) -> tuple[str, str]:
    if quantised:
        return "int8", "the model is quantised"
    if device == "cuda":
        return "f16", "a GPU has it"
    if runtime != "openvino":
        return "f32", f"{runtime} has no other on a CPU"
    return ("bf16" if hardware.bf16.there else "f32"), hardware.bf16.why


def _batch(options: YoloOptions, device: str, runtime: str) -> int:
    if options.batch == "auto":
        return 8 if device == "cuda" else 1
    if runtime == "openvino" and options.batch > 1:
        raise CannotStart(
            f"batch {options.batch}: openvino takes 1 (larger is slower on a CPU); use streams, or workers"
        )
    return options.batch


def _threads(options: YoloOptions, device: str) -> int:
    if options.threads != "auto":
        return options.threads
    return min(8, len(os.sched_getaffinity(0))) if device == "cuda" else 1
