import shutil
from pathlib import Path

import pytest

from lab.compress.lessons import lessons_of
from lab.dataset.labelled import Dataset
from lab.dataset.reading import read_any
from lab.dataset.yolo_format import read
from lab.evaluate.truth import read_truth
from pipeline.errors import UsageError
from tests.lab.compress.networks import NAMES


def test_nothing_that_proves_the_model_teaches_it(weights: Path, dataset: Path, pictures: Path) -> None:
    truth = read_truth(dataset, split="test")
    data = lessons_of(weights, NAMES, [read(dataset), read_any(pictures)], {}, left_out=truth)
    proved_on = {image.path.stat().st_ino for image in truth.images}
    assert len(data.splits["train"]) > 0
    assert not proved_on & {image.path.stat().st_ino for image in data}  # the data set is a tree of hard links


def test_copies_of_what_proves_the_model_do_not_teach_it_either(
    weights: Path, dataset: Path, pictures: Path, tmp_path: Path
) -> None:
    copies = shutil.copytree(pictures, tmp_path / "copies")
    truth = read_truth(dataset, split="test")
    data = lessons_of(weights, NAMES, [read(dataset), read_any(copies)], {}, left_out=truth)
    proved_on = {image.path.read_bytes() for image in truth.images}
    assert len(data.splits["train"]) > 0
    assert not proved_on & {image.path.read_bytes() for image in data}


def test_no_picture_chooses_the_epoch_and_teaches(weights: Path, dataset: Path) -> None:
    data = lessons_of(weights, NAMES, [read(dataset)], {}, left_out=read_truth(dataset, split="test"))
    paths = [{image.path for image in data.splits[split]} for split in ("train", "val")]
    assert not paths[0] & paths[1]
    assert paths[1]


def test_boxes_get_the_numbers_of_the_teacher(weights: Path, dataset: Path) -> None:
    taught = read(dataset)
    names = ("cat", *reversed(NAMES))
    data = lessons_of(weights, names, [taught], {}, left_out=read_truth(dataset, split="test"))
    before = {image.path: image for image in taught}
    for image in data:
        theirs = [NAMES[number] for number in before[image.path].class_id]
        assert [names[number] for number in image.class_id] == theirs


def test_a_class_that_means_several_of_the_teacher_gives_no_boxes(weights: Path, dataset: Path) -> None:
    people = read(dataset)
    renamed = Dataset(("person", "vehicle"), people.splits)
    data = lessons_of(
        weights, ("person", "car", "bus"), [renamed], {"vehicle": ("car", "bus")},
        left_out=read_truth(dataset, split="test"),
    )  # fmt: skip
    assert {int(number) for image in data for number in image.class_id} <= {0}


def test_data_that_only_proves_cannot_teach(weights: Path, dataset: Path) -> None:
    with pytest.raises(UsageError, match="left to learn from"):
        lessons_of(weights, NAMES, [read(dataset)], {}, left_out=read_truth(dataset, split="all"))
