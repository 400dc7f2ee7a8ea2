"""A detector that labels pictures for others to learn from: asked at several sizes, and of the mirror image."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.dataset.fusion import Fused, fuse
from lab.detector import open_detector, view
from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.stage import Detector, Picture

if TYPE_CHECKING:
    from stages.detect.yolo import YoloDetector


class Teacher:
    """One model, whose classes become those of ``classes`` by their names; its others are not heard.

    ``options`` go to the detector (``stages.detect.options``). Raises ``UsageError`` when it knows none of the
    classes, ``CannotStart`` for weights that cannot be loaded.
    """

    def __init__(self, model: Path, classes: Sequence[str], *, confidence: float = 0.05, **options: Any) -> None:
        self._model = model
        self._options = {"confidence": confidence} | options
        self._by_size: dict[int, YoloDetector] = {}
        first = self._detector(640)
        self.model = first.model
        self.classes = tuple(classes)
        self._number = np.array([classes.index(name) if name in classes else -1 for name in first.names], np.int32)
        self.knows = frozenset(int(number) for number in self._number if number >= 0)
        """Which of the classes it can see, by number."""
        if not self.knows:
            raise UsageError(
                f"teacher {model} knows none of {', '.join(classes)}; it knows {', '.join(first.names[:12])}"
            )

    def look(self, picture: Picture, *, sizes: Sequence[int], flip: bool) -> Fused:
        """What it sees in a picture (uint8 (height, width, 3), BGR), one vote for each size and mirror image."""
        views = [self._see(self._detector(size), picture) for size in sizes]
        if flip:
            mirror = np.ascontiguousarray(picture[:, ::-1])
            views += [_mirrored(self._see(self._detector(size), mirror), picture.shape[1]) for size in sizes]
        return fuse(views)

    def _see(self, detector: Detector, picture: Picture) -> Detections:
        (found,) = detector.process([view(picture)])
        numbers = self._number[found.class_id]
        return Detections(found.xyxy, found.confidence, numbers).select(numbers >= 0)

    def _detector(self, size: int) -> "YoloDetector":
        if size not in self._by_size:
            self._by_size[size] = open_detector(self._model, imgsz=size, **self._options)
        return self._by_size[size]


def _mirrored(found: Detections, width: int) -> Detections:
    xyxy = found.xyxy.copy()
    xyxy[:, [0, 2]] = width - found.xyxy[:, [2, 0]]
    return Detections(xyxy, found.confidence, found.class_id)
