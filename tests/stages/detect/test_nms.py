from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.detect.nms import BLOCK, overlaps, suppress


def boxes(seed: int, count: int) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float32]], list[int]]:
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 300, (count, 2))
    size = random.uniform(5, 120, (count, 2))
    classes = random.integers(0, 3, count).tolist()
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32), classes


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 3 * BLOCK), iou=st.sampled_from([0.3, 0.5, 0.7]))
def test_it_keeps_what_torchvision_keeps(seed: int, count: int, iou: float) -> None:
    import torch

    torchvision = import_module("torchvision")
    xyxy, classes = boxes(seed, count)
    scores = torch.arange(count, 0, -1, dtype=torch.float32)
    expected = torchvision.ops.batched_nms(torch.from_numpy(xyxy), scores, torch.tensor(classes), iou)
    kept = suppress(xyxy, np.array(classes, np.int32), iou=iou, limit=10**6)
    assert kept.tolist() == expected.tolist()


def test_at_most_the_limit_stays_and_it_is_the_surest() -> None:
    xyxy, classes = boxes(1, 3 * BLOCK)
    every = suppress(xyxy, np.array(classes, np.int32), iou=0.5, limit=10**6)
    assert suppress(xyxy, np.array(classes, np.int32), iou=0.5, limit=7).tolist() == every[:7].tolist()


def test_boxes_of_different_classes_never_suppress_each_other() -> None:
    xyxy = np.array([[0, 0, 10, 10]] * 3, np.float32)
    assert suppress(xyxy, np.array([0, 1, 0], np.int32), iou=0.5, limit=9).tolist() == [0, 1]


def test_overlap_of_empty_boxes_is_zero_and_of_equal_ones_is_one() -> None:
    a = np.array([[5, 5, 5, 5], [0, 0, 4, 2]], np.float32)
    assert overlaps(a, a).tolist() == [[0, 0], [0, pytest.approx(1)]]
