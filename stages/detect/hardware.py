"""What this machine has, asked without loading a runtime; each answer comes with its reason, for the log."""

import ctypes
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

_BF16 = ("avx512_bf16", "amx_bf16")


class Finding(NamedTuple):
    """Whether something is there, and what that was seen by."""

    there: bool
    why: str


PROBE = "import torch; print(torch.ones(8, device='cuda').sum().item())"
"""What a GPU must be able to do, in a process of its own: a driver may count cards that this torch cannot use."""
PROBE_S = 120


@cache
def cuda() -> Finding:
    """Whether a GPU can be used: the driver is asked how many it counts, and if any, torch adds a few numbers."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return Finding(False, "no NVIDIA driver")
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return Finding(False, "the NVIDIA driver finds no GPU")
    gpus = f"{count.value} GPU{'s' if count.value > 1 else ''}"
    fault = fault_of_torch()
    if fault:
        return Finding(False, f"the NVIDIA driver finds {gpus}, but torch cannot use it: {fault}")
    return Finding(True, f"the NVIDIA driver finds {gpus}")


def fault_of_torch() -> str:
    """The last thing that torch says when it is to use a GPU; empty if it can."""
    try:
        tried = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_S)
    except subprocess.TimeoutExpired:
        return f"no answer within {PROBE_S} s"
    if tried.returncode == 0:
        return ""
    return (tried.stderr.strip().splitlines() or [f"it ended with {tried.returncode}"])[-1]


def has_cuda() -> bool:
    """Whether a GPU can be used."""
    return cuda().there


def bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> Finding:
    """Whether the processor multiplies bfloat16 natively; not where that is not known."""
    try:
        text = cpuinfo.read_text(errors="replace")
    except OSError:
        return Finding(False, "the processor does not tell what it has")
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    found = next((flag for flag in _BF16 if flag in flags), None)
    if found is None:
        return Finding(False, "the processor has no bfloat16")
    return Finding(True, f"the processor has {found}")


def has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bfloat16 natively (AVX512-BF16 or AMX); False where that is not known."""
    return bf16(cpuinfo).there


def has_tensorrt() -> bool:
    """Whether the package tensorrt is installed."""
    return find_spec("tensorrt") is not None


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a choice is made by."""

    cuda: Finding
    bf16: Finding
    tensorrt: bool

    @classmethod
    def here(cls) -> "Hardware":
        """That of this machine."""
        return cls(cuda(), bf16(), has_tensorrt())
