"""A camera and a detector for tests: quick, exactly predictable, and broken at the frames that a test names.

A test may hold a run up at a frame until it has done what it wants to do in its midst.
None of what goes wrong counts for the analysis, so that a broken run can be compared with a calm one: when the source
dies stands in a file beside the recording, what the detector trips over in options that are left out of the hash.
"""

import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.clock import Clock
from pipeline.detections import Detections
from pipeline.stage import Grab, Picture, View
from stages.capture.options import CameraOptions
from stages.capture.pattern import Pattern, read_barcode
from stages.capture.synthetic import SyntheticSource

SIZE = "112x96"
SOURCE = f"{__name__}:AbortingSource"
DETECTOR = f"{__name__}:TrippingDetector"


def abort() -> None:
    """Die as a decoder does that runs into its own assertion, leaving no core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stderr.flush()
    os.abort()


def write_clip(path: Path, *, frames: int = 60, abort_at: int | None = None, times: int = 1000) -> Path:
    """A recording for ``AbortingSource``, which kills its process before frame ``abort_at``, so many times."""
    path.write_text(f"synthetic:{SIZE}@10?frames={frames}&boxes=2&recording=yes")
    if abort_at is not None:
        path.with_suffix(".plan").write_text(f"{abort_at} {times}")
    return path


class AbortingSource:
    """Fulfils ``Source`` with the pattern that its file names, and dies as the plan beside the file says."""

    Options = CameraOptions

    def __init__(self, options: CameraOptions, clock: Clock) -> None:
        path = Path(options.source)
        self._pattern = SyntheticSource(options.model_copy(update={"source": path.read_text()}), clock)
        self._plan = path.with_suffix(".plan")
        self.live = options.live
        self.frames = self._pattern.frames
        self._next = 0

    def open(self) -> None:
        self._pattern.open()
        self._next = 0

    def read(self, canvas: Picture | None) -> Grab:
        if self._plan.exists():
            abort_at, times = map(int, self._plan.read_text().split())
            if self._next == abort_at and times:
                self._plan.write_text(f"{abort_at} {times - 1}")
                abort()
        self._next += 1
        return self._pattern.read(canvas)

    def close(self) -> None:
        self._pattern.close()


class TrippingOptions(BaseModel):
    """What goes wrong, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Literal["none", "abort", "raise", "hang"] = Field(default="none", json_schema_extra={"analysis": False})
    camera: str = Field(default="clip", json_schema_extra={"analysis": False})
    frame: int = Field(default=30, json_schema_extra={"analysis": False})
    frames: int = Field(default=1, ge=1, json_schema_extra={"analysis": False})
    boxes: int = Field(default=2, ge=1)
    delay_s: float = Field(default=0.0, ge=0, le=600, json_schema_extra={"analysis": False})
    begun: Path | None = Field(default=None, json_schema_extra={"analysis": False})
    """A file that is there once a frame is looked at."""
    gate: Path | None = Field(default=None, json_schema_extra={"analysis": False})
    """A file: as long as it is there, frame ``frame`` of any camera is not looked at."""


class TrippingDetector:
    """Fulfils ``Detector``: knows where the pattern's boxes are from the frame number that the picture shows."""

    Options = TrippingOptions
    engine = "tripping, cpu"
    model = {"name": "tripping", "sha256": "0" * 64}  # noqa: RUF012
    names = ["object"]  # noqa: RUF012
    capacity = 2

    def __init__(self, options: TrippingOptions) -> None:
        self._options = options

    def process(self, batch: Sequence[View]) -> list[Detections]:
        return [self._detect(view) for view in batch]

    def _detect(self, view: View) -> Detections:
        if self._options.begun is not None:
            self._options.begun.touch()
        if self._options.gate is not None and view.frame.index == self._options.frame:
            while self._options.gate.exists():
                time.sleep(0.02)
        bad = range(self._options.frame, self._options.frame + self._options.frames)
        if view.frame.camera == self._options.camera and view.frame.index in bad:
            self._trip()
        time.sleep(self._options.delay_s)
        number = read_barcode(view.pixels)
        if number is None:
            return Detections.empty()
        height, width = view.pixels.shape[:2]
        boxes = Pattern(width=width, height=height, rate=10, boxes=self._options.boxes).boxes_at(number)
        n = len(boxes)
        return Detections(np.array(boxes, np.float32), np.full(n, 0.9, np.float32), np.zeros(n, np.int32))

    def _trip(self) -> None:
        match self._options.fault:
            case "abort":
                abort()
            case "raise":
                raise ValueError("tripped, as asked")
            case "hang":
                while True:
                    pass
            case "none":
                pass
