import cv2
import numpy as np
import pytest

from pipeline.clock import SECOND
from pipeline.stage import Picture, Plane
from stages.capture.foreground import ForegroundModel, mask_shape
from stages.capture.options import ForegroundOptions

FPS = 10
OPTIONS = ForegroundOptions(warm_up_s=1, absorb_s=10)


def ground(seed: int = 0) -> Picture:
    rng = np.random.default_rng(seed)
    rough = rng.integers(90, 170, (24, 32, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(rough, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)


def with_object(picture: Picture, left: int, colour: tuple[int, int, int] = (20, 20, 230)) -> Picture:
    changed = picture.copy()
    changed[100:180, left : left + 40] = colour
    return changed


def masks(frames: list[Picture], options: ForegroundOptions = OPTIONS) -> list[Plane]:
    model = ForegroundModel(options)
    return [model.mask(frame, i * SECOND // FPS) for i, frame in enumerate(frames)]


def test_the_mask_shows_what_moves_and_nothing_else() -> None:
    frames = [with_object(ground(), 10 + 8 * i) if i < 30 else ground() for i in range(40)]
    made = masks(frames)
    assert made[20].shape == mask_shape(240, 320) == (60, 80)
    inside = made[20][25:45, 43:52]
    assert inside.mean() > 240
    assert np.count_nonzero(made[20]) < 1.3 * 20 * 10
    assert not made[35].any()


def test_the_mask_is_empty_until_the_model_has_warmed_up() -> None:
    frames = [with_object(ground(), 10 + 8 * i) for i in range(20)]
    model = ForegroundModel(OPTIONS)
    for i, frame in enumerate(frames):
        mask = model.mask(frame, i * SECOND // FPS)
        assert model.learning == (i < 10)
        assert mask.any() == (i > 10)


def test_somebody_who_walks_through_the_warm_up_leaves_no_ghost() -> None:
    frames = [with_object(ground(), 10 + 25 * i) if i < 10 else ground() for i in range(14)]
    assert not masks(frames)[-1].any()


def test_noise_is_not_foreground() -> None:
    rng = np.random.default_rng(3)
    frames = [np.clip(ground() + rng.normal(0, 8, (240, 320, 3)), 0, 255).astype(np.uint8) for _ in range(40)]
    assert sum(np.count_nonzero(mask) for mask in masks(frames)) == 0


def test_a_thing_that_stops_is_foreground_until_it_has_stayed_long() -> None:
    frames = [ground()] * 15 + [with_object(ground(), 100)] * 130
    made = masks(frames)
    assert made[15].any()
    assert made[15 + 90].any()
    assert not made[15 + 110].any()


def test_a_shadow_is_not_foreground_but_a_dark_coat_is() -> None:
    shaded, coat = ground().copy(), with_object(ground(), 100, (25, 25, 25))
    shaded[100:180, 100:180] = (shaded[100:180, 100:180] * 0.7).astype(np.uint8)
    assert np.count_nonzero(masks([ground()] * 15 + [shaded])[-1]) < 40
    assert np.count_nonzero(masks([ground()] * 15 + [coat])[-1]) > 150


@pytest.mark.parametrize("gain", [0.75, 1.25])
def test_exposure_that_changes_hides_nobody_and_invents_nobody(gain: float) -> None:
    lit = np.asarray(cv2.convertScaleAbs(ground(), alpha=gain), np.uint8)
    made = masks([ground()] * 15 + [lit, with_object(lit, 100, (10, 10, 240))])
    assert not made[-2].any()
    assert 150 < np.count_nonzero(made[-1]) < 260


def test_another_scene_is_learned_anew_while_the_model_says_so() -> None:
    model = ForegroundModel(OPTIONS)
    frames = [ground()] * 15 + [255 - ground(7) // 3] * 15 + [with_object(255 - ground(7) // 3, 100)]
    learning = []
    for i, frame in enumerate(frames):
        mask = model.mask(frame, i * SECOND // FPS)
        learning.append(model.learning)
    assert learning[15:25] == [True] * 10
    assert not learning[-1]
    assert mask.any()


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (48, 48), (241, 323)])
def test_pictures_of_any_size_have_a_mask(size: tuple[int, int]) -> None:
    made = masks([np.zeros((*size, 3), np.uint8)] * 20)
    assert made[-1].shape == mask_shape(*size)
    assert made[-1].dtype == np.uint8
