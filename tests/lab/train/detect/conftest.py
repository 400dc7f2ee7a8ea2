"""A small network with random weights, and a data set of coloured squares that can be learned in seconds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lab.dataset import yolo_format
from lab.dataset.labelled import Dataset, LabelledImage
from stages.detect.offline import import_ultralytics

NAMES = ("dog", "person")
SIDE = 96


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BARTIZAN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def start(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights with the classes person, car, dog, and two heads."""
    import torch

    from lab.train.detect.network import write_network

    import_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(5)
    build: Any = DetectionModel
    network = build("yolo26n.yaml", nc=3, verbose=False)
    network.names = {0: "person", 1: "car", 2: "dog"}
    network.train()
    with torch.no_grad():  # batch norm's statistics, or the signal dies on its way
        for _ in range(4):
            network(torch.rand(8, 3, SIDE, SIDE))
    path = tmp_path_factory.mktemp("start") / "start.pt"
    write_network(network, path, facts={"imgsz": SIDE})
    return path


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures for training and four to validate: red squares are persons, blue ones dogs."""
    folder = tmp_path_factory.mktemp("squares")
    draw = np.random.default_rng(1)
    splits = {
        "train": tuple(_picture(folder, f"train-{number}", draw) for number in range(8)),
        "val": tuple(_picture(folder, f"val-{number}", draw) for number in range(4)),
    }
    yolo_format.write(Dataset(NAMES, splits), folder / "set")
    return folder / "set"


def _picture(folder: Path, name: str, draw: np.random.Generator) -> LabelledImage:
    pixels = draw.integers(90, 130, (SIDE, SIDE, 3), np.uint8)
    boxes, classes = [], []
    for class_id, colour in ((1, (0, 0, 255)), (0, (255, 0, 0))):
        left, top = draw.integers(2, SIDE - 36, 2)
        pixels[top : top + 32, left : left + 32] = colour
        boxes.append([left, top, left + 32, top + 32])
        classes.append(class_id)
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), pixels)
    return LabelledImage(path, (SIDE, SIDE), np.array(boxes, np.float32), np.array(classes, np.int32), "squares")
