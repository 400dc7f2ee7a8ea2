"""CVAT for images 1.1 (https://docs.cvat.ai/docs/manual/advanced/formats/format-cvat/): one ``annotations.xml``."""

from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from lab.dataset.corners import corners
from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.picture_finder import PictureFinder
from lab.dataset.yolo_format import camera_of, place_pictures, size_of
from pipeline.errors import UsageError
from pipeline.whole_file import write_whole

SHAPES = ("box", "polygon", "polyline", "points")


def read(source: Path, pictures: Path | None = None) -> Dataset:
    """The boxes in an ``annotations.xml`` or in the folder of one; outlines count as their bounding box.

    A subset of CVAT is a split; pictures without one are ``train``. Raises ``UsageError``.
    """
    file = source / "annotations.xml" if source.is_dir() else source
    root = _parse(file)
    names = [label.text.strip() for label in root.findall("./meta//labels/label/name") if label.text]
    if not root.findall("image"):
        if root.find("track") is not None:
            raise UsageError(f"{file}: is 'CVAT for video'; export the task as 'CVAT for images 1.1'")
        raise UsageError(f"{file}: names no image; expected 'CVAT for images 1.1'")
    finder = PictureFinder(pictures or file.parent)
    splits: dict[str, list[LabelledImage]] = {}
    for image in root.findall("image"):
        split = {"validation": "val", "": "train", "default": "train"}.get(low := _said(image, "subset"), low)
        splits.setdefault(split, []).append(_image(image, names, finder, file))
    return Dataset(tuple(names), {split: tuple(images) for split, images in splits.items()})


def write(dataset: Dataset, folder: Path) -> Path:
    """Write ``folder/annotations.xml`` and ``folder/images/SPLIT/``, as CVAT imports it (zipped)."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(task, "size").text = str(len(dataset))
    ElementTree.SubElement(task, "mode").text = "annotation"
    labels = ElementTree.SubElement(task, "labels")
    for name in dataset.names:
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
        ElementTree.SubElement(label, "type").text = "rectangle"
        ElementTree.SubElement(label, "attributes")
    number = 0
    for split, images in dataset.splits.items():
        for file, image in zip(place_pictures(images, folder / "images" / split), images, strict=True):
            _describe(root, number, f"{split}/{file.name}", split, image, dataset.names)
            number += 1
    ElementTree.indent(root)
    write_whole(folder / "annotations.xml", [ElementTree.tostring(root, "utf-8", xml_declaration=True)])
    return folder


def _describe(
    root: ElementTree.Element, number: int, name: str, split: str, image: LabelledImage, names: tuple[str, ...]
) -> None:
    height, width = image.size
    said = {"id": str(number), "name": name, "subset": split, "width": str(width), "height": str(height)}
    element = ElementTree.SubElement(root, "image", said)
    for (left, top, right, bottom), class_id in zip(image.xyxy.tolist(), image.class_id.tolist(), strict=True):
        sides = {"xtl": left, "ytl": top, "xbr": right, "ybr": bottom}
        attributes = {key: f"{value:.2f}" for key, value in sides.items()}
        ElementTree.SubElement(
            element,
            "box",
            {"label": names[class_id], "source": "manual", "occluded": "0", **attributes, "z_order": "0"},
        )


def _parse(file: Path) -> ElementTree.Element:
    """The document, if it declares no type: entities, which could grow without end or read files, need one."""
    try:
        text = file.read_bytes()
        scout = expat.ParserCreate()
        scout.StartDoctypeDeclHandler = _refuse
        scout.Parse(text, True)
        return ElementTree.fromstring(text)
    except (OSError, expat.ExpatError, ElementTree.ParseError, LookupError) as error:
        raise UsageError(f"{file}: cannot be read as XML: {error}") from error
    except _Refused as error:
        raise UsageError(f"{file}: declares a document type, which CVAT never does; refused") from error


class _Refused(Exception):
    pass


def _refuse(*_: object) -> None:
    raise _Refused


def _image(element: ElementTree.Element, names: list[str], finder: PictureFinder, file: Path) -> LabelledImage:
    where = f"{file}: image {element.get('name', '')!r}"
    path = finder.find(element.get("name", ""), where)
    size = size_of(path)
    if (_said(element, "height"), _said(element, "width")) != (str(size[0]), str(size[1])):
        said = f"{_said(element, 'width')}x{_said(element, 'height')}"
        raise UsageError(f"{where} is said to be {said}, but {path} is {size[1]}x{size[0]}")
    boxes, numbers = [], []
    for shape in element:
        if shape.tag not in SHAPES:
            continue
        name = shape.get("label", "")
        if name not in names:
            names.append(name)  # a job's dump leaves the labels out
        boxes.append(_bounds(shape, where))
        numbers.append(names.index(name))
    return LabelledImage(path, size, corners(boxes, where), np.array(numbers, np.int32), camera_of(path))


def _bounds(shape: ElementTree.Element, where: str) -> tuple[float, float, float, float]:
    try:
        if shape.tag == "box":
            left, top, right, bottom = (float(shape.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
            return _turned(left, top, right, bottom, float(shape.get("rotation", 0)))
        points = [tuple(map(float, pair.split(","))) for pair in shape.attrib["points"].split(";")]
    except (KeyError, ValueError) as error:
        raise UsageError(f"{where}: a {shape.tag} without proper coordinates: {error}") from error
    x, y = [point[0] for point in points], [point[1] for point in points]
    return min(x), min(y), max(x), max(y)


def _turned(left: float, top: float, right: float, bottom: float, degrees: float) -> tuple[float, float, float, float]:
    """The upright box around one that is turned about its centre."""
    if not degrees:
        return left, top, right, bottom
    sine, cosine = abs(np.sin(np.radians(degrees))), abs(np.cos(np.radians(degrees)))
    x, y, width, height = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    half_w, half_h = (width * cosine + height * sine) / 2, (width * sine + height * cosine) / 2
    return float(x - half_w), float(y - half_h), float(x + half_w), float(y + half_h)


def _said(element: ElementTree.Element, key: str) -> str:
    return element.get(key, "").strip().lower()
