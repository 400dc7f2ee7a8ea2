"""What one format writes, it reads back; what other tools write, too; what they must not write is refused."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from lab.dataset import coco_format, cvat_format, formats, labelstudio_format, yolo_format
from lab.dataset.archive import unpack
from lab.dataset.corners import cut
from lab.dataset.formats import Format, Target
from lab.dataset.labelled import Dataset
from pipeline.errors import UsageError
from tests.lab.dataset.conftest import Same, drawn


@pytest.mark.parametrize("form", list(Target))
def test_a_round_trip_changes_nothing(dataset: Dataset, tmp_path: Path, same: Same, form: Target) -> None:
    formats.write(dataset, form, tmp_path / "out")

    with formats.opened(tmp_path / "out", Format(form), workshop=tmp_path / "in") as read:
        same(dataset, read)


@pytest.mark.parametrize("form", list(Target))
def test_a_zip_of_it_is_read_as_well(dataset: Dataset, tmp_path: Path, same: Same, form: Target) -> None:
    formats.write(dataset, form, tmp_path / "out")
    packed = shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path, "out")

    with formats.opened(Path(packed), Format(form), workshop=tmp_path / "in") as read:
        same(dataset, read)


def test_yolo_keeps_odd_class_names(tmp_path: Path) -> None:
    names = ("no", "1", "a: b", 'quo"te', "straße")
    dataset = Dataset(names, {"train": (drawn(tmp_path / "a_1.png", [(1, 1, 9, 9, 4)]),)})

    assert yolo_format.read(yolo_format.write(dataset, tmp_path / "out")).names == names


def test_yolo_keeps_the_camera_that_a_name_does_not_tell(dataset: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    image = replace(dataset.splits["train"][0], camera="back door")
    yolo_format.write(Dataset(dataset.names, {"train": (image,)}), tmp_path / "out")

    (read,) = yolo_format.read(tmp_path / "out")
    assert read.camera == "back door"


def test_pictures_of_one_name_from_two_folders_keep_their_own_boxes(tmp_path: Path) -> None:
    images = tuple(drawn(tmp_path / f"{i}" / "cam_1.png", [(i, i, 50, 50, 0)], seed=i) for i in range(3))

    yolo_format.write(Dataset(("x",), {"train": images}), tmp_path / "out")

    read = yolo_format.read(tmp_path / "out").splits["train"]
    assert sorted(float(image.xyxy[0, 0].round()) for image in read) == [0, 1, 2]
    assert {image.camera for image in read} == {"cam"}


def test_a_picture_that_lies_on_its_side_has_the_size_that_opencv_shows(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (160, 120)).save(tmp_path / "a.jpg", exif=exif)

    decoded = cv2.imread(str(tmp_path / "a.jpg"))
    assert decoded is not None
    assert yolo_format.size_of(tmp_path / "a.jpg") == decoded.shape[:2] == (160, 120)


def test_the_camera_is_what_the_name_says_before_the_frame_number() -> None:
    hashed = f"clip_lobby_mp4-110_jpg.rf.{'d' * 32}.jpg"

    assert yolo_format.camera_of(Path(hashed)) == "clip_lobby_mp4"
    assert yolo_format.camera_of(Path("gate_000123.png")) == "gate"
    assert yolo_format.camera_of(Path("000000001234.jpg")) == "000000001234"


@pytest.mark.parametrize(
    ("line", "says"),
    [("0 0.5 0.5 0.1", "expected class"), ("0 a b c d", "not numbers"), ("0 nan 0.5 0.1 0.1", "not finite")],
)
def test_a_wrong_line_of_labels_is_named(tmp_path: Path, line: str, says: str) -> None:
    drawn(tmp_path / "images" / "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")

    with pytest.raises(UsageError, match=rf"a\.txt:2: .*{says}"):
        yolo_format.read_pictures(tmp_path)


@pytest.mark.slow
def test_ultralytics_loads_what_is_written(dataset: Dataset, tmp_path: Path) -> None:
    from stages.detect.offline import import_ultralytics

    import_ultralytics()
    from ultralytics.data.dataset import YOLODataset

    yolo_format.write(dataset, tmp_path / "out")
    table = {"names": dict(enumerate(dataset.names)), "channels": 3}

    loaded: Any = YOLODataset(str(tmp_path / "out" / "train" / "images"), data=table, augment=False, cache=False)

    boxes = {Path(label["im_file"]).name: label for label in loaded.labels}
    for image in dataset.splits["train"]:
        label = boxes[image.path.name]
        assert label["cls"].ravel().tolist() == image.class_id.tolist()
        centre = (image.xyxy[:, :2] + image.xyxy[:, 2:]) / 2 / np.array(image.size[::-1], np.float32)
        np.testing.assert_allclose(label["bboxes"][:, :2], centre, atol=1e-5)


def test_pycocotools_reads_what_is_written(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coco: Any = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    coco_format.write(dataset, tmp_path / "out")

    read = coco.COCO(str(tmp_path / "out" / "annotations" / "instances_train.json"))

    assert [read.cats[number]["name"] for number in sorted(read.cats)] == ["person", "car"]
    assert len(read.anns) == sum(map(len, dataset.splits["train"]))
    assert read.loadAnns(read.getAnnIds(imgIds=[1]))[0]["bbox"] == [10.5, 20.25, 49.5, 69.75]


def test_coco_takes_gaps_in_ids_and_leaves_crowds_out(tmp_path: Path) -> None:
    drawn(tmp_path / "a.png")
    content = {
        "images": [{"id": 7, "file_name": "a.png", "width": 160, "height": 120}],
        "annotations": [
            {"image_id": 7, "category_id": 90, "bbox": [1, 2, 3, 4]},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 160, 120], "iscrowd": 1},
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 3, "name": "car"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))

    read = coco_format.read(tmp_path / "a.json")

    assert read.names == ("car", "toothbrush")
    (image,) = read
    assert image.xyxy.tolist() == [[1, 2, 4, 6]]
    assert image.class_id.tolist() == [1]


def test_annotations_of_another_picture_size_are_refused(tmp_path: Path) -> None:
    drawn(tmp_path / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 320, "height": 240}],
        "annotations": [],
        "categories": [],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))

    with pytest.raises(UsageError, match="320x240"):
        coco_format.read(tmp_path / "a.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "entity",
    ['<!ENTITY lol "lol"><!ENTITY x "&lol;&lol;">', '<!ENTITY x SYSTEM "file:///etc/passwd">', '<!ENTITY % p "x">'],
)
def test_entities_in_xml_are_refused(tmp_path: Path, entity: str, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE lolz [{entity}]><annotations>&x;</annotations>'
    (tmp_path / "annotations.xml").write_bytes(text.encode(encoding))

    with pytest.raises(UsageError, match="document type"):
        cvat_format.read(tmp_path)


def test_cvat_polygons_and_turned_boxes_count_as_what_surrounds_them(tmp_path: Path) -> None:
    drawn(tmp_path / "a.png")
    (tmp_path / "annotations.xml").write_text(
        '<annotations><image id="0" name="a.png" width="160" height="120">'
        '<polygon label="dog" points="10,20;30,5;20,40" occluded="0"/>'
        '<box label="car" xtl="40" ytl="50" xbr="60" ybr="60" rotation="90"/></image></annotations>'
    )

    (image,) = cvat_format.read(tmp_path)

    np.testing.assert_allclose(image.xyxy, [[10, 5, 30, 40], [45, 45, 55, 65]], atol=1e-4)


def test_label_studio_counts_the_last_annotation_that_was_not_cancelled(tmp_path: Path) -> None:
    drawn(tmp_path / "a.png")

    def answer(x: float, **more: Any) -> dict[str, Any]:
        value = {"x": x, "y": 0, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": ["car"]}
        return {"result": [{"type": "rectanglelabels", "value": value}, {"type": "choices", "value": {}}], **more}

    answers = [answer(0), answer(25), answer(50, was_cancelled=True)]
    tasks = [
        {"data": {"image": "/data/upload/3/0123abcd-a.png"}, "annotations": answers},
        {"data": {"image": "/data/upload/3/0123abcd-nobody.png"}, "annotations": []},
    ]  # fmt: skip
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))

    (image,) = labelstudio_format.read(tmp_path)

    assert image.xyxy.tolist() == [[40, 0, 120, 60]]


def test_label_studio_proposals_are_read_only_when_asked(dataset: Dataset, tmp_path: Path, same: Same) -> None:
    labelstudio_format.write(dataset, tmp_path / "out", proposals=True)

    with pytest.raises(UsageError, match="none of its 6 tasks"):
        labelstudio_format.read(tmp_path / "out")
    same(dataset, labelstudio_format.read(tmp_path / "out", proposals=True))


def test_annotations_reach_no_picture_outside_their_folder(tmp_path: Path) -> None:
    drawn(tmp_path / "secret.png")
    drawn(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "a.json").write_text(
        json.dumps({"images": [{"id": 1, "file_name": "../secret.png"}], "annotations": [], "categories": []})
    )

    with pytest.raises(UsageError, match="is not below"):
        coco_format.read(tmp_path / "set" / "a.json")


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:/evil.txt"])
def test_an_archive_that_leads_out_of_its_folder_writes_nothing(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("good.txt", "x")
        packed.writestr(name, "x")

    with pytest.raises(UsageError, match="leads out"):
        unpack(tmp_path / "a.zip", tmp_path / "out" / "inner")
    assert not (tmp_path / "out").exists()


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(20_000_000))

    with pytest.raises(UsageError, match="bomb"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link.png")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(entry, "/etc/passwd")

    with pytest.raises(UsageError, match="link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_truncated_archive_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and no more")

    with pytest.raises(UsageError, match=r"a\.zip: cannot be unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_truth_becomes_frames_with_boxes(tmp_path: Path) -> None:
    for i in range(1, 5):
        drawn(tmp_path / "SEQ" / "img1" / f"{i:06d}.png", seed=i)
    (tmp_path / "SEQ" / "gt").mkdir()
    (tmp_path / "SEQ" / "gt" / "gt.txt").write_text(
        "1,1,10,20,30,40,1,1,1\n3,1,-5,20,30,40,1,1,1\n3,2,1,1,5,5,0,1,1\n4,1,1,1,9,9,1,1,1\n"
    )

    with formats.opened(tmp_path / "SEQ", Format.MOT, workshop=tmp_path / "in", every=2) as read:
        images = read.splits["train"]

    assert [image.path.name for image in images] == ["SEQ_000001.jpg", "SEQ_000003.jpg"]
    assert [image.xyxy.tolist() for image in images] == [[[10, 20, 40, 60]], [[0, 20, 25, 60]]]
    assert {image.camera for image in images} == {"SEQ"}


def test_a_truth_longer_than_its_recording_is_refused(tmp_path: Path) -> None:
    drawn(tmp_path / "SEQ" / "img1" / "1.png")
    (tmp_path / "SEQ" / "gt.txt").write_text("9,1,10,20,30,40,1,1,1\n")

    with pytest.raises(UsageError, match="frame 9"), formats.opened(tmp_path / "SEQ", Format.MOT, workshop=tmp_path):
        pass


def cvat_with(box: str) -> str:
    return f'<annotations><image name="a.png" width="160" height="120"><box label="car" {box}/></image></annotations>'


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ('xtl="nan" ytl="1" xbr="9" ybr="9"', "not finite"),
        ('xtl="1" ytl="1" xbr="inf" ybr="9"', "not finite"),
        ('xtl="1" ytl="1" xbr="1e300" ybr="9"', "not finite"),
        ('xtl="50" ytl="1" xbr="9" ybr="9"', "ends before it begins"),
        ('xtl="x" ytl="1" xbr="9" ybr="9"', "without proper coordinates"),
        ('xtl="1" ytl="1" xbr="9"', "without proper coordinates"),
    ],
)
def test_what_cannot_be_a_box_is_one_clear_line(tmp_path: Path, box: str, said: str) -> None:
    drawn(tmp_path / "a.png")
    (tmp_path / "annotations.xml").write_text(cvat_with(box))

    with pytest.raises(UsageError, match=said) as refused:
        cvat_format.read(tmp_path)
    assert "annotations.xml: image 'a.png'" in str(refused.value)
    assert "\n" not in str(refused.value)


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("form", "file"),
    [
        (Format.COCO, "annotations/instances_train.json"),
        (Format.CVAT, "annotations.xml"),
        (Format.LABELSTUDIO, "tasks.json"),
    ],
)
@pytest.mark.parametrize("breaks", ["half", "empty", "latin", "missing picture", "binary"])
def test_a_broken_export_is_one_clear_line(
    dataset: Dataset, tmp_path: Path, form: Format, file: str, breaks: str
) -> None:
    place = formats.write(dataset, formats.Target(form.value), tmp_path / "out")
    broken = tmp_path / "out" / file
    match breaks:
        case "half":
            half(broken)
        case "empty":
            broken.write_bytes(b"")
        case "latin":
            broken.write_bytes(broken.read_bytes().replace(b"person", "pi\xe9ton".encode("latin-1")))
        case "binary":
            broken.write_bytes(bytes(range(256)) * 9)
        case "missing picture":
            next(tmp_path.glob("out/**/gate_001.png")).unlink()

    with (
        pytest.raises(UsageError) as refused,
        formats.opened(broken if breaks != "missing picture" else place, form, workshop=tmp_path / "in") as read,
    ):
        assert read is None
    assert broken.name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_boxes_that_reach_out_are_cut_and_counted(tmp_path: Path) -> None:
    boxes = [(-20, 10, 60, 90, 0), (10, 10, 60, 90, 0), (200, 10, 260, 90, 0), (0, 0, 160.4, 120, 0)]
    image = drawn(tmp_path / "a.png", boxes)

    whole = cut(Dataset(("person",), {"train": (image,)}))

    (after,) = whole.dataset
    assert after.xyxy.tolist() == [[0, 10, 60, 90], [10, 10, 60, 90], [0, 0, 160, 120]]
    assert (whole.cut, whole.dropped) == (1, 1)
