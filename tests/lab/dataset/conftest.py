"""Small data sets of drawn pictures, and observers that see what they are told to see."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.dataset.fusion import Fused
from lab.dataset.labelled import Dataset, LabelledImage
from pipeline.stage import Picture

Boxes = Sequence[tuple[float, float, float, float, int]]
"""Left, top, right, bottom, class."""


def drawn(path: Path, boxes: Boxes = (), *, seed: int = 0, size: tuple[int, int] = (120, 160)) -> LabelledImage:
    """A picture of coarse noise, which no other seed resembles, with its boxes."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
    cv2.imwrite(str(path), cv2.resize(cells, size[::-1], interpolation=cv2.INTER_CUBIC))
    rows = np.array(boxes, np.float64).reshape(-1, 5)
    return LabelledImage(
        path, size, rows[:, :4].astype(np.float32), rows[:, 4].astype(np.int32), path.stem.rsplit("_", 1)[0]
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two cameras, two classes, two splits; a picture without a box."""
    folder = tmp_path / "drawn"
    gate = [drawn(folder / f"gate_{i:03d}.png", [(10.5, 20.25, 60, 90, 0)], seed=i) for i in range(3)]
    yard = [drawn(folder / f"yard_{i:03d}.jpg", [(5, 5, 155, 110, 1), (0, 0, 160, 120, 0)], seed=9 + i) for i in (0, 1)]
    return Dataset(
        ("person", "car"), {"train": (*gate, yard[0]), "val": (yard[1], drawn(folder / "yard_007.jpg", seed=99))}
    )


class Seer:
    """Fulfils ``Observer``: sees the same boxes with the same confidence in each picture, at each size."""

    def __init__(self, boxes: Boxes, confidence: Sequence[float], *, knows: Sequence[int] = (0, 1, 2)) -> None:
        self.knows = frozenset(knows)
        self.asked: list[tuple[int, ...]] = []
        self._rows = np.array(boxes, np.float32).reshape(-1, 5)
        self._confidence = np.array(confidence, np.float32)

    def look(self, picture: Picture, *, sizes: Sequence[int], flip: bool) -> Fused:
        self.asked.append(tuple(sizes))
        votes = np.repeat(self._confidence[:, None], len(sizes) * (1 + flip), axis=1)
        return Fused(self._rows[:, :4], self._rows[:, 4].astype(np.int32), votes)


@pytest.fixture
def blank() -> Picture:
    """An empty picture of 640 x 480."""
    return np.zeros((480, 640, 3), np.uint8)


Same = Callable[[Dataset, Dataset], None]


@pytest.fixture
def same() -> Same:
    """Two data sets hold the same pictures with the same boxes, to a fiftieth of a pixel."""

    def compare(a: Dataset, b: Dataset) -> None:
        assert a.names == b.names
        assert {split: len(images) for split, images in a.splits.items()} == {
            split: len(images) for split, images in b.splits.items()
        }
        for split, images in a.splits.items():
            others = {image.path.name: image for image in b.splits[split]}
            for image in images:
                other = others[image.path.name]
                assert other.size == image.size
                assert other.camera == image.camera
                np.testing.assert_array_equal(other.class_id, image.class_id)
                np.testing.assert_allclose(other.xyxy, image.xyxy, atol=0.02)
                assert other.path.read_bytes() == image.path.read_bytes()

    return compare
