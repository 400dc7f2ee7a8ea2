"""The picture of an event, for those who send it along."""

import time
from pathlib import Path

from pipeline.clock import SECOND
from pipeline.messages import Event
from stages.deliver.moment import Moment

_LOOK_S = 0.05
_SOON_S = 30.0


def picture_of(event: Event) -> str | None:
    """Path of the picture that a message names: the best one of an end, or the snapshot of a start."""
    return event.evidence.get("best") or event.evidence.get("snapshot")


def snapshot(out: Path | None, event: Event, wait_s: float) -> Path | None:
    """The file in the result folder of the picture that a message names, if it is there or comes within ``wait_s``: an
    event does not wait for its picture, people may.

    The best picture is waited for only soon after the message: that of a recording comes when all is over.
    """
    name = picture_of(event)
    if name is None or out is None:
        return None
    if "best" in event.evidence and not _is_recent(event):
        wait_s = 0.0
    file, deadline = out / name, time.monotonic() + wait_s
    while not file.is_file():
        if file.with_suffix(".missing").exists() or time.monotonic() >= deadline:
            return None
        time.sleep(_LOOK_S)
    return file


def _is_recent(event: Event) -> bool:
    wall_ns = Moment.of(event).wall_ns
    return wall_ns is not None and abs(time.time_ns() - wall_ns) < _SOON_S * SECOND
