"""Pictures of one recording are drawn in stretches: otherwise figures look surer than they are."""

from pathlib import Path

import numpy as np
import pytest

from lab.dataset.labelled import LabelledImage
from lab.evaluate.stretches import largest_camera, of_stretches, stretches
from lab.statistics import FloatArray, intervals_of
from pipeline.errors import UsageError


def image(name: str, camera: str) -> LabelledImage:
    return LabelledImage(Path(name), (48, 64), np.zeros((0, 4), np.float32), np.zeros(0, np.int32), camera)


def recording(camera: str, frames: int) -> list[LabelledImage]:
    return [image(f"{camera}_{number}.jpg", camera) for number in range(frames)]


def test_neighbours_in_time_belong_together_in_whatever_order_they_come() -> None:
    images = recording("gate", 20)
    order = [19, 0, 18, 1, 9, 2, 8, 3, 7, 4, 6, 5, *range(10, 18)]
    assert stretches([images[number] for number in order], 2).tolist() == [number // 2 for number in order]


def test_no_stretch_reaches_from_one_camera_to_another() -> None:
    found = stretches(recording("gate", 5) + recording("yard", 25), 3)
    assert found[:9].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3]
    assert found.max() == 10


def test_single_pictures_are_their_own_stretches() -> None:
    assert sorted(stretches(recording("gate", 3), 1)) == [0, 1, 2]
    pictures = [image(f"{name}.jpg", name) for name in "abcdefghijkl"]
    assert len(set(stretches(pictures, 50))) == 12


def test_few_blocks_are_refused_instead_of_looking_sure() -> None:
    with pytest.raises(UsageError, match="--block 30: these pictures make 2 of them, too few"):
        stretches(recording("gate", 60), 30)


def test_an_interval_over_stretches_is_as_wide_as_that_of_their_means() -> None:
    images = recording("gate", 400)
    level = np.repeat(np.random.default_rng(3).normal(size=20), 20)  # neighbours say the same

    def mean(weights: FloatArray) -> FloatArray:
        found: FloatArray = (weights @ level / weights.sum(axis=1))[:, None]
        return found

    stretch = stretches(images, 20)
    (single,) = intervals_of(mean, 400)
    (whole,) = intervals_of(of_stretches(mean, stretch), 20)
    assert whole.value == pytest.approx(single.value)
    assert (whole.high - whole.low) / (single.high - single.low) == pytest.approx(np.sqrt(20), rel=0.2)


def test_the_camera_with_most_pictures_is_found() -> None:
    assert largest_camera(recording("gate", 3) + recording("yard", 7)) == ("yard", 7)
