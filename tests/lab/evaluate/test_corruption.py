"""Corruptions are the same each time, of the picture's size, and worse with each severity."""

import numpy as np
import pytest

from lab.evaluate.corruption import CORRUPTIONS, SEVERITIES, corrupt
from pipeline.errors import UsageError
from pipeline.stage import Picture


@pytest.fixture(scope="module")
def picture() -> Picture:
    """A smooth scene with edges, of odd sides."""
    down, across = np.mgrid[0:121, 0:163]
    scene = np.stack([down, across, 255 - down], axis=2).clip(0, 255).astype(np.uint8)
    scene[30:90, 40:70] = (200, 180, 40)
    scene[50:70, 90:150] = (20, 30, 120)
    return scene


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_is_farther_from_the_picture(name: str, picture: Picture) -> None:
    distances = []
    for severity in SEVERITIES:
        changed = corrupt(picture, name, severity)
        assert changed.shape == picture.shape
        assert changed.dtype == np.uint8
        distances.append(float(np.abs(changed.astype(float) - picture).mean()))
    assert distances[0] > 0.1
    assert distances == sorted(distances)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_gives_the_same_pixels(name: str, picture: Picture) -> None:
    before = picture.copy()
    np.testing.assert_array_equal(corrupt(picture, name, 3, seed=5), corrupt(picture, name, 3, seed=5))
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("name", ["gaussian_noise", "salt_and_pepper", "rain", "snow", "fog", "motion_blur"])
def test_another_seed_gives_other_pixels(name: str, picture: Picture) -> None:
    assert (corrupt(picture, name, 3, seed=5) != corrupt(picture, name, 3, seed=6)).any()


def test_salt_and_pepper_changes_the_stated_share(picture: Picture) -> None:
    changed = (corrupt(picture, "salt_and_pepper", 4) != picture).any(axis=2)
    assert changed.mean() == pytest.approx(CORRUPTIONS["salt_and_pepper"].strengths[3], abs=0.02)


def test_low_light_is_dark_and_snow_is_bright(picture: Picture) -> None:
    assert corrupt(picture, "low_light", 5).mean() < 0.6 * picture.mean()
    assert corrupt(picture, "snow", 5).mean() > picture.mean()


def test_a_tiny_picture_survives_everything() -> None:
    tiny = np.full((5, 3, 3), 90, np.uint8)
    for name in CORRUPTIONS:
        assert corrupt(tiny, name, 5).shape == tiny.shape


def test_unknown_names_and_severities_are_refused(picture: Picture) -> None:
    with pytest.raises(UsageError, match="known: gaussian_noise"):
        corrupt(picture, "frost", 3)
    with pytest.raises(UsageError, match="1 to 5"):
        corrupt(picture, "fog", 6)
