"""The colour of a crop."""

import numpy as np
import numpy.typing as npt
import pytest

from stages.classify.colour import NAMES, ColourClassifier, ColourOptions

BGR = {
    "black": (12, 10, 14),
    "white": (235, 240, 238),
    "grey": (120, 124, 122),
    "red": (40, 40, 220),
    "orange": (20, 130, 240),
    "brown": (30, 60, 110),
    "yellow": (40, 210, 230),
    "green": (40, 200, 40),
    "blue": (220, 60, 40),
    "purple": (200, 40, 120),
    "pink": (190, 90, 230),
}


def crop(colour: tuple[int, int, int], *, ground: tuple[int, int, int] = (112, 112, 112)) -> npt.NDArray[np.uint8]:
    """An object that leaves the corners of its box to the ground, with the noise of a sensor."""
    picture = np.full((90, 60, 3), ground, np.int16)
    picture[6:84, 8:52] = colour
    picture += np.random.default_rng(1).integers(-6, 7, picture.shape, np.int16)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_every_colour_is_called_by_its_name(name: str) -> None:
    (shares,) = ColourClassifier(ColourOptions()).process([crop(BGR[name])])
    assert NAMES[int(shares.argmax())] == name
    assert shares.max() > 0.6


def test_the_shares_are_probabilities() -> None:
    shares = ColourClassifier(ColourOptions()).process([crop(colour) for colour in BGR.values()])
    assert shares.dtype == np.float32
    assert shares.shape == (11, 11)
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)


def test_a_crop_is_told_the_same_whatever_shares_its_batch() -> None:
    classifier = ColourClassifier(ColourOptions())
    crops = [crop(colour) for colour in BGR.values()]
    together = classifier.process(crops)
    alone = np.concatenate([classifier.process([each]) for each in crops])
    assert together.tobytes() == alone.tobytes()


def test_crops_of_any_size_will_do_and_none_too() -> None:
    classifier = ColourClassifier(ColourOptions())
    assert classifier.process([np.zeros((1, 1, 3), np.uint8)])[0, 0] == 1
    assert classifier.process([]).shape == (0, 11)
