"""USB cameras by number: the one place that opens a device."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import SourceRefused

if TYPE_CHECKING:
    import cv2


def require_device(number: int) -> str:
    """The path of device ``number`` on Linux. Raises ``SourceRefused`` if there is none."""
    path = Path(f"/dev/video{number}")
    if sys.platform == "linux" and not path.exists():
        present = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
        raise SourceRefused(f"usb:{number}: no camera at {path}; present: {present}")
    return str(path)


def open_device(number: int) -> "cv2.VideoCapture":
    """Device ``number`` through OpenCV. Raises ``SourceRefused`` if there is none."""
    import cv2

    require_device(number)
    return cv2.VideoCapture(number, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
