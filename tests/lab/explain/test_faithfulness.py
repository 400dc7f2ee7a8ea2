"""Maps on trial, with a model whose reasons are known: it counts the bright pixels of one square."""

from collections.abc import Iterable

import numpy as np
import pytest

from lab.explain.baselines import random_maps
from lab.explain.explanation import Effort, all_explain, explain, overall
from lab.explain.faithfulness import Trial
from lab.explain.masked import Map, Masks, saliency
from lab.explain.scorer import Scores
from lab.explain.target import Target, Window
from pipeline.stage import Picture

SQUARE = (slice(20, 36), slice(40, 56))
WHOLE = Window(0, 0, 80, 60)


def square_scorer(pictures: Iterable[Picture]) -> Scores:
    """0.9 while the square is bright, nothing when it is grey."""
    return np.array([0.9 * np.clip((picture[SQUARE].mean() - 120) / 135, 0, 1) for picture in pictures])


@pytest.fixture
def picture() -> Picture:
    pixels = np.random.default_rng(0).integers(60, 130, (60, 80, 3), np.uint8)
    pixels[SQUARE] = 255
    return pixels


def true_map() -> Map:
    found = np.zeros((60, 80), np.float32)
    found[SQUARE] = 1
    return found


def target() -> Target:
    return Target(np.array([40, 20, 56, 36], np.float32), 0, "square", 0.9)


def test_random_masks_find_what_a_black_box_looks_at(picture: Picture) -> None:
    found = saliency(picture, WHOLE, square_scorer, Masks(600, 8))
    assert found.shape == (60, 80)
    top, left = np.unravel_index(found.argmax(), found.shape)
    assert 20 <= top < 36
    assert 40 <= left < 56
    assert found[SQUARE].mean() > 5 * abs(np.delete(found, np.s_[15:41], axis=0).mean())


def test_masks_are_the_same_for_the_same_seed_and_show_the_share_they_should() -> None:
    one, same, other = (np.concatenate(list(Masks(40, 5, seed=seed).batches((30, 47)))) for seed in (1, 1, 2))
    assert one.shape == (40, 30, 47)
    assert (one == same).all()
    assert (one != other).any()
    assert one.mean() == pytest.approx(0.5, abs=0.05)
    assert (one.min(), one.max()) == (0, 1)


def test_the_picture_is_left_alone_also_outside_of_the_window(picture: Picture) -> None:
    before, seen = picture.copy(), []

    def scorer(pictures: Iterable[Picture]) -> Scores:
        kept = list(pictures)
        seen.extend(kept)
        return square_scorer(kept)

    window = Window(30, 10, 70, 50)
    saliency(picture, window, scorer, Masks(20))
    Trial(picture, window, scorer).curves(np.zeros(window.shape, np.float32))
    assert (picture == before).all()
    outside = np.ones((60, 80), bool)
    outside[window.slices] = False
    assert all((pixels[outside] == before[outside]).all() for pixels in seen)


def test_the_true_map_beats_chance_and_its_opposite_does_not(picture: Picture) -> None:
    trial = Trial(picture, WHOLE, square_scorer)
    rivals = list(random_maps(WHOLE.shape, 20, seed=0))
    verdict = trial.verdict(true_map(), rivals)
    assert verdict.explains
    assert verdict.chance == pytest.approx(1 / 21)
    assert verdict.advantage.low > 0
    assert str(verdict) == "the map explains more than chance (p = 0.048)"
    opposite = trial.verdict(-true_map(), rivals)
    assert not opposite.explains
    assert opposite.advantage.high < 0
    assert opposite.curves.gain < -0.5


def test_chance_passes_no_more_often_than_chance_should(picture: Picture) -> None:
    trial = Trial(picture, WHOLE, square_scorer, steps=4)
    gains = np.array([trial.curves(each).gain for each in random_maps(WHOLE.shape, 300, seed=5)])
    passed = [gains[i] > np.delete(gains, i)[i % 14 * 20 : i % 14 * 20 + 20].max() for i in range(len(gains))]
    assert np.mean(passed) < 0.09  # 1/21 is expected


def test_curves_run_from_the_whole_picture_to_nothing_and_back(picture: Picture) -> None:
    curves = Trial(picture, WHOLE, square_scorer, steps=10).curves(true_map())
    assert len(curves.deletion) == len(curves.insertion) == 11
    assert (curves.deletion[0], curves.insertion[-1]) == (1, 1)
    assert curves.deletion[-1] == 0
    assert curves.deleted == pytest.approx(0.05, abs=0.03)
    assert curves.inserted == pytest.approx(0.96, abs=0.04)


def test_a_flat_map_says_nothing(picture: Picture) -> None:
    trial = Trial(picture, WHOLE, square_scorer)
    assert not trial.verdict(np.zeros((60, 80), np.float32), random_maps(WHOLE.shape, 20, seed=0)).explains


def test_a_map_of_another_size_is_refused(picture: Picture) -> None:
    with pytest.raises(ValueError, match=r"must be \(60, 80\)"):
        Trial(picture, WHOLE, square_scorer).curves(np.zeros((10, 10), np.float32))


def test_several_targets_have_an_interval_together(picture: Picture) -> None:
    good = explain(picture, WHOLE, target(), true_map(), square_scorer, effort=Effort())
    bad = explain(picture, WHOLE, target(), -true_map(), square_scorer, effort=Effort())
    assert all_explain([good])
    assert not all_explain([bad])
    assert all_explain([good, good, good])
    assert not all_explain([good, bad, bad])
    assert overall([good, bad]).low < 0 < overall([good, bad]).high
    assert good.facts()["explains"] is True
    assert set(good.baselines) == {"centre of the box", "edges of the picture"}
