"""What this machine has, asked without loading a runtime; each answer comes with its reason, for the log."""

import ctypes
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

_BF16 = ("avx512_bf16", "amx_bf16")


class Finding(NamedTuple):
    """Whether something is there, and what that was seen by."""

    there: bool
    why: str


def cuda() -> Finding:
    """Whether a GPU can be used: the NVIDIA driver itself is asked how many it counts."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return Finding(False, "no NVIDIA driver")
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return Finding(False, "the NVIDIA driver finds no GPU")
    return Finding(True, f"the NVIDIA driver finds {count.value} GPU{'s' if count.value > 1 else ''}")


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
