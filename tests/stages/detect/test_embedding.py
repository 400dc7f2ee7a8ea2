"""Vectors of what an object looks like, and that every engine gives the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import CannotStart
from pipeline.stage import View
from stages.detect.embedding import BANDS, pooled, weights
from stages.detect.export_cache import exported
from stages.detect.torch_embedding import pooled_batch
from stages.detect.yolo import YoloDetector
from tests.stages.detect.twins import twins

CANVAS = (128, 160)


def detector(model: Path, **options: Any) -> YoloDetector:
    plain = {"model": model, "device": "cpu", "precision": "f32", "imgsz": 160, "embedding": True}
    return YoloDetector(YoloDetector.Options.model_validate(plain | options))


def maps(seed: int = 1) -> list[Any]:
    random = np.random.default_rng(seed)
    return [random.normal(size=(channels, 16 >> k, 20 >> k)).astype(np.float32) for k, channels in enumerate((4, 6, 8))]


BOXES = np.array([[0, 0, 160, 128], [10, 20, 50, 90], [8, 8, 9, 9], [150, 100, 190, 140]], np.float32)


def test_weights_are_shares_of_the_cells_that_a_box_covers() -> None:
    across, down = weights(np.array([[0, 0, 24, 96]], np.float32), (16, 20), CANVAS)
    assert across[0, :4].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert down[0, :, :12].sum(axis=1).tolist() == pytest.approx([1] * BANDS)
    assert down[0, 0, :4].tolist() == pytest.approx([1 / 4] * 4)
    across, _ = weights(np.array([[4, 0, 12, 8]], np.float32), (16, 20), CANVAS)
    assert across[0, :3].tolist() == pytest.approx([1 / 2, 1 / 2, 0])


def test_every_vector_has_length_1_whatever_the_box() -> None:
    vectors = pooled(maps(), BOXES, canvas=CANVAS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, BANDS * (4 + 6 + 8))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert pooled(maps(), BOXES[:0], canvas=CANVAS).shape == (0, BANDS * 18)


def test_what_lies_outside_the_box_does_not_matter() -> None:
    plain, other = maps(), maps()
    for level in other:
        level[:, :, (level.shape[2] + 1) // 2 :] = 9
    left_half = np.array([[0, 0, 80, 128]], np.float32)
    assert np.array_equal(pooled(plain, left_half, canvas=CANVAS), pooled(other, left_half, canvas=CANVAS))


def test_a_batch_on_torch_gives_what_numpy_gives() -> None:
    import torch

    pictures = [maps(1), maps(2), maps(3)]
    boxes = [BOXES, BOXES[:0], BOXES[1:3]]
    stacked = [torch.from_numpy(np.stack(levels)) for levels in zip(*pictures, strict=True)]
    together = pooled_batch(torch, stacked, boxes, canvas=CANVAS)
    for own, levels, wanted in zip(together, pictures, boxes, strict=True):
        assert np.allclose(own, pooled(levels, wanted, canvas=CANVAS), atol=1e-5)


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
@pytest.mark.parametrize("head", ["one_to_many", "one_to_one"])
def test_engines_see_the_same(yolo26: Path, views: list[View], runtime: str, head: str) -> None:
    ours = detector(yolo26, runtime=runtime, head=head).process(views[:3])
    theirs = detector(yolo26, runtime="openvino", head=head).process(views[:3])
    compared = 0
    for left, right in zip(ours, theirs, strict=True):
        assert left.embedding is not None
        assert right.embedding is not None
        assert left.embedding.shape[1] == right.embedding.shape[1]
        for here, there in zip(*np.nonzero(twins(left, right)), strict=True):
            if np.abs(left.xyxy[here] - right.xyxy[there]).max() < 0.01:
                assert left.embedding[here] @ right.embedding[there] > 0.999
                compared += 1
    assert compared > 20


@pytest.mark.parametrize("runtime", ["torch", "openvino", "onnxruntime"])
def test_boxes_are_the_same_with_and_without_and_vectors_from_call_to_call(
    yolo11: Path, views: list[View], runtime: str
) -> None:
    found = detector(yolo11, runtime=runtime)
    once = [each.pack() for each in found.process(views)]
    assert [each.pack() for each in found.process(views[::-1])][::-1] == once
    plain = detector(yolo11, runtime=runtime, embedding=False)
    for with_vectors, without in zip(found.process(views), plain.process(views), strict=True):
        assert np.array_equal(with_vectors.xyxy, without.xyxy)
        assert without.embedding is None
    assert "embedding" in found.engine
    assert "embedding" not in plain.engine


def test_a_graph_that_hides_its_maps_is_refused(yolo11: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(str(exported(yolo11, head="one_to_many", target="onnx") / "model.onnx"))
    for node in model.graph.node:
        node.name = ""
    onnx.save(model, str(tmp_path / "nameless.onnx"))
    with pytest.raises(CannotStart, match="does not show its feature maps"):
        detector(tmp_path / "nameless.onnx", runtime="onnxruntime")
