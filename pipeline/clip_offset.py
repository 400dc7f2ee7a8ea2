"""By how much clips are apart from the pictures of the analysis, measured beside the recording.

A stream is dated by when it came here unless the camera sends sender reports and its reader heeds them. How far that
puts clip and analysis apart is found out on the picture of an event, which the clip shows, too.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.clips import Wanted
from pipeline.clock import SECOND
from pipeline.integrity.release import original_of
from pipeline.registry import resolve

logger = logging.getLogger(__name__)

MEASURE = "stages.record.offset:measure_offset"
FRESH_NS = 60 * SECOND
"""What was measured so lately stands for the next clip; it costs about a second of processor time at 1080p."""
STALE_NS = 600 * SECOND
"""After that nothing is said: analysis may have another connection by now."""
REACH_S = 3.0
"""Streams are not further apart than that."""
_UNKNOWN: dict[str, Any] = {"offset_s": None}


class Measured(Protocol):
    """What was found."""

    seconds: float
    within_s: float


@dataclass(slots=True)
class _Begun:
    wanted: Wanted
    closed: Any
    clock: dict[str, Any]
    found: "Future[Measured | None]"
    connection: int


class ClipOffsets:
    """Clips that are closed and wait for their offset to be known, each some tenths of a second.

    The last offset known stands for clips in which none can be measured: it belongs to the two connections, not to the
    event.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._measure: Callable[..., Measured | None] = resolve(MEASURE, {})
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="offset")
        self._begun: list[_Begun] = []
        self._connection = 0
        self._last, self._last_ns = _UNKNOWN, 0

    def __len__(self) -> int:
        return len(self._begun)

    def begin(self, wanted: Wanted, closed: Any, clock: dict[str, Any]) -> None:
        """Measure on a clip that is written; ``clock``: what is known of its times. What was measured lately
        is not again."""
        recorded = closed.recorded
        found: Future[Measured | None]
        if 0 <= recorded.ended_ns - self._last_ns < FRESH_NS:
            found = Future()
            found.set_result(None)
        else:
            found = self._thread.submit(self._find, wanted, recorded.started_ns)
        self._begun.append(_Begun(wanted, closed, clock, found, self._connection))

    def done(self, *, wait: bool = False) -> list[tuple[Wanted, Any, dict[str, Any]]]:
        """Clips whose offset is known or cannot be, in order, with what is to be said of it."""
        ready = []
        while self._begun and (wait or self._begun[0].found.done()):
            begun = self._begun.pop(0)
            ready.append((begun.wanted, begun.closed, {**begun.clock, **self._told(begun)}))
        return ready

    def forget(self) -> None:
        """The connection is another one."""
        self._connection += 1
        self._last, self._last_ns = _UNKNOWN, 0

    def close(self) -> None:
        """Wait for what is being measured."""
        self._thread.shutdown()

    def _told(self, begun: _Begun) -> dict[str, Any]:
        measured = begun.found.result()
        ended_ns = begun.closed.recorded.ended_ns
        if measured is None:
            known = begun.connection == self._connection and ended_ns - self._last_ns < STALE_NS
            return self._last if known else _UNKNOWN
        told = {
            "offset_s": measured.seconds,
            "offset_within_s": measured.within_s,
            "offset_event": begun.wanted.event,
        }
        if begun.connection == self._connection:
            self._last, self._last_ns = told, ended_ns
        return told

    def _find(self, wanted: Wanted, started_ns: int) -> Measured | None:
        """None where there is no picture, nothing moves in it, or something cannot be read: the clip is fine."""
        start = wanted.start
        if start.object is None or "snapshot" not in start.evidence:
            return None
        shown_ns = wanted.started_ns + round((start.media_time - start.started) * SECOND) - started_ns
        try:
            picture = self._picture(start.evidence["snapshot"])
            if picture is None:
                return None
            return self._measure(
                wanted.path(self._out),
                picture,
                box=start.object.box,
                box_px=start.object.box_px,
                at_s=shown_ns / SECOND,
                reach_s=REACH_S,
            )
        except Exception as error:  # whatever ails the picture or its decoding, the clip is there
            logger.info("camera %s: the offset of a clip cannot be measured: %s", wanted.camera, error)
            return None

    def _picture(self, name: str) -> bytes | None:
        for path in (self._out / original_of(name), self._out / name):
            if path.is_file():
                return path.read_bytes()
        return None
