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


def test_it_is_stored_and_read_without_loss() -> None:
    scale = Scale.fit(*perspective())
    assert Scale.of(scale.array()) == scale
