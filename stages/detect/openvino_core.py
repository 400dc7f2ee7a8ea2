"""OpenVINO's ``Core``, one for the whole life of a process.

Each ``Core`` that compiles for the CPU gives the calling thread a stack for signals, and takes it away with the last of
its models, also while a later ``Core`` still remembers it as the stack to go back to. The next signal then ends the
process (OpenVINO 2026.4). A ``Core`` that never goes takes no stack away.
"""

from functools import cache
from importlib import import_module
from typing import Any


@cache
def openvino_core() -> Any:
    """The same one for every caller in this process."""
    return import_module("openvino").Core()
