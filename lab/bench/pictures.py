"""What the contenders look at."""

from pathlib import Path

import numpy as np

from lab.detector import read_picture
from pipeline.errors import UsageError
from pipeline.stage import Picture


def from_video(source: Path, count: int) -> list[Picture]:
    """Frames of a recording, spread evenly over it. Raises ``UsageError``."""
    import cv2

    if not source.is_file():
        raise UsageError(f"--source {source}: is not there; name a recording")
    length = sum(1 for _ in iter(cv2.VideoCapture(str(source)).grab, False))
    wanted = set(np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist())
    video, pictures = cv2.VideoCapture(str(source)), []
    for number in range(length):
        video.grab()
        there, frame = video.retrieve() if number in wanted else (False, None)
        if there and frame is not None:
            pictures.append(np.asarray(frame, np.uint8))
    if not pictures:
        raise UsageError(f"--source {source}: holds no frame that can be decoded")
    return pictures


def from_files(files: list[Path], count: int) -> list[Picture]:
    """Some of the files, spread evenly. Raises ``UsageError`` for one that cannot be decoded."""
    numbers = np.unique(np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int))
    return [read_picture(files[number]) for number in numbers]


def made_up(count: int) -> list[Picture]:
    """Blurred noise of 1280 x 720: good for times, not for what is found."""
    import cv2

    random = np.random.default_rng(1)
    coarse = random.integers(0, 256, (count, 18, 32, 3), np.uint8)
    return [np.asarray(cv2.resize(one, (1280, 720), interpolation=cv2.INTER_CUBIC), np.uint8) for one in coarse]
