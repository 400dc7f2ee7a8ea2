"""The crops of each track in a clip, found by the detector and the tracker as they are deployed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lab.train.behaviour.footage import Moment
from pipeline.stage import Picture

if TYPE_CHECKING:
    from stages.detect.yolo import YoloDetector

SMALLEST_PX = 12


class TrackCutter:
    """Cuts people out of clips. Raises ``CannotStart`` if the detector cannot be loaded."""

    def __init__(self, weights: Path, *, margin: float) -> None:
        from lab.detector import open_detector

        self._detector: YoloDetector = open_detector(weights, classes=("person",), device="cpu", precision="f32")
        self._margin = margin

    def cut(self, footage: Iterable[Moment]) -> Iterator[tuple[int, Moment]]:
        """Track id and crop, moment by moment, as the tracks of a recording become known."""
        from lab.detector import view
        from pipeline.messages import Frame, Status
        from stages.track.options import TrackOptions
        from stages.track.tracker import ByteTracker

        tracker = ByteTracker(TrackOptions())
        for moment in footage:
            detections = self._detector.process([view(moment.pixels, moment.index)])[0]
            frame = Frame("lab", 0, moment.index, int(moment.time_s * 1e9) + 1)
            tracks = tracker.update(frame, Status.ANALYSED, detections)
            for track_id, box in zip(tracks.track_id.tolist(), tracks.xyxy, strict=True):
                crop = widened(moment.pixels, box, self._margin)
                if min(crop.shape[:2]) >= SMALLEST_PX:
                    yield track_id, Moment(moment.index, moment.time_s, crop.copy())


def widened(picture: Picture, xyxy: npt.NDArray[np.float32], margin: float) -> Picture:
    """The part of a picture within a box (4,) widened by ``margin`` of its size on each side; a view, maybe empty."""
    height, width = picture.shape[:2]
    across, down = (xyxy[2] - xyxy[0]) * margin, (xyxy[3] - xyxy[1]) * margin
    left, top = max(int(xyxy[0] - across), 0), max(int(xyxy[1] - down), 0)
    right, bottom = min(int(np.ceil(xyxy[2] + across)), width), min(int(np.ceil(xyxy[3] + down)), height)
    return picture[top : max(bottom, top), left : max(right, left)]
