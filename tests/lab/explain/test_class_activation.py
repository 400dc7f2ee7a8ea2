"""Class activation maps on features small enough to reason about, and on real networks."""

import numpy as np
import pytest

from lab.explain.class_activation import Features, combined, eigencam, gradcam, layercam


def blob(at: tuple[int, int]) -> Features:
    plane = np.zeros((1, 8, 8), np.float32)
    plane[0, at[0], at[1]] = 1
    return plane


FEATURES = np.concatenate([blob((2, 2)), blob((5, 6))])
GRADIENT = np.stack([np.full((8, 8), 1.0), np.full((8, 8), -1.0)]).astype(np.float32)


@pytest.mark.parametrize("method", [gradcam, layercam])
def test_what_speaks_for_the_score_shows_and_what_speaks_against_it_does_not(method: type) -> None:
    plane = method(FEATURES, GRADIENT)
    assert plane[2, 2] > 0
    assert plane[5, 6] == 0


def test_layercam_is_local_where_gradcam_is_not() -> None:
    features = np.concatenate([blob((2, 2)) + blob((5, 6))])
    gradient = 64 * blob((2, 2))
    assert layercam(features, gradient)[5, 6] == 0
    assert gradcam(features, gradient)[5, 6] == pytest.approx(1)


def test_eigencam_shows_what_varies_together_whatever_the_sign_of_the_component() -> None:
    random = np.random.default_rng(0)
    features = random.normal(0, 0.01, (6, 8, 8)).astype(np.float32)
    features[:4, 3:5, 3:5] += np.array([1, 2, 3, 4], np.float32)[:, None, None]
    for sign in (1, -1):
        plane = eigencam(sign * features)
        assert plane.min() >= 0
        assert plane[3:5, 3:5].min() > 10 * np.delete(plane, [3, 4], axis=0).max()


def test_maps_of_several_layers_add_up_at_the_size_of_the_picture() -> None:
    one = combined([blob((2, 2))[0]], (64, 64))
    two = combined([blob((2, 2))[0], np.ones((2, 2), np.float32)], (64, 64))
    assert one.shape == (64, 64)
    assert one.min() == 0
    assert np.unravel_index(one.argmax(), one.shape) == pytest.approx((20, 20), abs=2)
    assert (two - one)[one > 0] == pytest.approx(1, abs=1e-5)
