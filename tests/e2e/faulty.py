"""A camera and a detector for tests: quick, exactly predictable, and broken at the frames that a test names.

A source file holds ``{"pattern": "synthetic:...", "abort_at": 30, "times": 1}``; which frames the detector trips over
stands in its options, none of which count for the analysis, so that a broken run can be compared with a calm one.
"""

import json
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
    pattern = f"synthetic:{SIZE}@10?frames={frames}&boxes=2&recording=yes"
    path.write_text(json.dumps({"pattern": pattern, "abort_at": abort_at, "times": times}))
    return path


class AbortingSource:
    """Fulfils ``Source`` with the pattern that its file names."""

    Options = CameraOptions

    def __init__(self, options: CameraOptions, clock: Clock) -> None:
        self._path = Path(options.source)
        self._clip = json.loads(self._path.read_text())
        self._pattern = SyntheticSource(options.model_copy(update={"source": self._clip["pattern"]}), clock)
        self.live = options.live
        self.frames = self._pattern.frames
        self._next = 0

    def open(self) -> None:
        self._pattern.open()
        self._next = 0

    def read(self, canvas: Picture | None) -> Grab:
        if self._next == self._clip["abort_at"] and self._times_aborted() < self._clip["times"]:
            abort()
        self._next += 1
        return self._pattern.read(canvas)

    def close(self) -> None:
        self._pattern.close()

    def _times_aborted(self) -> int:
        """How often it has done so before; counted in a file beside the recording."""
        with self._path.with_suffix(".aborts").open("a+b") as aborts:
            aborts.write(b".")
            aborts.flush()
            return aborts.tell() - 1


class TrippingOptions(BaseModel):
    """What goes wrong, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Literal["none", "abort", "raise", "hang"] = Field(default="none", json_schema_extra={"analysis": False})
    camera: str = Field(default="clip", json_schema_extra={"analysis": False})
    frame: int = Field(default=30, json_schema_extra={"analysis": False})
    delay_s: float = Field(default=0.0, ge=0, le=10, json_schema_extra={"analysis": False})


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
        if (view.frame.camera, view.frame.index) == (self._options.camera, self._options.frame):
            self._trip()
        time.sleep(self._options.delay_s)
        number = read_barcode(view.pixels)
        if number is None:
            raise ValueError(f"frame {view.frame.index} shows no number")
        height, width = view.pixels.shape[:2]
        boxes = Pattern(width=width, height=height, rate=10, boxes=2).boxes_at(number)
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
