"""The picture of an event, for those who send it along."""

import time
from pathlib import Path

from pipeline.messages import Event

_LOOK_S = 0.05


def snapshot(out: Path | None, event: Event, wait_s: float) -> Path | None:
    """The snapshot's file in the result folder, if it is there or comes within ``wait_s``: an event does not wait for
    its picture, people may."""
    name = event.evidence.get("snapshot")
    if name is None or out is None:
        return None
    file, deadline = out / name, time.monotonic() + wait_s
    while not file.is_file():
        if file.with_suffix(".missing").exists() or time.monotonic() >= deadline:
            return None
        time.sleep(_LOOK_S)
    return file
