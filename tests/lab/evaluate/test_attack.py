"""Attacks stay within their bounds and lower what they mean to lower."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from lab.evaluate.attack import attacked
from lab.evaluate.patch import INK, SIDE_PX, optimised, place
from lab.evaluate.truth import read_truth
from lab.evaluate.victim import Target, Victim, picture_of, targets_of
from lab.evaluate.vocabulary import match_names

NAMES = ("person", "bicycle", "car")


@pytest.fixture(scope="module")
def victim(weights: Path) -> Victim:
    return Victim(weights, match_names(NAMES, NAMES))


@pytest.fixture(scope="module")
def targets(dataset: Path) -> list[Target]:
    return targets_of(read_truth(dataset), match_names(NAMES, NAMES), imgsz=96)


def test_pictures_and_boxes_are_brought_to_the_models_size(targets: list[Target]) -> None:
    for target in targets:
        assert target.pixels.shape == (72, 96, 3)
        assert target.xyxy.max() <= 96.5


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
def test_no_pixel_changes_by_more_than_epsilon(
    method: Literal["fgsm", "pgd"], victim: Victim, targets: list[Target]
) -> None:
    for epsilon in (2, 8):
        (picture,) = attacked(victim, targets[0], method, epsilons=[epsilon], seed=0)
        change = np.abs(picture.astype(int) - targets[0].pixels)
        assert 0 < change.max() <= epsilon


def test_against_the_gradient_objects_are_seen_less_and_along_it_more(victim: Victim, targets: list[Target]) -> None:
    """Within a step so small that a network of random weights is still straight."""
    for target in targets[:3]:
        clean = victim.tensor(target.pixels)
        step = 1e-5 * victim.gradient(clean, target).sign()
        less, seen, more = (float(victim.visibility(each, target)) for each in (clean - step, clean, clean + step))
        assert less < seen < more


def test_the_same_seed_gives_the_same_attack(victim: Victim, targets: list[Target]) -> None:
    first, again = (attacked(victim, targets[0], "pgd", epsilons=[4], seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_patch_changes_only_pixels_within_the_boxes(victim: Victim, targets: list[Target]) -> None:
    import torch

    target = next(t for t in targets if (t.xyxy[:, 2:] - t.xyxy[:, :2]).min() > 0)
    patch = torch.full((1, 3, SIDE_PX, SIDE_PX), 0.5)
    worn = picture_of(place(victim.tensor(target.pixels), patch, target, np.random.default_rng(1)))
    changed = (worn != target.pixels).any(axis=2)
    inside = np.zeros(changed.shape, np.bool_)
    for left, top, right, bottom in target.xyxy.astype(int).tolist():
        inside[max(top - 1, 0) : bottom + 2, max(left - 1, 0) : right + 2] = True
    assert changed.any()
    assert not (changed & ~inside).any()


def test_an_optimised_patch_is_printable_and_repeatable(victim: Victim, targets: list[Target]) -> None:
    patch, again = (optimised(victim, targets[:2], steps=3, seed=1) for _ in range(2))
    assert patch.shape == (1, 3, SIDE_PX, SIDE_PX)
    assert INK[0] <= float(patch.min()) <= float(patch.max()) <= INK[1]
    np.testing.assert_array_equal(patch.numpy(), again.numpy())
