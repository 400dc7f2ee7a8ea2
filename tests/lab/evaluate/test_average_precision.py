"""Average precision is COCO's, and resampling counts pictures as often as they are drawn."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest

from lab.evaluate.average_precision import Scores
from lab.evaluate.tally import COCO_IOUS, Tally, tally
from pipeline.detections import Detections


def random_scene(
    random: np.random.Generator, *, classes: int, most: int = 12
) -> tuple[Detections, np.ndarray, np.ndarray]:
    """Boxes that are there, and boxes found: some of them near those, some anywhere; confidences tie now and then."""
    m = int(random.integers(0, most))
    low = random.uniform(0, 400, (m, 2))
    xyxy = np.concatenate([low, low + random.uniform(4, 250, (m, 2))], axis=1).astype(np.float32)
    class_id = random.integers(0, classes, m).astype(np.int32)
    near = np.repeat(np.arange(m), random.integers(0, 3, m))
    jitter = random.normal(0, 6, (len(near), 4)).astype(np.float32)
    other = int(random.integers(0, most))
    start = random.uniform(0, 400, (other, 2))
    anywhere = np.concatenate([start, start + random.uniform(4, 250, (other, 2))], axis=1).astype(np.float32)
    boxes = np.concatenate([xyxy[near] + jitter, anywhere])
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    called = np.concatenate([class_id[near], random.integers(0, classes, other)]).astype(np.int32)
    confidence = np.round(random.uniform(0.001, 1, len(boxes)), 2 if random.random() < 0.3 else 6).astype(np.float32)
    return Detections(boxes.astype(np.float32), confidence, called), xyxy, class_id


Scene = tuple[Detections, np.ndarray, np.ndarray]


def scenes(seed: int, *, count: int = 25, classes: int = 4) -> list[Scene]:
    random = np.random.default_rng(seed)
    return [random_scene(random, classes=classes) for _ in range(count)]


def scores_of(made: list[Scene]) -> Scores:
    return Scores([tally(found, xyxy, class_id) for found, xyxy, class_id in made])


def pycocotools_precisions(made: list[Scene], *, classes: int) -> np.ndarray:
    """Average precision (classes, t) by the reference implementation."""
    from pycocotools.coco import COCO  # type: ignore[import-untyped]  # ships no stubs
    from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]  # ships no stubs

    truth: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image, (found, xyxy, class_id) in enumerate(made, 1):
        for box, c in zip(xyxy.astype(float), class_id, strict=True):
            size = box[2:] - box[:2]
            truth.append({"id": len(truth) + 1, "image_id": image, "category_id": int(c) + 1, "iscrowd": 0,
                          "bbox": [*box[:2], *size], "area": float(size.prod())})  # fmt: skip
        for box, sure, c in zip(found.xyxy.astype(float), found.confidence, found.class_id, strict=True):
            results.append({"image_id": image, "category_id": int(c) + 1, "score": float(sure),
                            "bbox": [*box[:2], *(box[2:] - box[:2])]})  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i + 1} for i in range(len(made))],
            "annotations": truth,
            "categories": [{"id": c + 1, "name": str(c)} for c in range(classes)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.params.maxDets = [1, 10, 1000]
        # Else a recall of 3/10 is not "at least" linspace's 0.30000000000000004 to it.
        evaluation.params.recThrs = np.linspace(0, 1, 101) - 1e-9
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # (t, recalls, classes), all areas
    return np.where(precision.max(axis=1) < 0, np.nan, precision.mean(axis=1)).T


@pytest.mark.parametrize("seed", range(12))
def test_average_precision_agrees_with_the_reference_implementation_of_coco(seed: int) -> None:
    made = scenes(seed)
    scores = scores_of(made)
    theirs = pycocotools_precisions(made, classes=4)
    ours = np.array([scores.average_precision(c) for c in range(4)])
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert scores.mean_average_precision() == pytest.approx(np.nanmean(theirs), abs=1e-9)
    assert scores.mean_average_precision(iou=0.5) == pytest.approx(np.nanmean(theirs[:, 0]), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_drawing_a_picture_twice_is_having_it_twice(seed: int) -> None:
    made = scenes(seed, count=10)
    weights = np.random.default_rng(seed).integers(0, 4, 10).astype(np.float64)
    drawn = [scene for scene, times in zip(made, weights, strict=True) for _ in range(int(times))]
    weighed, repeated = scores_of(made), scores_of(drawn)
    assert weighed.mean_average_precision(weights) == pytest.approx(repeated.mean_average_precision(), abs=1e-9)
    for precision in (0.3, 0.5, 0.7):
        expected = repeated.recall_at_precision(precision)
        assert weighed.recall_at_precision(precision, weights=weights) == pytest.approx(expected, abs=1e-9)
    for threshold in (0.2, 0.5, 0.8):
        assert weighed.at(threshold, weights=weights) == pytest.approx(repeated.at(threshold), abs=1e-9)


def test_many_rounds_at_once_give_what_one_at_a_time_gives() -> None:
    scores = scores_of(scenes(3, count=15))
    weights = np.random.default_rng(0).integers(0, 3, (7, 15)).astype(np.float64)
    together = scores.average_precisions(weights)
    assert together.shape == (7, len(scores.classes), len(COCO_IOUS))
    for round_, each in zip(together, weights, strict=True):
        alone = [scores.average_precision(c, each) for c in scores.classes]
        np.testing.assert_allclose(round_, alone)


def test_perfect_boxes_score_one_and_no_boxes_score_zero() -> None:
    box = np.array([[10, 10, 60, 80]], np.float32)
    one = np.zeros(1, np.int32)
    perfect = tally(Detections(box, np.array([0.7], np.float32), one), box, one)
    nothing = tally(Detections.empty(), box, one)
    assert Scores([perfect]).mean_average_precision() == pytest.approx(1)
    assert Scores([nothing]).mean_average_precision() == 0
    assert Scores([perfect, nothing]).at(0.5) == (1.0, 0.5)
    assert Scores([perfect, nothing]).at(0.9) == (1.0, 0.0)


def test_without_true_boxes_nothing_is_claimed() -> None:
    box = np.array([[10, 10, 60, 80]], np.float32)
    alarm = Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int32))
    empty = tally(alarm, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))
    assert np.isnan(Scores([empty]).mean_average_precision())
    assert np.isnan(Scores([]).mean_average_precision())


def test_recall_at_a_precision_worked_out_by_hand() -> None:
    # Four true boxes; found, surest first: hit, hit, false, hit, false, false.
    each = Tally(
        confidence=np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], np.float32),
        class_id=np.zeros(6, np.int32),
        hit=np.array([[1], [1], [0], [1], [0], [0]], np.bool_),
        truth=np.zeros(4, np.int32),
        found=np.array([[1], [1], [1], [0]], np.bool_),
        counted=np.ones((6, 1), np.bool_),
    )
    scores = Scores([each], ious=(0.5,))
    assert scores.recall_at_precision(1.0) == 0.5
    assert scores.recall_at_precision(0.75) == 0.75, "three hits of four boxes"
    assert scores.recall_at_precision(0.8) == 0.5
    assert scores.precision_at_recall(0.75) == 0.75
    assert scores.precision_at_recall(0.5) == 1.0
    assert scores.precision_at_recall(0.9) == 0.0, "the fourth is never found"
    # COCO: precision 1 at recalls 0 to 0.50 (51 points), 0.75 at 0.51 to 0.75 (25 points), then none.
    assert scores.average_precision(0)[0] == pytest.approx((51 + 25 * 0.75) / 101)


def test_what_falls_on_an_ignored_box_counts_neither_way() -> None:
    boxes = np.array([[0, 0, 50, 50], [100, 100, 150, 150]], np.float32)
    classes = np.zeros(2, np.int32)
    found = Detections(boxes, np.array([0.9, 0.8], np.float32), classes)
    each = tally(found, boxes, classes, ignored=np.array([False, True]))
    assert Scores([each]).mean_average_precision() == pytest.approx(1)
    assert Scores([each]).truths() == 1
    assert Scores([each]).at(0.1) == (1.0, 1.0)
