from typing import Any

import msgspec
import numpy as np
import pytest

from stages.alert.normal.feature import Look, Notes, looks
from stages.alert.normal.heading import FEWEST, WAYS, Heading, pace, shares, way
from stages.alert.normal.kind import Kind
from stages.alert.normal.lessons import Lessons
from stages.alert.normal.observed import Observed
from tests.stages.alert.normal.conftest import Thing, frame
from tests.stages.alert.normal.street import FPS, street, walker


def lessons(*clips: list[Observed]) -> Lessons:
    return Lessons.of(clips, [], classes=1)


@pytest.fixture(scope="module")
def heading() -> Heading:
    found = Heading.learn(lessons(street(1, 60), street(2, 60)))
    assert found is not None
    return found


def said(heading: Heading, clip: list[Observed]) -> list[tuple[float, float]]:
    """Value and surprise of the only one at each frame."""
    told = [heading.look(each) for each in looks(clip)]
    return [(float(each.value[0]), float(each.surprise[0])) for each in told if each is not None]


def walking(x_s: float, y_s: float = 0.0, *, seconds: float = 6.0, row: float = 0.6) -> list[Observed]:
    count = int(seconds * FPS)
    return [frame(n, [walker(0.5 + x_s * n / FPS, row + y_s * n / FPS, 1)], fps=FPS) for n in range(count)]


@pytest.mark.parametrize(("x_s", "y_s", "degrees"), [(0.05, 0, 0), (0, 0.03, 90), (-0.05, 0, 180), (0.04, -0.04, 315)])
def test_degrees_count_clockwise_from_rightwards(heading: Heading, x_s: float, y_s: float, degrees: float) -> None:
    value, _ = said(heading, walking(x_s, y_s, seconds=2.0))[-1]
    assert value == pytest.approx(degrees, abs=1)


def test_only_the_way_that_nobody_goes_surprises(heading: Heading) -> None:
    assert said(heading, walking(0.05))[-1][1] == pytest.approx(0, abs=0.05)
    assert said(heading, walking(-0.05))[-1][1] > 3


def test_of_who_stands_or_is_new_and_where_few_went_nothing_is_said(heading: Heading) -> None:
    for clip in (walking(0.001), walking(-0.05, seconds=0.8), walking(-0.05, row=0.9)):
        assert all(np.isnan(value) and np.isnan(surprise) for value, surprise in said(heading, clip))


def test_p_is_never_below_one_among_all_tracks_there(heading: Heading) -> None:
    there = heading.tracks >= FEWEST
    assert there.any()
    assert (heading.p[there].min(axis=1) >= 1 / (heading.tracks[there] + 1)).all()


def test_directions_are_those_of_a_circle() -> None:
    assert way(np.array([0.0, 359.0, 22.0, 23.0, 180.0, 337.0, 338.0])).tolist() == [0, 0, 0, 1, 4, 7, 0]
    went = np.zeros((100, WAYS), np.bool_)
    went[:, 0] = True
    p = shares(went)
    assert p[1] == p[7] < p[0] == 1
    went[:40, 1] = True
    assert shares(went)[7] < shares(went)[1]
    assert shares(went)[4] == pytest.approx(1 / 101)


def test_a_new_track_of_the_same_kind_has_a_small_p_no_more_often_than_p_says() -> None:
    random = np.random.default_rng(3)
    ways = random.choice(WAYS, size=3000, p=np.array([40, 20, 10, 8, 8, 6, 5, 3]) / 100)
    p = shares(np.eye(WAYS, dtype=np.bool_)[ways[:300]])[ways[300:]]
    for level in (0.05, 0.1, 0.3):
        assert (p <= level).mean() <= level + 0.03


def test_a_track_counts_once_in_each_part_however_long_it_was_there() -> None:
    slow = [frame(n, [walker(0.3 + 0.0012 * n, 0.6, 1, speed=10)], fps=10) for n in range(300)]
    assert Heading.learn(lessons(slow)) is None
    many = [frame(n, [walker(0.3 + 0.004 * (n % 20), 0.6, 1 + n // 20)], fps=10) for n in range(100)]
    found = Heading.learn(lessons(many, many, many, many, many))
    assert found is not None
    assert found.tracks.max() <= 25


def test_whoever_was_away_is_not_given_the_way_he_jumped() -> None:
    note: list[float] = []
    for n in range(10):
        pace(note, n * 0.2, 0.5, 0.6)
    assert pace(note, 30.0, 0.1, 0.6) == (0.0, 0.0)


def test_what_is_remembered_of_one_stays_small() -> None:
    notes: Notes = {}
    for n in range(3000):
        pace(notes.setdefault("heading", []), n / 100, n / 3000, 0.6)
    assert len(msgspec.msgpack.encode(notes)) < 250


def test_numbers_that_are_none_are_refused(heading: Heading) -> None:
    wrong: list[tuple[str, Any]] = [("heading.p", np.ones((2, 2, 8))), ("heading.p", heading.p * 0)]
    for name, array in wrong:
        with pytest.raises(ValueError, match=r"heading\.p must be"):
            Heading.of({**heading.arrays(), name: array})


def test_a_frame_without_anybody_is_no_trouble(heading: Heading) -> None:
    told = heading.look(Look(frame(0, []), []))
    assert told is not None
    assert len(told.value) == 0
    assert heading.rare(0.01, Thing(x=0.5, y=0.6).box) is None


def test_tracks_of_footage_that_was_cut_are_all_counted(heading: Heading) -> None:
    """Classes and ways, of frames as well that nothing else is learned from."""
    whole = [street(1, 60), street(2, 60)]
    cut = Lessons.of([clip[:20] for clip in whole], [], classes=1, whole=whole)
    found, kinds = Heading.learn(cut), Kind.learn(cut)
    assert found is not None
    assert kinds is not None
    assert (found.tracks == heading.tracks).mean() > 0.9
    subjects = sum(len({each for frame in clip for each in frame.subject.tolist()}) for clip in whole)
    assert kinds.places.anywhere.sum() == subjects
