"""``run.json``: with what, from what and with which result a folder was made."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from pipeline.whole_file import write_whole

LIBRARIES = ("bartizan", "numpy", "opencv-python", "openvino", "ultralytics", "torch")


def write_record(out: Path, *, command: str, settings: dict[str, Any], **more: Any) -> Path:
    """Write ``out/run.json``; ``more`` is whatever else tells how the folder came to be."""
    record = {"command": command, "settings": settings, **more, "versions": _versions()}
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "run.json", [msgspec.json.format(msgspec.json.encode(record), indent=2), b"\n"])
    return out / "run.json"


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
