"""A video with MOTChallenge truth, as labelled pictures that are decoded when they are wanted."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.dataset.labelled import LabelledImage
from lab.evaluate.rows import read_mot
from lab.evaluate.truth import Truth
from pipeline.configuration.suggestions import did_you_mean_file
from pipeline.errors import UsageError
from pipeline.stage import Picture


@dataclass(frozen=True, slots=True)
class Sequence:
    """Every ``every``-th frame of a video, from the first, up to the last that the truth speaks of."""

    video: Path
    truth: Truth
    every: int

    def pictures(self) -> Iterator[Picture]:
        """The frames, uint8 (height, width, 3) BGR, one for each image of the truth; decoded anew each time.

        Raises ``UsageError`` where the video is shorter than the truth.
        """
        wanted = len(self.truth.images)
        given = 0
        for number, picture in enumerate(_decoded(self.video)):
            if number % self.every == 0:
                yield picture
                given += 1
            if given == wanted:
                return
        raise UsageError(f"{self.video}: ends after {given * self.every} frames, and the truth speaks of later ones")


def read_sequence(video: Path, truth: Path, *, class_name: str, every: int = 1) -> Sequence:
    """A video and the boxes of one class in it. Raises ``UsageError`` for files that cannot be read."""
    rows = read_mot(truth)
    if not len(rows):
        raise UsageError(f"{truth}: has no boxes to compare with")
    picture = next(_decoded(video), None)
    if picture is None:
        raise UsageError(f"{video}: has no frame")
    size = (picture.shape[0], picture.shape[1])
    images = []
    for frame in range(1, int(rows.frame.max()) + 1, every):
        xyxy = rows.xyxy[rows.frame == frame].astype(np.float32)
        images.append(LabelledImage(video, size, xyxy, np.zeros(len(xyxy), np.int32), video.stem))
    return Sequence(video, Truth((class_name,), tuple(images), "all", video.name), every)


def _decoded(video: Path) -> Iterator[Picture]:
    import av

    try:
        with av.open(str(video)) as container:
            for frame in container.decode(video=0):
                yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (OSError, IndexError, av.FFmpegError) as error:
        raise UsageError(f"{video}: cannot be decoded: {error}{did_you_mean_file(video)}") from error
