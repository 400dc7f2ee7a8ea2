"""A tiny network, exported and quantised as a user would have it, and pictures that it is right about."""

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.yolo_format import write
from lab.detector import open_detector, read_picture, view
from stages.detect.export_cache import exported
from stages.detect.openvino_core import openvino_core
from tests.lab.compress.networks import NAMES, SIDE, tiny


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BARTIZAN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def weights(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tiny YOLO11 with random weights."""
    from lab.train.detect.network import write_network

    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    write_network(tiny("yolo11n.yaml"), path, facts={"imgsz": SIDE})
    return path


@pytest.fixture(scope="session")
def quantised(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in INT8, quantised by NNCF on noise: a graph of the kind, not a good one."""
    nncf: Any = import_module("nncf")
    ov: Any = import_module("openvino")
    source = exported(weights, head="one_to_many")
    random = np.random.default_rng(1)
    noise = [random.random((1, 3, SIDE, SIDE), np.float32) for _ in range(4)]
    model = nncf.quantize(openvino_core().read_model(source / "model.xml"), nncf.Dataset(noise), subset_size=4)
    folder = tmp_path_factory.mktemp("quantised") / "tiny-int8"
    folder.mkdir()
    ov.save_model(model, folder / "model.xml", compress_to_fp16=False)
    shutil.copyfile(source / "metadata.yaml", folder / "metadata.yaml")
    return folder


@pytest.fixture(scope="session")
def dataset(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures of two sizes, labelled with all that the network finds over 0.1: it scores high on them."""
    import cv2

    folder = tmp_path_factory.mktemp("pictures")
    detector = open_detector(weights, imgsz=SIDE, precision="f32")
    random = np.random.default_rng(3)
    images = []
    for number in range(8):
        size = (120, 160) if number % 4 else (96, 96)
        picture = random.integers(0, 256, (*size, 3), np.uint8)
        top, left = random.integers(0, 50, 2)
        picture[top : top + 40, left : left + 30] = random.integers(0, 256, 3, np.uint8)
        file = folder / f"{number}.png"
        cv2.imwrite(str(file), picture)
        found = detector.process([view(read_picture(file))])[0]
        images.append(LabelledImage(file, size, found.xyxy, found.class_id))
    out = tmp_path_factory.mktemp("dataset")
    write(Dataset(NAMES, {"val": tuple(images)}), out)
    return out


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty frames of which every one has another brightness."""
    import cv2

    file = tmp_path_factory.mktemp("video") / "clip.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    for number in range(30):
        writer.write(np.full((120, 160, 3), 8 * number, np.uint8))
    writer.release()
    return file
