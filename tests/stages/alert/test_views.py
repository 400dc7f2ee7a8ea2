"""Views: the frames that show an object best, few of them, and not twice the same."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.clock import SECOND
from stages.alert.views import BEFORE_NS, BETWEEN_NS, View, best_first, note_best, note_recent, note_together, view

WHOLE = (0.3, 0.3, 0.4, 0.6)


def at(index: int, score: float, fps: int = 10) -> View:
    return View(index, index * SECOND // fps, 1, 0.5, WHOLE, (30.0, 30.0, 40.0, 60.0), score)


def test_larger_surer_and_whole_is_better() -> None:
    box_px = (300.0, 300.0, 400.0, 600.0)
    usual = view(1, 0, 7, 0.6, WHOLE, box_px).score
    assert view(1, 0, 7, 0.7, WHOLE, box_px).score > usual
    assert view(1, 0, 7, 0.6, WHOLE, (300.0, 300.0, 410.0, 600.0)).score > usual
    assert view(1, 0, 7, 0.6, (0.0, 0.3, 0.1, 0.6), box_px).score == usual / 2


def test_of_a_moment_only_the_better_frame_is_kept() -> None:
    views: list[View] = []
    note_best(views, [at(0, 1.0), at(2, 3.0), at(4, 2.0), at(9, 1.5)], 3)
    assert [each.index for each in views] == [2, 9]


def test_the_best_frames_are_told_best_first_and_of_equal_ones_the_earlier() -> None:
    assert [each.index for each in best_first([at(0, 1.0), at(10, 3.0), at(20, 1.0)])] == [10, 0, 20]


@given(st.lists(st.floats(0, 100), max_size=80), st.integers(1, 4))
def test_whatever_comes_few_are_kept_in_order_of_time_and_apart(scores: list[float], most: int) -> None:
    best: list[View] = []
    recent: list[View] = []
    for index, score in enumerate(scores):
        note_recent(recent, at(index, score))
        note_best(best, [at(index, score)], most)
        assert recent[-1].media_ns - recent[0].media_ns <= BEFORE_NS
    assert len(best) <= most
    for views in (best, recent):
        times = [each.media_ns for each in views]
        assert all(later - earlier >= BETWEEN_NS for earlier, later in pairwise(times))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_the_very_best_frame_is_always_among_them(scores: list[float]) -> None:
    best: list[View] = []
    for index, score in enumerate(scores):
        note_best(best, [at(index, score, fps=1)], 3)
    assert best_first(best)[0].score == max(scores)


def test_a_frame_is_noted_for_all_it_shows_or_for_none() -> None:
    near: list[View] = []
    far: list[View] = []
    assert note_together([(near, at(0, 20.0)), (far, at(0, 5.0))], 0)
    assert not note_together([(near, at(5, 21.0)), (far, at(5, 5.0))], at(5, 0).media_ns)
    assert note_together([(near, at(10, 18.0)), (far, at(10, 7.0))], at(10, 0).media_ns)
    assert [each.index for each in near] == [each.index for each in far] == [0, 10]


def test_who_stands_still_is_noted_now_and_then_and_what_is_old_is_forgotten() -> None:
    views: list[View] = []
    noted = [index for index in range(80) if note_together([(views, at(index, 9.0))], at(index, 0).media_ns)]
    assert noted == [0, 15, 30, 45, 60, 75]
    assert [each.index for each in views] == [30, 45, 60, 75]
