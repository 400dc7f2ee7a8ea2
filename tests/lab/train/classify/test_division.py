from pathlib import Path

import pytest

from lab.train.classify.crops import Crop
from lab.train.classify.division import counts, divide
from pipeline.errors import UsageError


def crops(*, recordings: int, each: int = 10, names: tuple[str, ...] = ("bus", "car")) -> list[Crop]:
    return [
        Crop(Path(f"{group}_{name}_{i}.png"), None, name, f"cam{group}")
        for group in range(recordings)
        for name in names
        for i in range(each)
    ]


def test_no_recording_is_torn_apart_and_shares_are_about_as_wanted() -> None:
    divided = divide(crops(recordings=10), val_share=0.2, test_share=0.2, seed=3)
    splits: dict[str, set[str]] = {}
    for crop in divided:
        splits.setdefault(crop.group, set()).add(crop.split)
    assert all(len(each) == 1 for each in splits.values())
    assert counts(divided) == {
        "train": {"bus": 60, "car": 60},
        "val": {"bus": 20, "car": 20},
        "test": {"bus": 20, "car": 20},
    }


def test_the_seed_decides_and_repeats() -> None:
    def first(seed: int) -> tuple[Crop, ...]:
        return divide(crops(recordings=10), val_share=0.2, test_share=0.2, seed=seed)

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_a_split_that_is_given_holds_for_the_whole_recording() -> None:
    given = [
        crop.moved_to("val") if crop.group == "cam0" and crop.name == "bus" else crop for crop in crops(recordings=5)
    ]
    divided = divide(given, val_share=0.2, test_share=0, seed=0)
    assert {crop.split for crop in divided if crop.group == "cam0"} == {"val"}


def test_a_class_of_one_recording_cannot_be_held_back() -> None:
    lonely = [*crops(recordings=5), *(Crop(Path(f"van{i}.png"), None, "van", "cam9") for i in range(9))]
    with pytest.raises(UsageError, match=r"class 'van' has no crops in .* 1 recordings \(cam9\)"):
        divide(lonely, val_share=0.2, test_share=0, seed=0)


def test_a_class_of_two_crops_is_refused() -> None:
    with pytest.raises(UsageError, match="class 'van' has 2 crops"):
        divide(
            [*crops(recordings=5), *[Crop(Path("v.png"), None, "van", "g")] * 2], val_share=0.2, test_share=0, seed=0
        )
