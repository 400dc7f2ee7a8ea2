"""Prices and assignments, and boxes completed behind cover, on hand-made pairs."""

import numpy as np
import pytest

from stages.track.association import assign, compare, iou, without_duplicates
from stages.track.kalman import variance
from stages.track.occlusion import complete

PLACE = np.array([[100.0, 200.0, 40.0, 100.0]])
SPREAD = np.array([[16.0, 16.0, 9.0, 9.0]])


def read(box: list[float]) -> list[float]:
    boxes = np.array([box])
    values: list[float] = complete(PLACE, SPREAD, boxes, variance(boxes, np.array([0.9]))).boxes[0, 0].tolist()
    return values


def test_a_box_that_fits_is_left_as_it_is() -> None:
    np.testing.assert_allclose(read([103.0, 201.0, 41.0, 98.0]), [103, 201, 41, 98], atol=0.3)


@pytest.mark.parametrize(
    ("seen", "whole"),
    [
        ([100.0, 175.0, 40.0, 50.0], [100, 200, 40, 100]),  # legs hidden
        ([100.0, 225.0, 40.0, 50.0], [100, 200, 40, 100]),  # head hidden
        ([90.0, 200.0, 20.0, 100.0], [100, 200, 40, 100]),  # right side hidden
        ([106.0, 175.0, 40.0, 50.0], [106, 200, 40, 100]),  # legs hidden while moving
    ],
)
def test_a_half_hidden_box_is_completed_from_the_edge_that_agrees(seen: list[float], whole: list[float]) -> None:
    np.testing.assert_allclose(read(seen), whole, atol=7)


def test_a_grown_box_is_believed_sooner_than_a_shrunken_one() -> None:
    grown, shrunken = read([100.0, 200.0, 40.0, 120.0]), read([100.0, 200.0, 40.0, 80.0])
    assert grown[3] - 100 > 100 - shrunken[3]


def test_the_lowest_total_price_wins_and_what_costs_too_much_stays_apart() -> None:
    price = np.array([[1.0, 2.0, 99.0], [1.5, 9.0, 99.0], [99.0, 99.0, 50.0]])
    rows, columns = assign(price, np.ones((3, 3), bool), 12.0)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_what_is_not_possible_is_not_assigned() -> None:
    rows, _ = assign(np.array([[-5.0]]), np.array([[False]]), 12.0)
    assert len(rows) == 0


def test_negative_prices_are_fine() -> None:
    rows, columns = assign(np.array([[-3.0, -1.0], [-2.5, 4.0]]), np.ones((2, 2), bool), 12.0)
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])


def test_a_sure_track_goes_before_one_whose_place_is_guessed() -> None:
    place = np.concatenate([PLACE, PLACE + np.array([2.0, 0, 0, 0])])
    spread = np.concatenate([SPREAD, SPREAD * 100])
    box = PLACE + np.array([2.0, 0, 0, 0])
    pairs = compare(place, spread, box, variance(box, np.ones(1)), np.ones(1), np.ones((2, 1)))
    assert pairs.possible.all()
    assert pairs.price[0, 0] < pairs.price[1, 0]


def test_another_class_costs_and_a_foreign_one_is_impossible() -> None:
    boxes, same = np.repeat(PLACE, 3, axis=0), np.array([[1.0, 0.0, -1.0]])
    pairs = compare(PLACE, SPREAD, boxes, variance(boxes, np.ones(3)), np.ones(3), same)
    assert pairs.possible.tolist() == [[True, True, False]]
    assert pairs.price[0, 0] < pairs.price[0, 1]


def test_overlap_of_boxes_as_computed_by_hand() -> None:
    a = np.array([[50.0, 50.0, 100.0, 100.0]])
    b = np.array([[100.0, 50.0, 100.0, 100.0], [50.0, 50.0, 50.0, 50.0], [500.0, 50.0, 10.0, 10.0]])
    np.testing.assert_allclose(iou(a, b), [[1 / 3, 0.25, 0.0]])


def test_duplicates_go_by_confidence_within_their_group() -> None:
    boxes = np.array([[50.0, 50.0, 40.0, 100.0], [52.0, 50.0, 40.0, 100.0], [51.0, 50.0, 40.0, 100.0]])
    keep = without_duplicates(boxes, np.array([0.5, 0.9, 0.7]), np.array([0, 0, 2], np.int32), 0.6)
    assert keep.tolist() == [False, True, True]
