"""Detections and tracks carry what the detector saw, in as few bytes as it was given in."""

import numpy as np
import pytest

from pipeline.detections import Detections, Tracks, VectorArray

RANDOM = np.random.default_rng(7)


def seen(n: int, embedding: VectorArray | None) -> Detections:
    return Detections(
        RANDOM.random((n, 4), np.float32), RANDOM.random(n, np.float32), np.arange(n, dtype=np.int32), embedding
    )


def tracked(rows: list[int]) -> Tracks:
    n = len(rows)
    zeros = np.zeros(n, np.float32)
    ids = np.arange(1, n + 1, dtype=np.int32)
    return Tracks(np.zeros((n, 4), np.float32), zeros, ids, ids, np.ones(n, np.bool_), zeros, np.array(rows, np.int32))


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("n", [1, 3])
def test_vectors_come_back_as_what_they_were(kind: type[np.floating], n: int) -> None:
    given = RANDOM.random((n, 5)).astype(kind)
    back = Detections.unpack(seen(n, given).pack()).embedding
    assert back is not None
    assert back.dtype == kind
    assert np.array_equal(back, given)


def test_halves_take_half_the_room() -> None:
    given = RANDOM.random((10, 400)).astype(np.float32)
    plain, whole, half = (len(seen(10, each).pack()) for each in (None, given, given.astype(np.float16)))
    assert half - plain == pytest.approx((whole - plain) / 2, abs=16)


@pytest.mark.parametrize("given", [np.zeros((2, 3)), np.zeros((3, 3), np.float32), np.zeros(2, np.float16)])
def test_vectors_of_another_kind_or_number_are_refused(given: VectorArray) -> None:
    with pytest.raises(ValueError, match="embedding must be float"):
        seen(2, given)


def test_a_track_has_the_vector_of_its_detection_and_none_where_nothing_supports_it() -> None:
    given = RANDOM.random((3, 4)).astype(np.float16)
    found = tracked([2, -1, 0]).embedding(seen(3, given))
    assert found is not None
    assert np.array_equal(found[[0, 2]], given[[2, 0]])
    assert np.isnan(found[1]).all()


def test_without_vectors_or_without_a_row_there_are_none() -> None:
    assert tracked([0]).embedding(seen(1, None)) is None
    assert Tracks.empty().embedding(seen(1, np.zeros((1, 4), np.float16))) is None
