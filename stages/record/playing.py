"""The pictures of a file of video, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.clock import SECOND
from pipeline.errors import SourceError
from pipeline.stage import Picture


def play(path: Path) -> Iterator[tuple[Picture, int]]:
    """Each picture, uint8 (height, width, 3) BGR, and its time in ns from the first one on, in the order of showing.

    What is damaged is left out. Raises ``SourceError`` for a file of which nothing can be decoded.
    """
    import av
    from av.error import FFmpegError, InvalidDataError

    first: int | None = None
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise SourceError(f"{path}: has no video")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except InvalidDataError:
                    continue
                for frame in frames:
                    if frame.pts is None or frame.time_base is None:
                        continue
                    first = frame.pts if first is None else first
                    pixels: Picture = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
                    yield pixels, round((frame.pts - first) * frame.time_base * SECOND)
    except FFmpegError as error:
        if first is None:
            raise SourceError(f"{path}: cannot be decoded: {error.strerror}") from error
    if first is None:
        raise SourceError(f"{path}: cannot be decoded: there is no picture in it")
