import numpy as np
import pytest

from stages.alert.normal.feature import looks
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.observed import Observed
from stages.alert.normal.path import COLUMNS, ROWS, Path
from stages.alert.normal.places import Places
from tests.stages.alert.normal.conftest import Thing, frame
from tests.stages.alert.normal.street import street, walker


def lessons(*clips: list[Observed]) -> Lessons:
    return Lessons.of(clips, [], classes=1)


@pytest.fixture(scope="module")
def path() -> Path:
    found = Path.learn(lessons(street(1, 60), street(2, 60)))
    assert found is not None
    return found


def said(path: Path, thing: Thing) -> tuple[float, float]:
    told = next(path.look(each) for each in looks([frame(0, [thing])]))
    assert told is not None
    return float(told.value[0]), float(told.surprise[0])


def test_the_farther_from_the_path_the_more_surprising(path: Path) -> None:
    assert said(path, walker(0.5, 0.6, 1)) == (0, 0)
    values, surprises = zip(*(said(path, walker(0.5, row, 1)) for row in (0.7, 0.8, 0.9)), strict=True)
    assert list(values) == sorted(values)
    assert list(surprises) == sorted(surprises)
    assert values[-1] > 2
    assert surprises[-1] > 5


def test_the_same_step_aside_counts_less_where_things_are_larger() -> None:
    near = [frame(n, [walker(0.01 * n, 0.9, 1, size=4)]) for n in range(100)]
    far = [frame(n, [walker(0.01 * n, 0.3, 1)]) for n in range(100)]
    found = Path.learn(lessons(near, near, far, far))
    assert found is not None
    assert said(found, walker(0.5, 0.4, 1))[0] > 1.5 * said(found, walker(0.5, 0.8, 1))[0]


def test_a_track_that_is_learned_does_not_walk_its_own_path() -> None:
    alone = [frame(n, [walker(0.01 * n, 0.9, 1)]) for n in range(100)]
    found = Path.learn(lessons(street(1, 60), alone))
    assert found is not None
    (told,) = [each for each in [found.apart(1).look(next(iter(looks(alone))))] if each is not None]
    assert told.value[0] > 2
    assert told.surprise[0] == pytest.approx(np.log(len(found.alone or ())), abs=0.01)
    assert said(found.learned(), walker(0.5, 0.9, 1))[0] == 0
    assert found.learned().alone is None


def test_where_all_share_their_way_who_leaves_it_is_odd_and_the_farther_the_more() -> None:
    same = [frame(40 * n + step, [walker(0.025 * step, 0.6, n + 1)]) for n in range(60) for step in range(40)]
    found = Path.learn(lessons(same[:1200], same[1200:]))
    assert found is not None
    assert said(found, walker(0.5, 0.6, 1)) == (0, 0)
    near, far = (said(found, walker(0.5, row, 1))[1] for row in (0.75, 0.95))
    assert 1 < near < far


def test_one_track_alone_says_nothing() -> None:
    assert Path.learn(lessons([frame(n, [walker(0.01 * n, 0.9, 1)]) for n in range(100)])) is None


def test_stored_it_says_the_same_and_other_numbers_are_refused(path: Path) -> None:
    again = Path.of(path.arrays())
    for row in (0.6, 0.75, 0.95):
        assert said(again, walker(0.5, row, 1)) == said(path.learned(), walker(0.5, row, 1))
    for wrong in (np.zeros((ROWS, COLUMNS), np.bool_), np.ones((ROWS, COLUMNS)), np.ones((3, 3), np.bool_)):
        with pytest.raises(ValueError, match=r"path\.trodden must be"):
            Path.of({**path.arrays(), "path.trodden": wrong})


def test_a_track_that_is_seen_in_pieces_of_one_recording_is_one() -> None:
    """Nobody else went where it is: its second minute does not make that usual, nor does it count twice."""
    pieces = [[frame(n, [walker(0.2, 0.9, 1), walker(0.5, 0.6, 2 + n // 10)]) for n in range(20)] for _ in range(2)]
    one, two = (Lessons.of(pieces, [], classes=1, sources=each) for each in ([0, 0], [0, 1]))
    same, apart = Path.learn(one), Path.learn(two)
    assert same is not None
    assert apart is not None
    assert same.strayed.values[-1] > 0.5
    assert apart.strayed.values[-1] == 0
    counts = [Places.fit(each.whole, classes=1, sources=each.sources).anywhere.sum() for each in (one, two)]
    assert counts == [3, 6]
    with pytest.raises(ValueError, match="sources are those of clips"):
        Lessons.of(pieces, [], classes=1, sources=[0])
