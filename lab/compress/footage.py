"""Frames for calibration, chosen from what the user's cameras see: unlike one another, with and without objects."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.compress.proof_pictures import ProofPictures
from lab.dataset.selection import select
from lab.dataset.yolo_format import PICTURES, read
from lab.detector import read_picture
from pipeline.errors import UsageError
from pipeline.stage import Picture

CANDIDATES = 300
"""Frames that are looked at, spread evenly over the footage."""
EMPTY_SHARE = 0.25
"""Share of frames without objects, where there are any: a camera's most frequent frame is an empty one."""
THUMBNAIL = (16, 12)

FloatArray = npt.NDArray[np.float32]


def choose(
    source: Path, count: int, *, holds_objects: Callable[[Picture], bool], left_out: ProofPictures | None = None
) -> list[Picture]:
    """Up to ``count`` frames of a video, a folder of pictures or videos, or a data set, but for pictures ``left_out``.

    Pictures are left out by the content of their files. What a video shows is not compared: one from which such
    pictures were cut must not be named.

    Frames with and without objects are chosen apart, each time the one least like those chosen before. Raises
    ``UsageError`` if there is nothing to read.
    """
    frames = list(_spread(source, left_out or ProofPictures()))
    looks = np.stack([_look(frame) for frame in frames])
    full = np.array([holds_objects(frame) for frame in frames], np.bool_)
    with_objects, empty = np.flatnonzero(full), np.flatnonzero(~full)
    quota = min(len(empty), max(round(count * EMPTY_SHARE), count - len(with_objects)))
    halves = ((with_objects, count - quota), (empty, quota))
    chosen = [half[pick.number] for half, many in halves for pick in select(looks[half], _equal(half), many)]
    return [frames[number] for number in sorted(chosen)]


def _equal(half: npt.NDArray[np.intp]) -> FloatArray:
    return np.ones(len(half), np.float32)


def _look(frame: Picture) -> FloatArray:
    import cv2

    small = cv2.resize(frame, THUMBNAIL, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).ravel() / np.float32(255)


def _spread(source: Path, left_out: ProofPictures) -> Iterator[Picture]:
    if not source.exists():
        raise UsageError(f"--calibrate {source}: does not exist; name a video, a folder of pictures or a data set")
    if source.is_file() and source.suffix.lower() not in (".yaml", ".yml"):
        yield from _of_video(source, CANDIDATES)
        return
    if source.is_file() or any(source.glob("*.y*ml")):
        pictures = [image.path for image in read(source)]
    else:
        pictures = sorted(file for file in source.rglob("*") if file.suffix.lower() in PICTURES)
    left = [picture for picture in pictures if picture not in left_out]
    if pictures and not left:
        raise UsageError(f"--calibrate {source}: holds only the pictures that the model is proved on; name others")
    if not pictures:
        videos = sorted(file for file in source.iterdir() if file.is_file() and not file.name.startswith("."))
        if not videos:
            raise UsageError(f"--calibrate {source}: holds neither pictures nor videos")
        for video in videos:
            yield from _of_video(video, max(CANDIDATES // len(videos), 1))
        return
    for number in _evenly(len(left), CANDIDATES):
        yield read_picture(left[number])


def _of_video(video: Path, count: int) -> Iterator[Picture]:
    import av

    try:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            total = stream.frames or sum(1 for packet in container.demux(stream) if packet.size)
        wanted = set(_evenly(total, count))
        with av.open(str(video)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise UsageError(f"--calibrate {video}: cannot be read as a video: {error}") from error


def _evenly(total: int, count: int) -> list[int]:
    places = np.linspace(0, max(total - 1, 0), min(count, total)).round().astype(int)
    return [int(place) for place in np.unique(places)]
