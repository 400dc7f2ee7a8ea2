"""A tiny network with random weights, and labelled pictures in which it is right because it made the labels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.yolo_format import write
from lab.detector import open_detector, read_picture, view
from pipeline.stage import Picture
from tests.lab.compress.networks import NAMES, SIDE, tiny


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BARTIZAN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def weights(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tiny YOLO11."""
    from lab.train.detect.network import write_network

    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    write_network(tiny("yolo11n.yaml"), path, facts={"imgsz": SIDE})
    return path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twenty pictures: blocks of colour on noise."""
    import cv2

    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(3)
    for number in range(20):
        picture = random.integers(0, 256, (120, 160, 3), np.uint8)
        top, left = random.integers(0, 60, 2)
        picture[top : top + 50, left : left + 40] = random.integers(0, 256, 3, np.uint8)
        cv2.imwrite(str(folder / f"{number:02}.png"), picture)
    return folder


@pytest.fixture(scope="session")
def dataset(weights: Path, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures, labelled with what the tiny network is surest of: it scores high on them."""
    detector = open_detector(weights, imgsz=SIDE, precision="f32")
    images = []
    for file in sorted(pictures.iterdir()):
        pixels: Picture = read_picture(file)
        found = detector.process([view(pixels)])[0].select(np.arange(6))
        images.append(LabelledImage(file, (120, 160), found.xyxy, found.class_id))
    folder = tmp_path_factory.mktemp("dataset")
    splits = {"train": tuple(images[:8]), "test": tuple(images[8:])}
    write(Dataset(NAMES, splits), folder)
    return folder
