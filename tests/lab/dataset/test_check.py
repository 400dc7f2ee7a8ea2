"""What is wrong with a data set is found, named, and nothing else is."""

import os
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.dataset.check import boxes, check
from lab.dataset.check_page import write_page
from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.perceptual_hash import alike, perceptual_hash
from lab.dataset.yolo_format import read, write
from pipeline.errors import UsageError
from tests.lab.dataset.conftest import Boxes, Seer, drawn


def kinds(dataset: Dataset, teachers: tuple[Seer, ...] = (), faults: tuple[UsageError, ...] = ()) -> Counter[str]:
    return Counter(each.kind.name for each in check(dataset, teachers, faults).findings)


def sound(folder: Path, count: int = 60) -> Dataset:
    train = tuple(drawn(folder / f"a_{i}.png", [(10, 10, 60, 90, 0)], seed=i) for i in range(count))
    val = tuple(drawn(folder / f"b_{i}.png", [(10, 10, 60, 90, 0)], seed=1000 + i) for i in range(5))
    return Dataset(("person",), {"train": train, "val": val})


def test_a_sound_data_set_has_no_findings(tmp_path: Path) -> None:
    assert kinds(sound(tmp_path)) == {}


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ([(-30, 10, 60, 90, 0)], "box outside"),
        ([(10, 10, 60, 190, 0)], "box outside"),
        ([(10, 10, 10, 90, 0)], "box without area"),
        ([(60, 10, 10, 90, 0)], "box without area"),
        ([(10, 10, 12, 90, 0)], "tiny box"),
        ([(0, 0, 160, 120, 0)], "huge box"),
        ([(10, 10, 60, 90, 0), (11, 10, 60, 90, 0)], "same box twice"),
        ([(10, 10, 60, 90, 0), (11, 10, 60, 90, 1)], "one object, two classes"),
        ([(10, 10, 60, 90, 7)], "unknown class"),
    ],
)
def test_a_wrong_box_is_found(wrong: Boxes, kind: str) -> None:
    rows = np.array(wrong, np.float32)
    image = LabelledImage(Path("x.png"), (120, 160), rows[:, :4], rows[:, 4].astype(np.int32))

    assert [each.kind.name for each in boxes(image, 2)] == [kind]


def test_a_scene_on_both_sides_is_an_error_even_if_recompressed(tmp_path: Path) -> None:
    data = sound(tmp_path)
    original = cv2.imread(str(tmp_path / "a_3.png"))
    assert original is not None
    cv2.imwrite(str(tmp_path / "other_1.jpg"), original, [cv2.IMWRITE_JPEG_QUALITY, 50])
    again = drawn(tmp_path / "z" / "a_3.png", [(10, 10, 60, 90, 0)], seed=3)
    copy = LabelledImage(tmp_path / "other_1.jpg", again.size, again.xyxy, again.class_id, "other")

    assert kinds(Dataset(data.names, {**data.splits, "val": (*data.splits["val"], copy)})) == {
        "same scene in two splits": 1
    }


def test_copies_within_a_split_and_one_recording_in_two_are_warnings(tmp_path: Path) -> None:
    data = sound(tmp_path)
    shutil.copy(tmp_path / "a_3.png", tmp_path / "a_700.png")
    train = (*data.splits["train"], drawn(tmp_path / "a_700.png", [(10, 10, 60, 90, 0)], seed=3))
    val = (*data.splits["val"], drawn(tmp_path / "a_701.png", [(10, 10, 60, 90, 0)], seed=701))

    found = check(Dataset(data.names, {"train": train, "val": val})).findings

    assert Counter(each.kind.name for each in found) == {"same file twice": 1, "recording in two splits": 1}
    assert {str(each.kind.severity) for each in found} == {"warning"}


