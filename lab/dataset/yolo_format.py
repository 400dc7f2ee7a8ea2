"""The YOLO format: one text file of ``class centre-x centre-y width height`` (shares of the picture) beside each
picture, ``labels`` for ``images`` in its path, and a YAML file with the names (Ultralytics' dialect)."""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from lab.dataset.labelled import Dataset, LabelledImage
from pipeline.configuration.secrets import Vault
from pipeline.configuration.yaml_source import read_yaml
from pipeline.errors import UsageError
from pipeline.whole_file import write_whole

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
SPLITS = ("train", "val", "valid", "test")
CAMERAS = "cameras.json"
"""Beside ``data.yaml``: the camera of each picture whose name does not tell it."""


_ORIENTATION = 0x0112
_TURNABLE = ("JPEG", "MPO", "WEBP")
"""Formats that cameras write such a field into; of PNG, asking for it would decode the picture."""
_LYING = (5, 6, 7, 8)
"""Values of the EXIF field by which a picture lies on its side; OpenCV and Ultralytics turn it."""


def read(path: Path, *, faults: list[UsageError] | None = None) -> Dataset:
    """The data set that a YAML file describes, or the one in a folder.

    A folder holds ``data.yaml`` (or any one ``.yaml``), or pictures with ``labels`` beside ``images`` and a
    ``classes.txt``. Splits that the YAML names elsewhere but that lie beside it are found there, since such files
    travel from machine to machine. Raises ``UsageError`` naming the file and line that is wrong; with ``faults``, what
    is wrong with single pictures goes there, they are left out, and class numbers without a name stay.
    """
    if path.is_dir():
        found = sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
        preferred = [file for file in found if file.stem in ("data", "dataset")] or found
        if not preferred:
            return Dataset(_class_list(path), {"all": read_pictures(path, faults=faults)})
        path = preferred[0]
    table = _table(path)
    names = _names(table.get("names"), path)
    root = path.parent / str(table.get("path") or "")
    splits: dict[str, tuple[LabelledImage, ...]] = {}
    for split in SPLITS:
        if (named := table.get(split)) is not None:
            places = named if isinstance(named, list) else [named]
            folders = [_folder(str(place), root=root, beside=path.parent, split=split) for place in places]
            images = [
                image for folder in folders if folder is not None for image in read_pictures(folder, faults=faults)
            ]
            if images:
                splits["val" if split == "valid" else split] = tuple(images)
    splits = {split: _filmed(images, path.parent) for split, images in splits.items()}
    if not splits:
        raise UsageError(f"{path}: none of its splits ({', '.join(SPLITS)}) lies beside it; check 'path' and 'train'")
    for image in (image for images in splits.values() for image in images):
        if faults is None and len(image) and image.class_id.max() >= len(names):
            raise UsageError(f"{labels_of(image.path)}: class {image.class_id.max()} has no name in {path}")
    return Dataset(names, splits)


def read_pictures(place: Path, *, faults: list[UsageError] | None = None) -> tuple[LabelledImage, ...]:
    """The pictures below a folder, or listed in a text file, with their boxes, by name. ``faults``: as in ``read``."""
    if place.is_file():
        listed = [Path(line) for line in _read_text(place).splitlines() if line.strip()]
        pictures: Iterable[Path] = [entry if entry.is_absolute() else place.parent / entry for entry in listed]
    else:
        pictures = sorted(file for file in place.rglob("*") if file.suffix.lower() in PICTURES)
    found: list[LabelledImage] = []
    for file in pictures:
        try:
            found.append(read_picture(file))
        except UsageError as error:
            if faults is None:
                raise
            faults.append(error)
    return tuple(found)


def read_picture(path: Path, labels: Path | None = None) -> LabelledImage:
    """One picture and its boxes, from ``labels`` if that is given; no label file means no boxes.

    Raises ``UsageError``.
    """
    size = size_of(path)
    labels = labels or labels_of(path)
    rows = _rows(labels) if labels.is_file() else np.zeros((0, 5))
    height, width = size
    centre, half = rows[:, 1:3] * (width, height), rows[:, 3:5] * (width, height) / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32).reshape(-1, 4)
    return LabelledImage(path, size, xyxy, rows[:, 0].astype(np.int32), camera_of(path))


def labels_of(picture: Path) -> Path:
    """Where the boxes of a picture stand: the last ``images`` of its path becomes ``labels``, else beside it."""
    parts = list(picture.parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "images":
            parts[at] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def camera_of(picture: Path) -> str:
    """The recording that a picture's name speaks of: what comes before its frame number, without export suffixes."""
    name = re.sub(r"\.rf\.[0-9a-f]{16,}$", "", picture.stem)
    name = re.sub(r"_(jpg|jpeg|png)$", "", name)
    return re.sub(r"[-_.]?\d+(_jpg|_png)?$", "", name) or name


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of a picture file, as decoders show it: turned where its EXIF data say so.

    Raises ``UsageError`` if it is none, or if its name is not UTF-8: no file of labels could speak of it.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode(errors="replace")
        raise UsageError(f"{shown}: its name is not UTF-8; rename it, and its labels") from None
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            if picture.format in _TURNABLE and picture.getexif().get(_ORIENTATION, 1) in _LYING:
                width, height = height, width
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path}: cannot be read as a picture: {error}") from error
    return height, width


