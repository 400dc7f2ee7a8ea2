"""The detector as it is deployed, for the laboratory to measure: same engine, same letterbox, same suppression."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.messages import Frame
from pipeline.stage import Detector, Picture, View

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from stages.detect.yolo import YoloDetector


def open_detector(model: Path | str, **options: Any) -> "YoloDetector":
    """The detector ``yolo`` with these weights and options (``stages.detect.options``), every ``auto`` resolved.

    Raises ``UsageError`` for options that do not fit together, ``CannotStart`` for weights that cannot be loaded.
    """
    from pydantic import ValidationError

    from stages.detect.options import YoloOptions
    from stages.detect.yolo import YoloDetector

    try:
        wanted = YoloOptions(model=Path(model), **options)
    except ValidationError as error:
        raise UsageError("\n".join(map(_said, error.errors()))) from error
    return YoloDetector(YoloDetector.resolve(wanted))


def _said(fault: "ErrorDetails") -> str:
    """What pydantic found, in the words of the command line; what is wrong with several options names them itself."""
    words = fault["msg"].removeprefix("Value error, ")
    words = words[:1].lower() + words[1:]
    return f"--{str(fault['loc'][0]).replace('_', '-')} {fault['input']}: {words}" if fault["loc"] else words


def detect(detector: Detector, pictures: Iterable[Picture]) -> Iterator[Detections]:
    """The boxes of each picture (uint8 (height, width, 3), BGR), in order, one picture at a time."""
    for number, pixels in zip(count(), pictures, strict=False):
        yield detector.process([view(pixels, number)])[0]


def view(pixels: Picture, number: int = 0) -> View:
    """A picture dressed as the frame of a camera."""
    height, width = pixels.shape[:2]
    return View(Frame("lab", 0, number, number, width=width, height=height), pixels)


def read_picture(path: Path) -> Picture:
    """A picture file as uint8 (height, width, 3), BGR. Raises ``UsageError`` if it cannot be decoded."""
    import cv2

    try:
        # Not imread: OpenCV 5.0 dies of names that are not UTF-8.
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    pixels = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if pixels is None:
        raise UsageError(f"{path}: cannot be decoded as a picture")
    return pixels  # type: ignore[return-value]  # cv2 says any dtype; IMREAD_COLOR gives uint8
