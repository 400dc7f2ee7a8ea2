import numpy as np
import pytest

from lab.train.detect.degradation import KINDS, Degrade, Draw, Picture


def picture() -> Picture:
    draw = np.random.default_rng(2)
    made = draw.integers(60, 200, (64, 80, 3), np.uint8)
    made[20:40, 20:40] = (30, 200, 90)
    return made


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_a_degraded_picture_keeps_its_form_and_is_another(kind: object) -> None:
    assert callable(kind)
    before = picture()
    after = kind(before.copy(), np.random.default_rng(4))
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert not np.array_equal(after, before)
    assert np.array_equal(after, kind(before.copy(), np.random.default_rng(4))), "the same draw gives the same picture"


def test_the_night_is_darker() -> None:
    from lab.train.detect.degradation import night

    draw: Draw = np.random.default_rng(0)
    assert night(picture(), draw).mean() < picture().mean() * 0.8


def test_only_the_asked_share_is_degraded() -> None:
    np.random.seed(0)
    touched = sum(not np.array_equal(Degrade(0.3)({"img": picture()})["img"], picture()) for _ in range(60))
    assert 6 <= touched <= 32
    assert np.array_equal(Degrade(0.0)({"img": picture()})["img"], picture())
