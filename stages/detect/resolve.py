"""Turn every ``auto`` of the detector's options into an explicit value, without loading a runtime."""

import ctypes
import os
from pathlib import Path

from pipeline.errors import CannotStart
from stages.detect.options import PRECISIONS, YoloOptions

OPENVINO_SUFFIXES = ("", ".xml")


def resolve(options: YoloOptions) -> YoloOptions:
    """The same options with device, runtime, precision and batch explicit; already explicit ones are kept.

    Call it once before the workers start and hand all of them the outcome. Raises ``CannotStart`` where this
    machine or this model cannot do what is asked.
    """
    exported = options.model.suffix in OPENVINO_SUFFIXES
    device = options.device
    if device == "auto":
        device = "cuda" if not exported and options.runtime != "openvino" and _wants_cuda(options) else "cpu"
    if device == "cuda" and not has_cuda():
        raise CannotStart("device cuda: no NVIDIA GPU can be used on this machine; set device: cpu")
    runtime = options.runtime
    if runtime == "auto":
        runtime = "torch" if device == "cuda" or options.precision == "f16" else "openvino"
    if exported and runtime == "torch":
        raise CannotStart(f"{options.model}: exported to OpenVINO, torch cannot run it; give the .pt, or device: cpu")
    precision = options.precision
    if precision == "auto":
        precision = "f16" if device == "cuda" else "bf16" if runtime == "openvino" and has_bf16() else "f32"
    if precision not in PRECISIONS[runtime, device]:
        allowed = ", ".join(PRECISIONS[runtime, device])
        raise CannotStart(f"precision {precision}: {runtime} on {device} here computes in {allowed}")
    batch = (8 if device == "cuda" else 1) if options.batch == "auto" else options.batch
    if runtime == "openvino" and batch > 1:
        raise CannotStart(f"batch {batch}: openvino takes 1 (larger is slower on a CPU); use streams, or workers")
    threads = (
        (min(8, len(os.sched_getaffinity(0))) if device == "cuda" else 1)
        if options.threads == "auto"
        else options.threads
    )
    explicit = {"device": device, "runtime": runtime, "precision": precision, "batch": batch, "threads": threads}
    return YoloOptions.model_validate(options.model_dump() | explicit)


def has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX512-BF16 or AMX); False where that is not known."""
    try:
        text = cpuinfo.read_text(errors="replace")
    except OSError:
        return False
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    return "avx512_bf16" in flags or "amx_bf16" in flags


def has_cuda() -> bool:
    """Whether the NVIDIA driver counts at least one GPU. Asks the driver itself, so torch need not be loaded."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def _wants_cuda(options: YoloOptions) -> bool:
    return options.precision != "bf16" and has_cuda()
