"""Collecting crops: from a folder for each class, or cut from a detection data set."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.dataset.labelled import LabelledImage
from lab.dataset.yolo_format import camera_of
from lab.dataset.yolo_format import read as read_dataset
from lab.settings import beside
from lab.train.classify.crops import PICTURES, Crop, names_of, widened
from lab.train.classify.settings import Data, Source
from pipeline.errors import UsageError

TRIES = 30
"""Places tried for each background crop before the picture is given up as full."""


def collect(data: Data, base: Path) -> tuple[Crop, ...]:
    """Every crop of every source, sorted; those of a source with a fixed split carry it.

    ``base`` is the folder that relative paths start from. Raises ``UsageError``.
    """
    crops = [crop for source in data.sources for crop in _of_source(source, data.margin, base)]
    if len(names_of(crops)) < 2:
        raise UsageError(f"the data holds {len(names_of(crops))} classes; a classifier needs two at least")
    return tuple(sorted(crops, key=lambda crop: (str(crop.path), crop.box or (), crop.name)))


def read_folder(folder: Path, *, group: str = "", split: str = "") -> tuple[Crop, ...]:
    """The pictures of a folder with one folder for each class. Raises ``UsageError`` where there are none."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: not a folder; crops lie in one folder for each class")
    found = []
    for place in sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        pictures = pictures_in(place)
        found += [Crop(file, None, place.name, _group(file, group, within=place), split) for file in pictures]
    if not found:
        raise UsageError(f"{folder}: no pictures in folders named after classes ({', '.join(PICTURES)})")
    return tuple(found)


def pictures_in(folder: Path) -> list[Path]:
    """Every picture below a folder, sorted."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES and file.is_file())


def _of_source(source: Source, margin: float, base: Path) -> Iterator[Crop]:
    fixed = "" if source.split in ("auto", "own") else source.split
    if source.crops is not None:
        place = beside(base / "_", source.crops)
        folders = [(place, fixed)]
        if not fixed and (place / "train").is_dir():  # a folder of splits
            folders = [(place / part, part) for part in ("train", "val", "test") if (place / part).is_dir()]
        for folder, split in folders:
            yield from _renamed(read_folder(folder, group=source.group, split=split), source, folder)
        return
    assert source.boxes is not None
    dataset = read_dataset(beside(base / "_", source.boxes))
    unknown = sorted(set(source.classes) - set(dataset.names))
    if unknown:
        raise UsageError(f"{source.boxes}: has no class {', '.join(unknown)}; it has {', '.join(dataset.names)}")
    for part, images in dataset.splits.items():
        own = part if source.split == "own" and part in ("train", "val", "test") else ""
        for image in images:
            yield from _cut_from(image, dataset.names, source, margin, fixed or own)


def _renamed(crops: tuple[Crop, ...], source: Source, folder: Path) -> Iterator[Crop]:
    unknown = sorted(set(source.classes) - set(names_of(crops)))
    if unknown:
        raise UsageError(f"{folder}: has no class {', '.join(unknown)}; it has {', '.join(names_of(crops))}")
    for crop in crops:
        if not source.classes:
            yield crop
        elif crop.name in source.classes:
            yield Crop(crop.path, crop.box, source.classes[crop.name], crop.group, crop.split)


def _cut_from(
    image: LabelledImage, names: tuple[str, ...], source: Source, margin: float, split: str
) -> Iterator[Crop]:
    group = _group(image.path, source.group)
    sides = np.stack([image.xyxy[:, 2] - image.xyxy[:, 0], image.xyxy[:, 3] - image.xyxy[:, 1]], axis=1)
    random = np.random.default_rng(int(hashlib.sha256(image.path.name.encode()).hexdigest()[:12], 16))
    taken: Counter[str] = Counter()
    for at in random.permutation(len(image)):  # not the first ones: annotators begin with the largest
        named = names[image.class_id[at]]
        name = source.classes.get(named, "" if source.classes else named)
        if name and sides[at].min() >= source.smallest_px and taken[name] < source.most_per_picture:
            taken[name] += 1
            yield Crop(image.path, widened(image.xyxy[at], image.size, margin), name, group, split)
    if source.background:
        for box in _empty_places(image, source, random):
            yield Crop(image.path, widened(box, image.size, margin), source.background, group, split)


def _empty_places(
    image: LabelledImage, source: Source, random: np.random.Generator
) -> Iterator[npt.NDArray[np.float32]]:
    """Boxes that touch hardly any object, of the sizes and shapes that objects have in this picture."""
    height, width = image.size
    sizes = image.xyxy[:, 2:] - image.xyxy[:, :2] if len(image) else np.array([[width / 5, height / 5]], np.float32)
    found = 0
    for _ in range(TRIES * source.most_per_picture):
        wide, high = sizes[random.integers(len(sizes))] * random.uniform(0.7, 1.4)
        if not source.smallest_px <= wide < width or not source.smallest_px <= high < height:
            continue
        left, top = random.uniform(0, width - wide), random.uniform(0, height - high)
        box = np.array([left, top, left + wide, top + high], np.float32)
        if _most_covered(box, image.xyxy) < 0.1:
            found += 1
            yield box
        if found == min(source.most_per_picture, max(len(image), 1)):
            return


def _most_covered(box: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> float:
    """The largest share of the box, or of another, that both cover."""
    if not len(others):
        return 0.0
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(sides, 0, None).prod(axis=1)
    smaller = np.minimum((box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1))
    return float((shared / np.maximum(smaller, 1)).max())


def _group(file: Path, pattern: str, within: Path | None = None) -> str:
    """The recording that a file belongs to: by the pattern, by its folder below its class, or by its name."""
    if pattern == "each":
        return str(file)
    if pattern:
        match = re.search(pattern, file.name)
        return match[1] if match and match[1] else file.stem
    if within is not None and file.parent != within:
        return str(file.parent.relative_to(within))
    return camera_of(file)
