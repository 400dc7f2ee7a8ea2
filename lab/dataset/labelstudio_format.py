"""Label Studio's JSON export, and files that it imports (https://labelstud.io/guide/export#JSON): rectangles."""

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lab.dataset.corners import corners
from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.labelstudio_tasks import labelling_config, local_url, result
from lab.dataset.picture_finder import PictureFinder
from lab.dataset.yolo_format import camera_of, place_pictures, size_of
from pipeline.errors import UsageError
from pipeline.whole_file import write_whole


class _Value(msgspec.Struct):
    x: float
    y: float
    width: float
    height: float
    rotation: float = 0
    rectanglelabels: list[str] = []


class _Result(msgspec.Struct):
    type: str = ""
    value: msgspec.Raw = msgspec.Raw(b"{}")


class _Answer(msgspec.Struct):
    result: list[_Result] = []
    was_cancelled: bool = False


class _Task(msgspec.Struct):
    data: dict[str, Any]
    annotations: list[_Answer] = []
    predictions: list[_Answer] = []


def read(source: Path, pictures: Path | None = None, *, proposals: bool = False) -> Dataset:
    """The tasks in a JSON file, or in the only one of a folder; of several annotations of a task, the last counts.

    Tasks that nobody has annotated are left out, unless ``proposals``: then their predictions count. The split is
    ``data.split`` where the task has it, else ``train``. Raises ``UsageError``.
    """
    file = source if source.is_file() else _only_json(source)
    tasks = _decode(file)
    finder = PictureFinder(pictures or file.parent)
    names: list[str] = [str(name) for name in _names_beside(file)]
    splits: dict[str, list[LabelledImage]] = {}
    for number, task in enumerate(tasks):
        answer = next((each for each in reversed(task.annotations) if not each.was_cancelled), None)
        if answer is None and proposals and task.predictions:
            answer = task.predictions[-1]
        if answer is not None:
            image = _image(task, answer, names, finder, f"{file}: task {number}")
            splits.setdefault(str(task.data.get("split") or "train"), []).append(image)
    if not splits:
        raise UsageError(f"{file}: none of its {len(tasks)} tasks has an annotation; --proposals takes predictions")
    return Dataset(tuple(names), {split: tuple(images) for split, images in splits.items()})


def write(dataset: Dataset, folder: Path, *, proposals: bool = False) -> Path:
    """Write ``folder/tasks.json``, ``folder/labelling.xml`` and ``folder/images/SPLIT/``; returns the folder.

    The boxes are annotations, or with ``proposals`` predictions for people to correct. Pictures are named for Label
    Studio's local storage with ``folder`` as its document root.
    """
    tasks: list[dict[str, Any]] = []
    for split, images in dataset.splits.items():
        for file, image in zip(place_pictures(images, folder / "images" / split), images, strict=True):
            boxes = [
                result(box, image.size, dataset.names[int(class_id)], number=number)
                for number, (box, class_id) in enumerate(zip(image.xyxy, image.class_id, strict=True))
            ]
            data = {"image": local_url(f"images/{split}/{file.name}"), "split": split, "camera": image.camera}
            answer: dict[str, Any] = {"result": boxes}
            tasks.append(
                {"data": data, "predictions": [answer | {"model_version": "bartizan"}]}
                if proposals
                else {"data": data, "annotations": [answer]}
            )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "tasks.json", [msgspec.json.format(msgspec.json.encode(tasks), indent=1)])
    write_whole(folder / "labelling.xml", [labelling_config(dataset.names).encode()])
    return folder


def _only_json(folder: Path) -> Path:
    files = sorted(folder.glob("*.json"))
    if len(files) != 1:
        raise UsageError(f"{folder}: holds {len(files)} JSON files; name the one to read")
    return files[0]


def _decode(file: Path) -> list[_Task]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[_Task])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        hint = "; export as JSON, not JSON_MIN" if "data" in str(error) else ""
        raise UsageError(f"{file}: no export of Label Studio: {error}{hint}") from error


def _names_beside(file: Path) -> list[str]:
    """The order of the classes, where the labelling interface lies beside the tasks."""
    import re
    from html import unescape

    config = file.parent / "labelling.xml"
    return (
        [
            unescape(name)
            for name in re.findall(r'<Label value="([^"]*)"', config.read_text(encoding="utf-8", errors="replace"))
        ]
        if config.is_file()
        else []
    )


def _image(task: _Task, answer: _Answer, names: list[str], finder: PictureFinder, where: str) -> LabelledImage:
    named = [value for key, value in task.data.items() if isinstance(value, str) and key == "image"]
    named += [value for key, value in task.data.items() if isinstance(value, str) and key not in ("image", "split")]
    if not named:
        raise UsageError(f"{where}: its data names no picture")
    path = finder.find(named[0], where)
    height, width = size_of(path)
    boxes, numbers = [], []
    for entry in answer.result:
        if entry.type != "rectanglelabels":
            continue
        try:
            value = msgspec.json.decode(entry.value, type=_Value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UsageError(f"{where}: a rectangle cannot be read: {error}") from error
        for name in value.rectanglelabels[:1]:
            if name not in names:
                names.append(name)
            boxes.append(_pixels(value, width, height))
            numbers.append(names.index(name))
    xyxy = corners(boxes, where)
    return LabelledImage(
        path, (height, width), xyxy, np.array(numbers, np.int32), str(task.data.get("camera") or camera_of(path))
    )


def _pixels(value: _Value, width: int, height: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom; of a turned rectangle (about its top left corner) the upright box around it."""
    x, y = value.x / 100 * width, value.y / 100 * height
    w, h = value.width / 100 * width, value.height / 100 * height
    sine, cosine = math.sin(math.radians(value.rotation)), math.cos(math.radians(value.rotation))
    corners = [(x + a * w * cosine - b * h * sine, y + a * w * sine + b * h * cosine) for a in (0, 1) for b in (0, 1)]
    return (
        min(corner[0] for corner in corners),
        min(corner[1] for corner in corners),
        max(corner[0] for corner in corners),
        max(corner[1] for corner in corners),
    )
