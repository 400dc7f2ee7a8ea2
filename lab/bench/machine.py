"""What the figures were taken on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("openvino", "onnxruntime", "torch", "tensorrt", "ultralytics", "numpy", "opencv-python")


def facts() -> dict[str, Any]:
    """Processor, cores, GPU, versions, and how busy the machine is now (``load``, runnable processes for each core)."""
    from stages.detect.hardware import bf16, cuda

    cores = len(os.sched_getaffinity(0))
    return {
        "processor": _processor(),
        "cores": cores,
        "bf16": bf16().why,
        "gpu": cuda().why,
        "python": platform.python_version(),
        "versions": {name: found for name in LIBRARIES if (found := _version(name))},
        "load": round(os.getloadavg()[0] / cores, 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
