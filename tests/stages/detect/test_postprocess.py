from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.detections import Detections
from stages.detect.letterbox import Letterbox
from stages.detect.postprocess import Picker

SQUARE = Letterbox.into((320, 320), (320, 320))


def candidates(seed: int, *, classes: int = 3, anchors: int = 400) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(seed)
    centre, size = random.uniform(20, 300, (2, anchors)), random.uniform(5, 100, (2, anchors))
    return np.concatenate([centre, size, random.uniform(0, 1, (classes, anchors)) ** 2]).astype(np.float32)


def picker(**changes: Any) -> Picker:
    plain: dict[str, Any] = {"confidence": 0.25, "iou": 0.7, "max_detections": 300, "allowed": None, "suppresses": True}
    return Picker(**(plain | changes))


def pick(chosen: Picker, output: npt.NDArray[np.float32]) -> Detections:
    return chosen.pick(output[None], [SQUARE])[0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("allowed", [None, [0, 2]])
def test_it_picks_what_ultralytics_picks(ultralytics: Any, seed: int, allowed: list[int] | None) -> None:
    import torch
    from ultralytics.utils.nms import non_max_suppression

    output = candidates(seed)
    (expected,) = non_max_suppression(torch.from_numpy(output)[None].clone(), 0.25, 0.7, classes=allowed)
    wanted = expected[(-expected[:, 4]).argsort(stable=True)].numpy()
    mask = None if allowed is None else np.isin(np.arange(3), allowed)
    found = pick(picker(allowed=mask), output)
    assert np.allclose(found.confidence, wanted[:, 4])
    assert np.array_equal(found.class_id, wanted[:, 5])
    assert np.allclose(found.xyxy, wanted[:, :4].clip(0, 320), atol=1e-3)


def test_the_surest_come_first_and_nothing_at_or_below_the_floor_comes_at_all() -> None:
    found = pick(picker(confidence=0.4), candidates(1))
    assert len(found) > 5
    assert (np.diff(found.confidence) <= 0).all()
    assert found.confidence.min() > 0.4


def test_rows_are_only_filtered_and_ordered() -> None:
    rows = np.array([[0, 0, 10, 10, 0.3, 1], [0, 0, 10, 10, 0.9, 1], [5, 5, 9, 9, 0.2, 0]], np.float32)
    found = pick(picker(suppresses=False), rows)
    assert found.confidence.tolist() == pytest.approx([0.9, 0.3])


def test_equally_sure_boxes_come_in_an_order_that_their_values_decide() -> None:
    rows = np.array([[7, 0, 20, 9, 0.5, 1], [3, 4, 20, 9, 0.5, 0], [3, 1, 20, 9, 0.5, 0]], np.float32)
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        found = pick(picker(suppresses=False), rows[order])
        assert found.xyxy[:, :2].tolist() == [[3, 1], [3, 4], [7, 0]]


def test_boxes_outside_the_picture_or_of_no_number_are_dropped() -> None:
    rows = np.array(
        [[-90, -90, -5, -5, 0.9, 0], [400, 0, 500, 9, 0.9, 0], [np.nan, 0, 9, 9, 0.9, 0], [-5, -5, 9, 9, 0.9, 0]],
        np.float32,
    )
    found = pick(picker(suppresses=False), rows)
    assert found.xyxy.tolist() == [[0, 0, 9, 9]]


def test_no_box_is_no_box() -> None:
    assert len(pick(picker(confidence=0.99), candidates(1) * 0.5)) == 0
    assert len(pick(picker(suppresses=False), np.zeros((300, 6), np.float32))) == 0


def test_at_most_as_many_as_asked_for() -> None:
    assert len(pick(picker(max_detections=5), candidates(2))) == 5


@pytest.mark.parametrize("suppresses", [True, False])
def test_frames_picked_together_give_what_they_give_alone(suppresses: bool) -> None:
    wide, high = Letterbox.into((200, 400), (320, 320)), Letterbox.into((640, 100), (320, 320))
    outputs = np.stack([candidates(seed) for seed in range(3)])
    if not suppresses:
        outputs = np.concatenate([outputs[:, :2] - 9, outputs[:, :2] + 9, outputs[:, 4:5], outputs[:, 5:6] * 0 + 1], 1)
        outputs = np.ascontiguousarray(outputs.transpose(0, 2, 1))
    outputs[1, ..., 4] = 0 if not suppresses else outputs[1, ..., 4]
    letterboxes, chosen = [wide, SQUARE, high], picker(suppresses=suppresses, max_detections=40)
    together = chosen.pick(outputs, letterboxes)
    alone = [chosen.pick(output[None], [letterbox])[0] for output, letterbox in zip(outputs, letterboxes, strict=True)]
    assert [found.pack() for found in together] == [found.pack() for found in alone]
    assert (together[2].xyxy <= [100, 640, 100, 640]).all()
    assert max(map(len, together)) == 40
