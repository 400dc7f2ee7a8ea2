"""COCO's JSON for boxes (https://cocodataset.org/#format-data): ``images``, ``annotations``, ``categories``."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lab.dataset.corners import corners
from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.picture_finder import PictureFinder
from lab.dataset.yolo_format import camera_of, place_pictures, size_of
from pipeline.errors import UsageError
from pipeline.whole_file import write_whole


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int = 0
    height: int = 0


class _Annotation(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float] | None = None
    iscrowd: int = 0


class _Category(msgspec.Struct):
    id: int
    name: str


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def read(source: Path, pictures: Path | None = None) -> Dataset:
    """The annotations in one JSON file, or in every JSON file of a folder, each a split named after it.

    Categories are numbered from 0 in the order of their ids. Boxes around crowds (``iscrowd``) are left out.
    Raises ``UsageError``.
    """
    files = [source] if source.is_file() else _annotation_files(source)
    finder = PictureFinder(pictures or (source if source.is_dir() else source.parent))
    contents = {file: _decode(file) for file in files}
    categories = {category.id: category.name for content in contents.values() for category in content.categories}
    names = tuple(categories[number] for number in sorted(categories))
    numbers = {category: number for number, category in enumerate(sorted(categories))}
    splits: dict[str, tuple[LabelledImage, ...]] = {}
    for file, content in contents.items():
        splits[_split(file, len(files))] = tuple(_images(file, content, numbers, finder))
    return Dataset(names, splits)


def write(dataset: Dataset, folder: Path) -> Path:
    """Write ``folder/annotations/instances_SPLIT.json`` and the pictures, in ``folder/SPLIT``; returns the folder."""
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for split, images in dataset.splits.items():
        files = place_pictures(images, folder / split)
        annotations: list[dict[str, Any]] = []
        for number, image in enumerate(images, 1):
            for (left, top, right, bottom), class_id in zip(image.xyxy.tolist(), image.class_id.tolist(), strict=True):
                width, height = right - left, bottom - top
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": class_id + 1,
                        "bbox": [round(side, 3) for side in (left, top, width, height)],
                        "area": round(width * height, 3),
                        "iscrowd": 0,
                        "segmentation": [],
                    }
                )
        content = {
            "info": {"description": "written by bartizan dataset export", "version": "1.0"},
            "licenses": [],
            "images": [
                {"id": number, "file_name": file.name, "height": image.size[0], "width": image.size[1]}
                for number, (file, image) in enumerate(zip(files, images, strict=True), 1)
            ],
            "annotations": annotations,
            "categories": [
                {"id": number, "name": name, "supercategory": ""} for number, name in enumerate(dataset.names, 1)
            ],
        }
        write_whole(folder / "annotations" / f"instances_{split}.json", [msgspec.json.encode(content)])
    return folder


def _annotation_files(folder: Path) -> list[Path]:
    files = [file for file in sorted(folder.rglob("*.json")) if _looks_right(file)]
    if not files:
        raise UsageError(f"{folder}: holds no COCO JSON (with images, annotations and categories)")
    return files


def _looks_right(file: Path) -> bool:
    try:
        return {"images", "annotations", "categories"} <= set(msgspec.json.decode(file.read_bytes(), type=dict))
    except (msgspec.MsgspecError, OSError):
        return False


def _decode(file: Path) -> _File:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: no COCO annotations: {error}") from error


def _split(file: Path, files: int) -> str:
    for name in ("train", "val", "test"):
        if name in file.stem.lower() or (file.stem.startswith("_") and name in file.parent.name.lower()):
            return name
    return "train" if files == 1 else file.stem


def _images(file: Path, content: _File, numbers: dict[int, int], finder: PictureFinder) -> list[LabelledImage]:
    known = {image.id for image in content.images}
    boxes: dict[int, list[tuple[float, float, float, float, int]]] = defaultdict(list)
    for place, annotation in enumerate(content.annotations):
        where = f"{file}: annotations[{place}]"
        if annotation.category_id not in numbers:
            raise UsageError(f"{where}: category {annotation.category_id} is not among the categories")
        if annotation.image_id not in known:
            raise UsageError(f"{where}: image {annotation.image_id} is not among the images")
        if annotation.bbox is not None and not annotation.iscrowd:
            left, top, width, height = annotation.bbox
            if width < 0 or height < 0:
                raise UsageError(f"{where}: bbox has a negative side; expected [left, top, width, height]")
            boxes[annotation.image_id].append((left, top, left + width, top + height, numbers[annotation.category_id]))
    found = []
    for image in content.images:
        path = finder.find(image.file_name, f"{file}: image {image.id}")
        size = size_of(path)
        if image.width and image.height and (image.height, image.width) != size:
            raise UsageError(
                f"{file}: image {image.id} is said to be {image.width}x{image.height}, "
                f"but {path} is {size[1]}x{size[0]}"
            )
        rows = np.array(boxes[image.id], np.float64).reshape(-1, 5)
        xyxy = corners(rows[:, :4].tolist(), f"{file}: image {image.id}")
        found.append(LabelledImage(path, size, xyxy, rows[:, 4].astype(np.int32), camera_of(path)))
    return found
