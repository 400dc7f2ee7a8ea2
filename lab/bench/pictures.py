"""What the contenders look at."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lab.detector import read_picture
from pipeline.configuration.suggestions import did_you_mean_file
from pipeline.errors import UsageError
from pipeline.stage import Picture


def from_video(source: Path, count: int) -> list[Picture]:
    """Frames of a recording, spread evenly over it. Raises ``UsageError``."""
    import av  # OpenCV's reader aborts the process on some files

    if not source.is_file():
        raise UsageError(f"--source {source}: is not there; name a recording{did_you_mean_file(source)}")
    try:
        with av.open(str(source)) as container:
            length = sum(1 for _ in container.decode(video=0))
        wanted = set(np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist())
        with av.open(str(source)) as container:
            pictures = [
                np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                for number, frame in enumerate(container.decode(video=0))
                if number in wanted
            ]
    except (av.FFmpegError, IndexError) as error:
        raise UsageError(f"--source {source}: cannot be read as a recording: {error}") from error
    if not pictures:
        raise UsageError(f"--source {source}: holds no frame that can be decoded")
    return pictures


def of_one_shape(pictures: Sequence[Picture]) -> list[Picture]:
    """Those of the most frequent shape: a batch takes pictures of one canvas."""
    shape, _ = Counter(picture.shape for picture in pictures).most_common(1)[0]
    return [picture for picture in pictures if picture.shape == shape]


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
