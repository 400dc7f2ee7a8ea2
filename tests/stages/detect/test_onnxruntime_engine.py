"""ONNX Runtime, and .onnx files as models: the same boxes as from the weights they were made from."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import CannotStart
from pipeline.stage import View
from stages.detect.export_cache import exported
from stages.detect.yolo import YoloDetector
from tests.stages.detect.twins import agree


def detector(model: Path, **options: Any) -> YoloDetector:
    plain = {"model": model, "device": "cpu", "precision": "f32", "imgsz": 160}
    return YoloDetector(YoloDetector.Options.model_validate(plain | options))


@pytest.fixture(scope="session")
def onnx_file(yolo11: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph as a user would have exported it."""
    folder = exported(yolo11, head="one_to_many", target="onnx")
    return Path(shutil.copyfile(folder / "model.onnx", tmp_path_factory.mktemp("onnx") / "mine.onnx"))


@pytest.mark.parametrize("head", ["one_to_many", "one_to_one"])
def test_it_finds_what_openvino_finds(yolo26: Path, views: list[View], head: str) -> None:
    ours = detector(yolo26, runtime="onnxruntime", head=head).process(views)
    theirs = detector(yolo26, runtime="openvino", head=head).process(views)
    assert sum(map(len, ours)) > 20
    assert min(agree(left, right) for left, right in zip(ours, theirs, strict=True)) > 0.95


def test_threads_and_batch_and_company_decide_nothing(yolo11: Path, views: list[View]) -> None:
    alone = [found.pack() for found in detector(yolo11, runtime="onnxruntime").process(views)]
    for options in ({"threads": 2}, {"batch": 3}, {"threads": 2, "batch": 4}):
        found = detector(yolo11, runtime="onnxruntime", **options)
        assert [each.pack() for each in found.process(views)] == alone
        assert [each.pack() for each in found.process(views[::-1])][::-1] == alone


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_an_onnx_file_finds_what_the_weights_find(
    yolo11: Path, onnx_file: Path, views: list[View], runtime: str
) -> None:
    ours = detector(onnx_file, runtime=runtime)
    assert ours.names == ["person", "bicycle", "car"]
    theirs = detector(yolo11, runtime=runtime).process(views)
    assert min(agree(left, right) for left, right in zip(ours.process(views), theirs, strict=True)) > 0.95


def test_it_is_exported_once(yolo11: Path) -> None:
    entry = exported(yolo11, head="one_to_many", target="onnx")
    made = (entry / "model.onnx").stat().st_mtime_ns
    assert exported(yolo11, head="one_to_many", target="onnx") == entry
    assert (entry / "model.onnx").stat().st_mtime_ns == made
    assert [path.name for path in entry.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\x08\x0a\x12 torn"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, content: bytes, runtime: str) -> None:
    file = tmp_path / "damaged.onnx"
    file.write_bytes(content)
    with pytest.raises(CannotStart, match=r"damaged\.onnx") as refused:
        detector(file, runtime=runtime)
    assert "\n" not in str(refused.value)


def test_a_graph_that_says_nothing_of_its_classes_is_refused(onnx_file: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(str(onnx_file))
    del model.metadata_props[:]
    bare = tmp_path / "bare.onnx"
    onnx.save(model, str(bare))
    with pytest.raises(CannotStart, match=r"bare\.onnx: .* missing or damaged"):
        detector(bare, runtime="onnxruntime")


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_canvas_too_small_for_300_boxes_is_refused_with_advice(yolo26: Path, views: list[View], runtime: str) -> None:
    small = detector(yolo26, runtime=runtime, head="one_to_one", imgsz=64)
    with pytest.raises(CannotStart, match="raise imgsz, or set head: one_to_many") as refused:
        small.process(views[:1])
    assert "\n" not in str(refused.value)


def test_torch_is_said_not_to_run_an_onnx_file(onnx_file: Path) -> None:
    with pytest.raises(CannotStart, match="set runtime: openvino or onnxruntime"):
        detector(onnx_file, runtime="torch")
