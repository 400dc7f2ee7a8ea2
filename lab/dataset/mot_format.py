"""MOTChallenge truth (https://motchallenge.net/instructions) and the recording it belongs to, as labelled frames."""

import configparser
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lab.dataset.frames import frames
from lab.dataset.labelled import Dataset, LabelledImage
from lab.evaluate.rows import Rows, read_mot
from pipeline.errors import UsageError

VIDEOS = (".avi", ".mp4", ".mkv", ".mov", ".webm", ".ts")


def read(source: Path, pictures: Path | None, out: Path, *, name: str = "person", every: int = 1) -> Dataset:
    """Frames ``1, 1 + every, ...`` of a sequence, written below ``out`` as JPEG, with the boxes of its ``gt.txt``.

    ``source`` is the sequence's folder (``gt/gt.txt`` and ``img1/`` or a video), or its ``gt.txt`` with ``pictures``
    naming the video or folder of pictures. Rows flagged 0 (not counted by the benchmark) are left out. All boxes are
    of class ``name``. Raises ``UsageError``.
    """
    truth = _truth(source)
    video = pictures or _video(truth.parent.parent if truth.parent.name == "gt" else truth.parent)
    camera = (truth.parent.parent if truth.parent.name == "gt" else truth.parent).name
    rows = read_mot(truth, flagged=False)
    out.mkdir(parents=True, exist_ok=True)
    images = tuple(_labelled(video, rows, camera, out, every))
    last = int(rows.frame.max(initial=0))
    if not images or last > images[-1][0] + every - 1:
        ended = images[-1][0] if images else 0
        raise UsageError(
            f"{truth}: speaks of frame {last}, but {video} ends near frame {ended}; is it the same recording?"
        )
    return Dataset((name,), {"train": tuple(image for _, image in images)})


def _labelled(video: Path, rows: Rows, camera: str, out: Path, every: int) -> Iterator[tuple[int, LabelledImage]]:
    import cv2

    for captured in frames(str(video), camera):
        number = captured.frame.index + 1
        if (number - 1) % every:
            continue
        path = out / f"{camera}_{number:06d}.jpg"
        if not cv2.imwrite(str(path), captured.pixels, [cv2.IMWRITE_JPEG_QUALITY, 95]):
            raise UsageError(f"{path}: cannot be written")
        height, width = captured.pixels.shape[:2]
        xyxy = np.clip(rows.xyxy[rows.frame == number], 0, (width, height, width, height)).astype(np.float32)
        xyxy = xyxy[(xyxy[:, 2:] - xyxy[:, :2]).min(axis=1, initial=np.inf) >= 1]
        yield number, LabelledImage(path, (height, width), xyxy, np.zeros(len(xyxy), np.int32), camera)


def _truth(source: Path) -> Path:
    candidates = [source] if source.is_file() else [source / "gt" / "gt.txt", source / "gt.txt"]
    found = next((file for file in candidates if file.is_file()), None)
    if found is None:
        raise UsageError(f"{source}: has no gt/gt.txt")
    return found


def _video(folder: Path) -> Path:
    info = configparser.ConfigParser(interpolation=None)
    if (folder / "seqinfo.ini").is_file():
        info.read(folder / "seqinfo.ini")
    pictures = folder / info.get("Sequence", "imDir", fallback="img1")
    videos = sorted(file for file in folder.iterdir() if file.suffix.lower() in VIDEOS)
    if pictures.is_dir():
        return pictures
    if len(videos) != 1:
        raise UsageError(f"{folder}: holds {len(videos)} videos and no img1; name the recording with --pictures")
    return videos[0]
