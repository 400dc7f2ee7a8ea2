"""The bank of normal looks: few points, few numbers, and how far a new look is from the nearest."""

from time import perf_counter

import numpy as np
import pytest

from pipeline.detections import VectorArray
from stages.alert.normal.bank import MOST, WIDTH, Bank, unit
from stages.alert.normal.coreset import k_centre

RANDOM = np.random.default_rng(3)
KINDS = RANDOM.normal(0, 1, (4, 48))


def looks(n: int, *, kinds: int = 3, spread: float = 0.1) -> VectorArray:
    return np.asarray(KINDS[np.arange(n) % kinds] + RANDOM.normal(0, spread, (n, 48)), np.float16)


def test_what_was_seen_is_near_and_what_never_was_is_far() -> None:
    bank, _ = Bank.fit(looks(300))
    usual, odd = bank.distances(looks(60)), bank.distances(KINDS[3:].astype(np.float32))
    assert usual.max() < 0.05
    assert odd.min() > 0.4


def test_only_the_direction_of_a_vector_counts() -> None:
    bank, _ = Bank.fit(looks(300))
    new = looks(10).astype(np.float32)
    assert np.allclose(bank.distances(new), bank.distances(new * 7), atol=1e-5)
    loud, _ = Bank.fit((looks(300).T * np.linspace(0.1, 9, 300)).T.astype(np.float16))
    assert loud.distances(new).max() < 0.05


def test_without_reduction_the_distance_is_that_of_the_cosine() -> None:
    normal, new = looks(40), looks(5)
    bank, _ = Bank.fit(normal)
    cosine = 1 - (unit(new) @ unit(normal).T).max(axis=1)
    assert bank.distances(new) == pytest.approx(cosine, abs=2e-3)


def test_what_was_never_seen_counts_though_no_direction_tells_of_it() -> None:
    flat = np.zeros((50, 48), np.float32)
    flat[:, 0], flat[:, 1] = 1, np.linspace(0, 0.5, 50)
    bank, _ = Bank.fit(flat)
    new = np.zeros((1, 48), np.float32)
    new[0, 40] = 1
    assert bank.points.shape[1] <= 2
    assert bank.distances(new)[0] > 0.9


def test_a_bank_is_bounded_and_the_same_looks_give_the_same_bank() -> None:
    many = RANDOM.normal(0, 1, (MOST + 500, 96)).astype(np.float16)
    (one, kept), (other, _) = Bank.fit(many), Bank.fit(many.copy())
    assert one.points.shape == (MOST, WIDTH)
    assert len(set(kept.tolist())) == MOST
    for name, array in one.arrays("a").items():
        assert array.tobytes() == other.arrays("a")[name].tobytes()
    size = sum(array.nbytes for array in one.arrays("a").values())
    assert size <= 700_000
    spent = []
    for _ in range(20):
        started = perf_counter()
        one.distances(many[:1])
        spent.append(perf_counter() - started)
    assert min(spent) < 0.001, "one look costs well under a millisecond"


def test_a_stored_bank_says_the_same() -> None:
    bank, _ = Bank.fit(looks(200))
    stored = Bank.of(bank.arrays("appearance"), "appearance")
    new = looks(20)
    assert stored.distances(new) == pytest.approx(bank.distances(new), abs=1e-3)
    again = Bank.of(stored.arrays("appearance"), "appearance")
    assert np.array_equal(again.distances(new), stored.distances(new))


def test_parts_that_do_not_fit_are_refused() -> None:
    bank, _ = Bank.fit(looks(200))
    arrays = bank.arrays("a")
    with pytest.raises(ValueError, match="do not fit"):
        Bank.of(arrays | {"a.points": bank.points[:, :-1]}, "a")
    with pytest.raises(ValueError, match="must be of"):
        Bank.of(arrays | {"a.points": bank.points[:0]}, "a")


def test_few_points_lie_near_all_and_alike_ones_are_not_both_kept() -> None:
    places = np.repeat(np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 9.0]], np.float32), 20, axis=0)
    assert {tuple(each) for each in places[k_centre(places, 3)].tolist()} == {(0, 0), (5, 0), (0, 9)}
    points = RANDOM.normal(0, 1, (400, 3)).astype(np.float32)
    reach = [np.linalg.norm(points[:, None] - points[k_centre(points, k)], axis=2).min(axis=1).max() for k in (5, 50)]
    assert reach[1] < reach[0] / 2
