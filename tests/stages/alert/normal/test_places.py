import numpy as np
import pytest

from stages.alert.normal.places import Places, most
from tests.stages.alert.normal.conftest import Thing, frame

PAVEMENT, ROAD, CORNER = (0.2, 0.5), (0.8, 0.9), (0.95, 0.2)


@pytest.fixture(scope="module")
def places() -> Places:
    """Two hundred people on the pavement, a hundred cars on the road; each stays for three frames."""
    things = [Thing(x=PAVEMENT[0], y=PAVEMENT[1], subject=n, class_id=0) for n in range(200)]
    things += [Thing(x=ROAD[0], y=ROAD[1], subject=200 + n, class_id=1) for n in range(100)]
    return Places.fit([[frame(index, things) for index in range(3)]], classes=3)


def asked(places: Places, class_id: int, *where: tuple[float, float]) -> list[float]:
    boxes = np.array([Thing(x=x, y=y).box for x, y in where])
    shares: list[float] = places.share(np.full(len(where), class_id, np.int32), boxes).tolist()
    return shares


def test_an_object_counts_once_however_long_it_stays(places: Places) -> None:
    assert places.anywhere.tolist() == [200, 100, 0]
    assert places.here.sum() == 300


def test_a_car_is_normal_on_the_road_and_not_on_the_pavement(places: Places) -> None:
    pavement, road = asked(places, 1, PAVEMENT, ROAD)
    assert road > 0.9
    assert pavement < 0.02


def test_where_nobody_was_seen_the_whole_picture_counts(places: Places) -> None:
    assert asked(places, 0, CORNER)[0] == pytest.approx(201 / 304)


def test_a_class_that_was_never_seen_is_rare_and_not_impossible(places: Places) -> None:
    for class_id in (2, 3, 77):
        share = asked(places, class_id, ROAD)[0]
        assert 0 < share < 0.01


@pytest.mark.parametrize(
    ("count", "total", "exact"), [(0, 300, 0.009936), (0, 21, 0.1329), (1, 700, 0.006759), (5, 1000, 0.010485)]
)
def test_what_was_seen_seldom_may_be_as_frequent_as_clopper_and_pearson_say_and_hardly_more(
    count: int, total: int, exact: float
) -> None:
    assert exact <= most(count, total) < 1.1 * exact


def test_of_few_nothing_is_known() -> None:
    assert most(0, 0) == most(0, 2) == most(5, 5) == 1.0


def test_how_many_classes_a_detector_knows_makes_nothing_rare() -> None:
    people = [[frame(0, [Thing(x=ROAD[0], y=ROAD[1], subject=n, class_id=0) for n in range(21)])]]
    for classes in (2, 80, 1000):
        count, total = Places.fit(people, classes=classes).counts(
            np.array([1], np.int32), np.array([Thing(x=ROAD[0], y=ROAD[1]).box])
        )
        assert most(int(count[0]), int(total[0])) > 0.1


def test_nothing_seen_nothing_rare() -> None:
    empty = Places.fit([], classes=2)
    assert asked(empty, 0, ROAD) == pytest.approx([1 / 3])