def test_cut_off_pictures_and_unreadable_labels_are_found(tmp_path: Path) -> None:
    write(sound(tmp_path / "sound", 55), tmp_path / "set", link=False)
    pictures = tmp_path / "set" / "train" / "images"
    whole = (pictures / "a_1.png").read_bytes()
    (pictures / "a_1.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "a_2.png").write_bytes(b"nothing")
    (tmp_path / "set" / "train" / "labels" / "a_3.txt").write_text("0 0.5 0.5\n")
    faults: list[UsageError] = []

    data = read(tmp_path / "set", faults=faults)

    assert len(data) == 58
    assert kinds(data, (), tuple(faults)) == {"unreadable file": 3}


def test_teachers_find_forgotten_and_imagined_objects(tmp_path: Path) -> None:
    data = Dataset(("person",), {"train": (drawn(tmp_path / "a_1.png", [(10, 10, 60, 90, 0)]),)})

    found = kinds(data, (Seer([(100, 10, 150, 90, 0)], [0.9], knows=(0,)),))

    assert found["object without label"] == 1
    assert found["label that no teacher sees"] == 1


def test_a_class_no_teacher_knows_is_not_called_imagined(tmp_path: Path) -> None:
    data = Dataset(("lion",), {"train": (drawn(tmp_path / "a_1.png", [(10, 10, 60, 90, 0)]),)})

    assert "label that no teacher sees" not in kinds(data, (Seer([], [], knows=(1,)),))


def test_balance_counts_boxes_and_names_what_is_missing(tmp_path: Path) -> None:
    data = sound(tmp_path, 3)
    checked = check(Dataset(("person", "car"), data.splits))

    assert checked.balance == {"train": [3, 0], "val": [5, 0]}
    assert Counter(each.kind.name for each in checked.findings) == {"rare class": 1, "class without boxes": 2}


def test_likeness_survives_recompression_and_brightness_but_not_another_scene() -> None:
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 200, (12, 16, 3)).astype(np.uint8)
    picture = cv2.resize(cells, (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    small = cv2.resize(cv2.convertScaleAbs(picture, alpha=1.1, beta=5), (320, 240)).astype(np.uint8)
    other = cv2.resize(255 - cells[::-1], (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.uint8)

    pairs = list(alike(np.stack([perceptual_hash(each) for each in (picture, other, small)]), bits=16))

    assert [(i, j) for i, j, _ in pairs] == [(0, 2)]


def test_the_page_shows_the_pictures_that_are_meant(tmp_path: Path) -> None:
    data = sound(tmp_path, 3)
    shutil.copyfile(tmp_path / "a_1.png", tmp_path / "b_copy.png")
    copy = drawn(tmp_path / "b_copy.png", [(10, 10, 60, 300, 0)], seed=1)
    data = Dataset(data.names, data.splits | {"val": (copy,)})

    page = write_page(check(data), data, tmp_path / "out").read_text()

    assert "same scene in two splits: 1" in page
    assert "a_1.png: train, and in val b_copy.png: the same file" in page
    assert "box outside: 1" in page
    assert page.count("<img ") == 2


def test_the_page_of_a_sound_data_set_says_so(tmp_path: Path) -> None:
    data = sound(tmp_path)

    assert "Nothing was found." in write_page(check(data), data, tmp_path / "out").read_text()


def test_a_name_that_is_not_utf_8_is_named_and_nothing_dies_of_it(tmp_path: Path) -> None:
    yaml = write(sound(tmp_path / "drawn", 2), tmp_path / "set")
    whole = tmp_path / "set" / "train" / "images" / "a_1.png"
    try:
        shutil.copyfile(whole, os.fsdecode(os.fsencode(whole.parent) + b"/caf\xe9 \xff.png"))
    except OSError:
        pytest.skip("this file system takes no such names")

    faults: list[UsageError] = []
    data = read(yaml, faults=faults)

    assert len(data) == 7
    assert [str(fault).endswith("its name is not UTF-8; rename it, and its labels") for fault in faults] == [True]
    assert kinds(data, faults=tuple(faults))["unreadable file"] == 1
    "".join(map(str, faults)).encode()


def test_a_label_whose_picture_is_gone_is_found(tmp_path: Path) -> None:
    yaml = write(sound(tmp_path / "drawn"), tmp_path / "set")
    (tmp_path / "set" / "train" / "images" / "a_7.png").unlink()

    outcome = check(read(yaml))

    assert [(each.kind.name, Path(each.where).name) for each in outcome.findings] == [
        ("label without picture", "a_7.txt")
    ]
