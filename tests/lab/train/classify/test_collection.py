from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.train.classify.collection import collect, read_folder
from lab.train.classify.crops import Crop, cut, read_list, widened, write_list
from lab.train.classify.settings import Data, Source
from pipeline.errors import UsageError


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detection data set: each picture with a white car on the left and a grey bus on the right."""
    folder = tmp_path_factory.mktemp("boxes")
    for part in ("images", "labels"):
        (folder / "train" / part).mkdir(parents=True)
    (folder / "data.yaml").write_text("train: train/images\nnames: [car, bus]\n")
    for number in range(4):
        picture = np.zeros((100, 200, 3), np.uint8)
        picture[40:60, 10:50], picture[20:80, 120:180] = 255, 128
        cv2.imwrite(str(folder / "train" / "images" / f"cam{number % 2}_{number}.png"), picture)
        (folder / "train" / "labels" / f"cam{number % 2}_{number}.txt").write_text(
            "0 0.15 0.5 0.2 0.2\n1 0.75 0.5 0.3 0.6\n"
        )
    return folder


def test_crops_are_cut_around_boxes_with_their_margin(boxes: Path) -> None:
    found = collect(Data(sources=(Source(boxes=boxes),), margin=0.1), boxes)
    assert {(crop.name, crop.box) for crop in found} == {("car", (6, 38, 54, 62)), ("bus", (114, 14, 186, 86))}
    assert {crop.group for crop in found} == {"cam0", "cam1"}


def test_classes_are_renamed_and_what_is_not_named_is_left_out(boxes: Path) -> None:
    source = Source(boxes=boxes, classes={"bus": "vehicle"}, background="other", most_per_picture=1)
    found = collect(Data(sources=(source,)), boxes)
    assert [crop.name for crop in found if crop.name != "other"] == ["vehicle"] * 4


def test_the_background_touches_no_object(boxes: Path) -> None:
    source = Source(boxes=boxes, background="other", most_per_picture=2)
    found = [crop for crop in collect(Data(sources=(source,), margin=0), boxes) if crop.name == "other"]
    assert len(found) == 8
    for crop in found:
        picture = cv2.imread(str(crop.path))
        assert picture is not None
        assert (cut(picture, crop) > 0).mean() < 0.2  # type: ignore[arg-type]  # cv2 says any dtype


def test_a_class_that_is_not_there_is_named_with_those_that_are(boxes: Path) -> None:
    with pytest.raises(UsageError, match="has no class van; it has car, bus"):
        collect(Data(sources=(Source(boxes=boxes, classes={"van": "van"}),)), boxes)


def test_one_class_alone_is_refused(boxes: Path) -> None:
    with pytest.raises(UsageError, match="two at least"):
        collect(Data(sources=(Source(boxes=boxes, classes={"car": "car"}),)), boxes)


def test_a_folder_of_classes_may_hold_folders_of_recordings(tmp_path: Path) -> None:
    for name in ("bus/gate/1.png", "bus/yard/1.png", "car/cam1_07.png", "readme/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [(crop.name, crop.group) for crop in read_folder(tmp_path)] == [
        ("bus", "gate"),
        ("bus", "yard"),
        ("car", "cam1"),
    ]
    with pytest.raises(UsageError, match="no pictures in folders named after classes"):
        read_folder(tmp_path / "readme")
    with pytest.raises(UsageError, match="not a folder"):
        read_folder(tmp_path / "absent")


def test_a_list_of_crops_survives_writing(tmp_path: Path) -> None:
    crops = (
        Crop(tmp_path / "a, b.png", (1, 2, 3, 4), "car", "cam1", "train"),
        Crop(tmp_path / "c.png", None, "bus", "cam2", "val"),
    )
    write_list(tmp_path / "crops.csv", crops)
    assert read_list(tmp_path / "crops.csv") == crops
    assert read_list(tmp_path / "crops.csv", split="val") == crops[1:]
    with pytest.raises(UsageError, match="no crops in the split 'test'; there are: train, val"):
        read_list(tmp_path / "crops.csv", split="test")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,class\n", r"crops\.csv:1: the columns must be"),
        ("path,left,top,right,bottom,class,group,split\na.png,1,2,x,4,car,g,train\n", r"crops\.csv:2: not a crop"),
    ],
)
def test_a_bad_list_is_refused_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "crops.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_list(tmp_path / "crops.csv")


def test_a_widened_box_stays_within_the_picture() -> None:
    assert widened(np.array([0, 10, 100, 50], np.float32), (55, 105), 0.1) == (0, 6, 105, 54)


def test_a_box_outside_of_its_picture_is_refused() -> None:
    with pytest.raises(UsageError, match="outside of the picture"):
        cut(np.zeros((10, 10, 3), np.uint8), Crop(Path("a.png"), (20, 20, 30, 30), "car"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({}, "name either"),
        ({"crops": "a", "boxes": "b"}, "name either"),
        ({"crops": "a", "background": "other"}, "background needs boxes"),
        ({"crops": "a", "group": "cam[0-9]"}, "one group in brackets"),
        ({"crops": "a", "group": "("}, "not a regular expression"),
    ],
)
def test_a_source_that_contradicts_itself_is_refused(source: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Source.model_validate(source)
