"""Suppression in rounds of fixed size against the greedy one."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stages.detect.letterbox import Letterbox
from stages.detect.postprocess import Picker
from stages.detect.torch_selection import CANDIDATES, ROUNDS, Selection

SQUARE = Letterbox.into((320, 320), (320, 320))


def crowd(seed: int, *, pictures: int = 3, classes: int = 3, anchors: int = 400) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(seed)
    centre, size = random.uniform(20, 300, (pictures, 2, anchors)), random.uniform(5, 100, (pictures, 2, anchors))
    scores = random.uniform(0, 1, (pictures, classes, anchors)) ** 2
    return np.concatenate([centre, size, scores], axis=1).astype(np.float32)


def select(selection: Selection, output: npt.NDArray[np.float32]) -> tuple[Any, Any]:
    import torch

    rows, unsettled = selection.rows(torch, torch.from_numpy(output))
    return rows.numpy(), unsettled.numpy()


def pickers(most: int = 300, iou: float = 0.5) -> tuple[Selection, Picker, Picker]:
    plain = {"confidence": 0.25, "iou": iou, "max_detections": most, "allowed": None}
    return Selection(0.25, iou, most), Picker(**plain, suppresses=False), Picker(**plain, suppresses=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("iou", [0.3, 0.7])
def test_rounds_give_what_one_after_the_other_gives(seed: int, iou: float) -> None:
    selection, of_rows, of_candidates = pickers(iou=iou)
    output = crowd(seed)
    rows, unsettled = select(selection, output)
    assert not unsettled.any()
    ours = of_rows.pick(rows, [SQUARE] * 3)
    assert [found.pack() for found in ours] == [found.pack() for found in of_candidates.pick(output, [SQUARE] * 3)]
    assert all(len(found) > 10 for found in ours)


def test_a_chain_longer_than_the_rounds_is_noticed_and_settled() -> None:
    selection, of_rows, of_candidates = pickers(iou=0.5)
    links = 4 * ROUNDS  # each overlaps its neighbour only, so that every second one stays
    output = np.zeros((2, 5, links), np.float32)
    output[:, 0], output[:, 1] = 50 + 3 * np.arange(links), 100
    output[:, 2:4] = 10
    output[0, 4] = np.linspace(0.9, 0.5, links)
    output[1, 4, :3] = 0.9, 0.8, 0.7
    rows, unsettled = select(selection, output)
    assert unsettled.tolist() == [True, False]
    selection.settle(rows[0])
    ours, theirs = of_rows.pick(rows, [SQUARE] * 2), of_candidates.pick(output, [SQUARE] * 2)
    assert len(ours[0]) == links // 2
    assert [found.pack() for found in ours] == [found.pack() for found in theirs]


def test_classes_that_nobody_wants_take_no_place() -> None:
    import torch

    output = crowd(1, anchors=3 * CANDIDATES)
    allowed = np.array([False, False, True])
    rows, _ = select(Selection(0.25, 0.5, 300, torch.from_numpy(allowed)), output)
    alone, _ = select(Selection(0.25, 0.5, 300, None), np.where(_others(output), 0, output).astype(np.float32))
    assert set(rows[rows[..., 4] > 0.25][:, 5]) == {2.0}
    assert np.array_equal(rows[rows[..., 4] > 0.25], alone[alone[..., 4] > 0.25])


def _others(output: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Scores of all anchors whose best class is not the last."""
    wrong = np.zeros(output.shape, np.bool_)
    wrong[:, 4:] = (output[:, 4:].argmax(axis=1) != 2)[:, None]
    return wrong


def test_equal_scores_come_in_the_order_of_their_anchors() -> None:
    output = crowd(2)
    output[:, 4:] = 0.5
    rows, _ = select(Selection(0.25, 1.0, 300), output)
    centre, half = output[:, :2], output[:, 2:4] / 2
    assert np.array_equal(rows[..., :2], (centre - half).transpose(0, 2, 1))


def test_where_fewer_anchors_exist_all_are_looked_at() -> None:
    rows, _ = select(Selection(0.25, 0.7, 300), crowd(3, anchors=20))
    assert rows.shape == (3, 20, 6)
