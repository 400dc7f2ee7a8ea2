"""The picture that is to be explained: a picture file, or one frame of a recording."""

from pathlib import Path

import numpy as np

from lab.detector import read_picture
from pipeline.errors import UsageError
from pipeline.stage import Picture

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def read(path: Path, frame: int | None) -> Picture:
    """uint8 (height, width, 3), BGR; ``frame`` counts from 0 and is for recordings. Raises ``UsageError``."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    if path.suffix.lower() in PICTURES:
        if frame:
            raise UsageError(f"{path}: is a picture, --frame is for recordings")
        return read_picture(path)
    import cv2

    capture = cv2.VideoCapture(str(path))
    try:
        for number in range(frame or 0):  # seeking by number is wrong on some containers
            if not capture.grab():
                raise UsageError(f"{path}: has {number} frames, so there is no frame {frame}")
        read, pixels = capture.read()
    finally:
        capture.release()
    if not read:
        raise UsageError(f"{path}: cannot be decoded, or has no frame {frame or 0}")
    return np.asarray(pixels, np.uint8)
