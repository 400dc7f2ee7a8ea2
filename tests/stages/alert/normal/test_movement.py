import numpy as np
import pytest

from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.movement import MOST, Movement, Recent, Windows, movements, steady
from stages.alert.normal.scale import Scale
from stages.alert.normal.tail import Tail

ROWS, COLUMNS = 40, 60
LEVEL = Scale(10.0, 0.0, 0.0, 1.0, 1.0)
USUAL = Tail.fit(np.random.default_rng(0).exponential(0.2, 5000))
TENTH = 100_000_000


def field(*places: tuple[int, int, int, int, float]) -> FlowField:
    """Quiet but for these: rows and columns from and to, and how fast."""
    speed = np.full((ROWS, COLUMNS), 0.5, np.float32)
    for top, bottom, left, right, fast in places:
        speed[top:bottom, left:right] = fast
    return FlowField(speed, (float(COLUMNS), float(ROWS)))


def found(*fields: FlowField, scale: Scale = LEVEL) -> list[Movement]:
    """What is told of the last of these frames."""
    recent = Recent()
    for index, flow in enumerate(fields):
        windows = Windows.of(flow)
        ratio = steady(recent, index * TENTH, windows, scale)
    return movements(fields[-1], windows, ratio, USUAL)


def test_a_box_is_as_large_as_what_moves() -> None:
    cart = found(field((10, 22, 20, 36, 50)))[0]
    assert cart.box == pytest.approx((20 / 60, 10 / 40, 36 / 60, 22 / 40))
    assert cart.value == pytest.approx(50)


def test_things_apart_are_told_apart_and_the_faster_first() -> None:
    first, second, *rest = found(field((5, 10, 5, 9, 40), (25, 30, 40, 44, 60)))
    assert first.box[0] == pytest.approx(40 / 60)
    assert second.box[0] == pytest.approx(5 / 60)
    assert first.total > second.total > 5 > max(each.total for each in rest)


def test_no_more_places_are_told_than_can_be_looked_at() -> None:
    everywhere = [(5, 10, 6 * n, 6 * n + 4, 50.0) for n in range(9)]
    assert len(found(field(*everywhere))) == MOST


def test_what_has_left_is_not_told_where_it_was() -> None:
    places = found(field((5, 10, 5, 9, 50)), field((5, 10, 5, 9, 50)), field())
    assert max(each.total for each in places) < 1


def test_one_pair_of_pictures_counts_less_than_three() -> None:
    flash = found(field(), field(), field((5, 10, 5, 9, 50)))[0]
    lasting = found(*[field((5, 10, 5, 9, 50))] * 3)[0]
    assert flash.total < lasting.total / 2


def test_far_away_a_slower_thing_is_as_fast() -> None:
    near = Scale(2.0, 16.0, 0.0, 1.0, 1.0)
    first = found(field((2, 8, 5, 10, 30), (32, 38, 40, 45, 60)), scale=near)[0]
    assert first.box[1] < 0.5, "30 at the top, where 5 is usual, is odder than 60 at the bottom, where 17 is"


def test_a_picture_of_another_shape_starts_anew() -> None:
    recent = Recent()
    steady(recent, 0, Windows.of(field()), LEVEL)
    other = FlowField(np.full((20, 60), 5, np.float32), (60.0, 20.0))
    assert steady(recent, TENTH, Windows.of(other), LEVEL).max() == pytest.approx(0.5, rel=0.01)
    assert len(recent.ratios) == 1


def test_a_picture_smaller_than_a_window_is_one_window() -> None:
    assert Windows.of(FlowField(np.full((2, 3), 7, np.float32), (3.0, 2.0))).speed.tolist() == [[7.0]]
