"""Splits do not leak."""

from pathlib import Path

import numpy as np
import pytest

from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.split import by_camera, by_name, by_time
from pipeline.errors import UsageError


def made(counts: dict[str, int], classes: dict[str, int] | None = None) -> Dataset:
    images = []
    for camera, count in counts.items():
        for i in range(count):
            number = np.array([(classes or {}).get(camera, 0)], np.int32)
            images.append(
                LabelledImage(Path(f"{camera}_{i}.jpg"), (9, 9), np.array([[0, 0, 5, 5]], np.float32), number, camera)
            )
    return Dataset(("a", "b"), {"train": tuple(images[::2]), "val": tuple(images[1::2])})


@pytest.mark.parametrize("seed", range(5))
def test_no_camera_is_on_both_sides(seed: int) -> None:
    split = by_camera(made({f"c{i}": 5 + i for i in range(9)}), val=0.2, seed=seed)

    sides = [{image.camera for image in images} for images in split.splits.values()]
    assert not sides[0] & sides[1]
    assert len(split) == 81
    assert 12 <= len(split.splits["val"]) <= 21


def test_the_seed_decides() -> None:
    data = made({f"c{i}": 10 for i in range(12)})

    chosen = [
        {image.camera for image in by_camera(data, val=0.25, seed=seed).splits["val"]} for seed in (0, 0, 1, 2, 3)
    ]

    assert chosen[0] == chosen[1]
    assert len({frozenset(each) for each in chosen}) > 1


def test_every_class_is_on_both_sides_where_that_is_possible() -> None:
    data = made({f"c{i}": 10 for i in range(10)}, {"c3": 1, "c7": 1})

    for seed in range(5):
        split = by_camera(data, val=0.2, seed=seed)
        assert all({int(image.class_id[0]) for image in images} == {0, 1} for images in split.splits.values())


def test_one_camera_cannot_be_split_by_camera() -> None:
    with pytest.raises(UsageError, match="--by time"):
        by_camera(made({"only": 20}), val=0.2, seed=0)


def test_by_time_the_end_is_held_back_with_a_gap_before_it() -> None:
    split = by_time(made({"a": 20, "b": 3}), val=0.2, gap=4)

    numbers = {side: [int(i.path.stem[2:]) for i in images if i.camera == "a"] for side, images in split.splits.items()}
    assert numbers == {"train": list(range(12)), "val": [16, 17, 18, 19]}
    assert sum(image.camera == "b" for image in split.splits["train"]) == 3


def test_too_few_pictures_for_the_gap_are_refused() -> None:
    with pytest.raises(UsageError, match="lower --gap"):
        by_time(made({"a": 5}), val=0.2, gap=5)


def test_the_cameras_held_back_are_the_validation_whole() -> None:
    split = by_name(made({"gate": 4, "yard": 3, "road": 5}), ["yard", "gate"])

    sides = {side: {image.camera for image in images} for side, images in split.splits.items()}
    assert sides == {"train": {"road"}, "val": {"gate", "yard"}}
    assert len(split) == 12


def test_an_unknown_camera_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError) as refused:
        by_name(made({"gate": 4, "yard": 3}), ["gate", "yrad"])

    assert str(refused.value) == "--hold-back 'yrad': no such camera, did you mean 'yard'?; there are gate, yard"


def test_to_hold_back_every_camera_leaves_nothing_to_train_on() -> None:
    with pytest.raises(UsageError, match="leaves none to train on"):
        by_name(made({"gate": 4, "yard": 3}), ["gate", "yard"])