def write(dataset: Dataset, folder: Path, *, link: bool = True) -> Path:
    """Write ``folder/SPLIT/images``, ``folder/SPLIT/labels`` and ``folder/data.yaml``; returns the YAML's path.

    Pictures are hard-linked where the file system allows it, else copied. Two pictures of one name in a split get a
    number. Raises ``OSError``.
    """
    cameras: dict[str, str] = {}
    for split, images in dataset.splits.items():
        labels = folder / split / "labels"
        labels.mkdir(parents=True, exist_ok=True)
        for target, image in zip(place_pictures(images, folder / split / "images", link=link), images, strict=True):
            write_whole(labels / f"{target.stem}.txt", [_text(image).encode()], flush=False)
            if camera_of(target) != image.camera:
                cameras[target.relative_to(folder).as_posix()] = image.camera
    lines = ["path: ."]
    lines += [f"{split}: {split}/images" for split in dataset.splits]
    lines += ["names:", *(f"  {number}: {_scalar(name)}" for number, name in enumerate(dataset.names))]
    write_whole(folder / "data.yaml", ["\n".join([*lines, ""]).encode()])
    (folder / CAMERAS).unlink(missing_ok=True)
    if cameras:
        write_whole(folder / CAMERAS, [msgspec.json.format(msgspec.json.encode(cameras), indent=1)])
    return folder / "data.yaml"


def place_pictures(images: Sequence[LabelledImage], folder: Path, *, link: bool = True) -> list[Path]:
    """Put the pictures of a split into a folder, linked or copied, and say under which paths; see ``free_names``."""
    folder.mkdir(parents=True, exist_ok=True)
    targets = [
        folder / f"{name}{image.path.suffix.lower()}" for name, image in zip(free_names(images), images, strict=True)
    ]
    for target, image in zip(targets, images, strict=True):
        if target.resolve() != image.path.resolve():
            _place(image.path, target, link=link)
    return targets


def _scalar(name: str) -> str:
    """A name as YAML reads it back, were it ``no``, ``1`` or ``a: b``."""
    return msgspec.json.encode(name).decode()


def free_names(images: Iterable[LabelledImage]) -> list[str]:
    """The names, without suffix, that the pictures of one split are written under: their own, or with a number."""
    taken: dict[str, None] = {}
    for image in images:
        name, number = image.path.stem, 2
        while name in taken:
            name, number = f"{image.path.stem}_{number}", number + 1
        taken[name] = None
    return list(taken)


def _text(image: LabelledImage) -> str:
    height, width = image.size
    sides = np.array([width, height, width, height], np.float64)
    shares = np.clip(image.xyxy / sides, 0, 1)
    lines = []
    for class_id, (left, top, right, bottom) in zip(image.class_id, shares, strict=True):
        numbers = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        lines.append(f"{class_id} " + " ".join(f"{number:.6f}" for number in numbers))
    return "".join(f"{line}\n" for line in lines)


def _place(source: Path, target: Path, *, link: bool) -> None:
    target.unlink(missing_ok=True)
    if link:
        try:
            os.link(source.resolve(), target)
        except OSError:
            pass
        else:
            return
    shutil.copyfile(source, target)


def _rows(labels: Path) -> npt.NDArray[np.float64]:
    rows: list[list[float]] = []
    for number, line in enumerate(_read_text(labels).splitlines(), 1):
        if not line.strip():
            continue
        try:
            fields = [float(field) for field in line.split()]
        except ValueError:
            raise UsageError(f"{labels}:{number}: not numbers: {line.strip()[:60]!r}") from None
        if len(fields) > 6 and len(fields) % 2:  # a polygon: its bounding box
            x, y = fields[1::2], fields[2::2]
            fields = [fields[0], (min(x) + max(x)) / 2, (min(y) + max(y)) / 2, max(x) - min(x), max(y) - min(y)]
        if len(fields) not in (5, 6) or fields[0] < 0 or fields[0] % 1:
            raise UsageError(
                f"{labels}:{number}: expected class, centre x, y, width, height; got {line.strip()[:60]!r}"
            )
        if not np.isfinite(fields).all():
            raise UsageError(f"{labels}:{number}: not finite: {line.strip()[:60]!r}")
        rows.append(fields[:5])
    return np.array(rows, np.float64).reshape(-1, 5)


def _table(path: Path) -> dict[str, Any]:
    text = _read_text(path)
    document = read_yaml(text, str(path), Vault({}))
    if document.faults:
        raise UsageError("\n".join(str(fault) for fault in document.faults))
    return document.data


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def _names(named: object, path: Path) -> tuple[str, ...]:
    if isinstance(named, dict):
        numbers = sorted(int(key) for key in named)
        if numbers != list(range(len(numbers))):
            raise UsageError(f"{path}: names must be numbered 0 to {len(numbers) - 1}")
        by_number = {int(key): str(value) for key, value in named.items()}
        return tuple(by_number[number] for number in numbers)
    if isinstance(named, list) and named:
        return tuple(map(str, named))
    raise UsageError(f"{path}: 'names' must list the classes")


def _filmed(images: tuple[LabelledImage, ...], folder: Path) -> tuple[LabelledImage, ...]:
    file = folder / CAMERAS
    if not file.is_file():
        return images
    try:
        cameras = msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error
    by_path = {(folder / name).resolve(): camera for name, camera in cameras.items()}
    return tuple(replace(image, camera=by_path.get(image.path.resolve(), image.camera)) for image in images)


def _class_list(folder: Path) -> tuple[str, ...]:
    file = folder / "classes.txt"
    if not file.is_file():
        raise UsageError(f"{folder}: neither data.yaml nor classes.txt says what the class numbers mean")
    return tuple(line.strip() for line in _read_text(file).splitlines() if line.strip())


def _folder(named: str, *, root: Path, beside: Path, split: str) -> Path | None:
    last = Path(named.replace("\\", "/")).name
    candidates = [root / named, beside / named]
    candidates += [beside / name / "images" for name in (last, split)] + [beside / name for name in (last, split)]
    return next((place for place in candidates if place.exists()), None)
