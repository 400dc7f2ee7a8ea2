from collections.abc import Callable

import numpy as np
import pytest

from stages.alert.normal.flow_field import Floats
from stages.alert.normal.scale import Scale

RANDOM = np.random.default_rng(0)


def perspective(n: int = 5000) -> tuple[Floats, Floats]:
    """Feet between 0.3 and 0.9; things are three times as large at the lower edge of the picture as at the upper."""
    rows = RANDOM.uniform(0.3, 0.9, n)
    return rows, (1 + 2 * rows) * RANDOM.normal(10, 1, n)


def test_near_things_are_measured_against_near_things() -> None:
    scale = Scale.fit(*perspective())
    far, near = scale.at(np.array([0.35, 0.85])).tolist()
    assert near / far == pytest.approx(2.7 / 1.7, rel=0.03)


def test_the_same_thing_has_the_same_size_over_scale_wherever_it_is() -> None:
    scale = Scale.fit(*perspective())
    rows = np.linspace(0.3, 0.9, 20)
    ratio = (1 + 2 * rows) * 10 / scale.at(rows)
    assert np.ptp(ratio) / ratio.mean() < 0.04


def test_where_nothing_was_seen_the_scale_goes_on_level() -> None:
    scale = Scale.fit(*perspective())
    beyond, edge = scale.at(np.array([0.0, 0.3])).tolist()
    assert beyond == pytest.approx(edge, rel=0.1)


def test_the_scale_is_never_near_zero() -> None:
    rows = np.linspace(0, 1, 1000)
    scale = Scale.fit(rows, np.maximum(rows - 0.5, 0.001))
    assert scale.at(rows).min() > 0.01


@pytest.mark.parametrize("n", [1, 5, 30])
def test_few_sightings_make_a_level_or_gentle_scale(n: int) -> None:
    rows, values = perspective(n)
    scale = Scale.fit(rows, values).at(np.linspace(0, 1, 50))
    assert (scale > values.max() / 5).all()
    assert (scale < values.max() * 5).all()


def test_of_nothing_the_scale_is_one() -> None:
    assert Scale.fit(np.zeros(0), np.zeros(0)).at(np.array([0.0, 0.5, 1.0])).tolist() == [1, 1, 1]


def test_all_on_one_row_is_level() -> None:
    scale = Scale.fit(np.full(1000, 0.5), RANDOM.normal(10, 1, 1000)).at(np.array([0.0, 1.0]))
    assert scale[0] == scale[1]


def along_the_depth(n: int = 5000) -> tuple[Floats, Floats]:
    """What comes towards the camera: nine times as fast at the lower edge of the picture as at the upper."""
    rows = RANDOM.uniform(0.0, 1.0, n)
    return rows, (1 + 2 * rows) ** 2 * RANDOM.normal(1, 0.1, n)


def test_what_grows_by_a_line_is_measured_by_a_line() -> None:
    assert Scale.fit(*perspective()).power == 1


def test_what_comes_nearer_is_measured_by_the_square_of_a_line() -> None:
    scale = Scale.fit(*along_the_depth())
    rows = np.linspace(0, 1, 20)
    ratio = (1 + 2 * rows) ** 2 / scale.at(rows)
    assert scale.power == 2
    assert np.ptp(ratio) / ratio.mean() < 0.1


def test_far_from_the_camera_the_square_does_not_rise_again() -> None:
    scale = Scale(-1.0, 2.0, 0.0, 1.0, 0.01, 2)
    assert scale.at(np.array([0.0, 0.25, 0.5, 1.0])).tolist() == [0.01, 0.01, 0.01, 1.0]


@pytest.mark.parametrize("seen", [perspective, along_the_depth])
def test_it_is_stored_and_read_without_loss(seen: Callable[[], tuple[Floats, Floats]]) -> None:
    scale = Scale.fit(*seen())
    assert Scale.of(scale.array()) == scale


def test_a_line_that_an_earlier_version_stored_is_read() -> None:
    assert Scale.of(np.array([1.0, 2.0, 0.0, 1.0, 0.5])) == Scale(1.0, 2.0, 0.0, 1.0, 0.5)


@pytest.mark.parametrize("numbers", [[1.0] * 4, [1, 2, 0, 1, 0, 1], [1, 2, 0, 1, 0.5, 3], [1, 2, 0, 1, np.nan, 1]])
def test_what_is_no_scale_is_not_read(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match="a scale must be of six numbers"):
        Scale.of(np.array(numbers, np.float64))
