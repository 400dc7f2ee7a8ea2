"""The tracker on the public detections of the MOTChallenge 2015: no detector, so it is quick and the same everywhere.

The figures to beat are those of ultralytics' ByteTrack on the same detections, all rows of the truth counted.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from lab.evaluate.rows import read_mot, read_result
from lab.evaluate.track import evaluate
from pipeline.detections import Detections
from pipeline.messages import Frame, Status
from pipeline.stage import TrackedFrame
from stages.track.export import write_tracks
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker

pytestmark = pytest.mark.footage

SCENES = {
    "PETS09-S2L1": ("videos/mot15/PETS09-S2L1", 7, (768, 576), 0.61, 0.50),
    "TUD-Stadtmitte": ("videos/mot15/TUD-Stadtmitte", 25, (640, 480), 0.70, 0.71),
    "ADL-Rundle-6": ("datasets/mot15_gt/ADL-Rundle-6", 30, (1920, 1080), 0.34, 0.45),
    "KITTI-17": ("datasets/mot15_gt/KITTI-17", 10, (1224, 370), 0.50, 0.62),
}
"""Folder of the truth, frames a second, size; least MOTA and IDF1."""


def followed(table: npt.NDArray[np.float64], fps: int, size: tuple[int, int]) -> list[TrackedFrame]:
    tracker = ByteTracker(TrackOptions())
    frames = []
    for index in range(int(table[:, 0].max())):
        rows = table[table[:, 0] == index + 1]
        xyxy = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1).astype(np.float32)
        boxes = Detections(xyxy, rows[:, 6].astype(np.float32), np.zeros(len(rows), np.int32))
        media_ns = round(index * 1e9 / fps)
        frame = Frame(camera="c", session=0, index=index, media_ns=media_ns, width=size[0], height=size[1])
        frames.append(TrackedFrame(index, media_ns, tracker.update(frame, Status.ANALYSED, boxes)))
    return frames


@pytest.mark.parametrize("scene", SCENES)
def test_tracks_on_public_detections_are_as_good_as_they_were(footage: Path, tmp_path: Path, scene: str) -> None:
    folder, fps, size, mota, idf1 = SCENES[scene]
    table = np.loadtxt(footage / "datasets" / "mot15_det" / scene / "det" / "det.txt", delimiter=",")
    write_tracks(followed(table, fps, size), ["person"], tmp_path / "tracks.parquet", fill=True)
    truth = read_mot(footage / folder / "gt" / "gt.txt")
    causal = evaluate(read_result(tmp_path / "tracks.parquet", class_name="person", filled=False), truth)
    filled = evaluate(read_result(tmp_path / "tracks.parquet", class_name="person", filled=True), truth)
    assert causal.mota >= mota
    assert causal.idf1 >= idf1
    assert filled.idf1 >= causal.idf1 - 0.03
