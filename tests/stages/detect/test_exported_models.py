"""Models that the user exported to OpenVINO himself."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import CannotStart
from pipeline.stage import View
from stages.detect.export_cache import exported
from stages.detect.yolo import YoloDetector


def detector(model: Path, **options: Any) -> YoloDetector:
    plain = {"model": model, "device": "cpu", "precision": "f32", "imgsz": 160}
    return YoloDetector(YoloDetector.Options.model_validate(plain | options))


@pytest.fixture(scope="session")
def folder(yolo11: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(exported(yolo11, head="one_to_many"), tmp_path_factory.mktemp("exported") / "mine"))


@pytest.fixture(scope="session")
def fixed(ultralytics: Any, yolo11: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import warnings

    copy = tmp_path_factory.mktemp("fixed") / "tiny.pt"
    shutil.copyfile(yolo11, copy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Path(ultralytics.YOLO(str(copy)).export(format="openvino", imgsz=160))


def test_an_exported_folder_or_its_graph_finds_what_the_weights_find(
    yolo11: Path, folder: Path, views: list[View]
) -> None:
    expected = [found.pack() for found in detector(yolo11).process(views)]
    for model in (folder, folder / "model.xml"):
        assert [found.pack() for found in detector(model).process(views)] == expected


def test_a_graph_of_one_size_gets_pictures_of_that_size(fixed: Path, views: list[View]) -> None:
    found = detector(fixed, imgsz=320)
    for view, detections in zip(views, found.process(views), strict=True):
        height, width = view.pixels.shape[:2]
        assert len(detections) > 0
        assert (detections.xyxy <= [width, height, width, height]).all()


def test_a_folder_without_a_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"must be a \.pt, an \.xml, or a folder with one \.xml"):
        detector(tmp_path)


def test_a_graph_without_its_description_is_refused(folder: Path, tmp_path: Path) -> None:
    for part in ("model.xml", "model.bin"):
        shutil.copyfile(folder / part, tmp_path / part)
    with pytest.raises(CannotStart, match=r"metadata\.yaml: .* missing or damaged"):
        detector(tmp_path)


def test_a_damaged_graph_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "model.xml").write_text("<nonsense")
    with pytest.raises(CannotStart, match="not an OpenVINO model"):
        detector(copy)
