"""Pictures of a clip at the rate that the model looks at."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.detector import read_picture
from lab.train.behaviour.clips import PICTURES
from pipeline.errors import UsageError
from pipeline.stage import Picture


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture: frame number from 0 in the recording, seconds since its start."""

    index: int
    time_s: float
    pixels: Picture


def moments(path: Path, *, fps: float, pictures_fps: float = 25.0) -> Iterator[Moment]:
    """The first picture of each ``1 / fps`` seconds of a video, or of a folder of pictures at ``pictures_fps``.

    A recording slower than ``fps`` gives all it has. Raises ``UsageError`` for what cannot be decoded.
    """
    due = 0.0
    for moment in _pictures(path, pictures_fps) if path.is_dir() else _video(path):
        if moment.time_s >= due - 1e-6:
            # On the grid of 1 / fps, so that the mean rate is right whatever the recording's own.
            due = (int(moment.time_s * fps + 1e-6) + 1) / fps
            yield moment


def _pictures(folder: Path, fps: float) -> Iterator[Moment]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
    for index, file in enumerate(files):
        yield Moment(index, index / fps, read_picture(file))


def _video(path: Path) -> Iterator[Moment]:
    import av  # OpenCV's reader aborts the process on some files

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "SLICE"
            rate = float(stream.average_rate or 25)
            first: float | None = None
            for index, frame in enumerate(container.decode(stream)):
                time_s = frame.time if frame.time is not None else index / rate
                first = time_s if first is None else first
                yield Moment(index, time_s - first, np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
    except (av.FFmpegError, IndexError, OSError) as error:
        raise UsageError(f"{path}: cannot be decoded as a video: {error}") from error
