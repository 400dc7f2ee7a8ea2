"""A detector with random weights and a data set that it is right about, made on the spot."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.yolo_format import write
from lab.detector import detect, open_detector, read_picture

NAMES = ("person", "bicycle", "car")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BARTIZAN_CACHE", os.fspath(folder))
        yield folder


def random_network(path: Path, *, seed: int) -> Path:
    """YOLO11n with random weights whose scores depend on the picture."""
    from stages.detect.offline import import_ultralytics

    ultralytics: Any = import_ultralytics()
    import torch

    torch.manual_seed(seed)
    network = ultralytics.YOLO("yolo11n.yaml", task="detect")
    network.model = type(network.model)(network.model.yaml | {"nc": len(NAMES)}, verbose=False)
    network.model.names = dict(enumerate(NAMES))
    for head in network.model.model[-1].cv3:
        torch.nn.init.normal_(head[-1].weight, std=0.1)
        torch.nn.init.constant_(head[-1].bias, -1.0)
    for layer in network.model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
    network.model.train()
    with torch.no_grad():
        for _ in range(3):
            network.model(torch.rand(4, 3, 96, 128))
    network.model.eval()
    network.save(str(path))
    return path


@pytest.fixture(scope="session")
def weights(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint."""
    return random_network(tmp_path_factory.mktemp("weights") / "right.pt", seed=7)


@pytest.fixture(scope="session")
def other_weights(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that finds other things."""
    return random_network(tmp_path_factory.mktemp("weights") / "wrong.pt", seed=8)


@pytest.fixture(scope="session")
def dataset(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A YOLO data set of ten pictures from two cameras, labelled with all that ``weights`` is 60 % sure of."""
    import cv2

    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(3)
    paths = []
    for number in range(10):
        picture = random.integers(0, 256 if number < 8 else 60, (96, 128, 3), np.uint8)
        for _ in range(3):
            top, left = random.integers(0, 50, 2)
            picture[top : top + 40, left : left + 30] = random.integers(0, 256, 3, np.uint8)
        paths.append(folder / f"{'gate' if number % 2 else 'yard'}_{number:03}.png")
        cv2.imwrite(str(paths[-1]), picture)
    detector = open_detector(weights, imgsz=128, confidence=0.6, runtime="torch", device="cpu")
    images = []
    for path, found in zip(paths, detect(detector, map(read_picture, paths)), strict=True):
        camera = path.stem.partition("_")[0]
        images.append(LabelledImage(path, (96, 128), found.xyxy, found.class_id, camera))
    assert all(map(len, images)), "the random network finds something in each picture"
    return write(Dataset(NAMES, {"val": tuple(images)}), tmp_path_factory.mktemp("dataset")).parent
