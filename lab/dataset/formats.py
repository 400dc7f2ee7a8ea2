"""Data sets in the formats of other tools, by the formats' names."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from lab.dataset import coco_format, cvat_format, labelstudio_format, mot_format, yolo_format
from lab.dataset.archive import unpack
from lab.dataset.labelled import Dataset
from lab.dataset.reading import read_any
from pipeline.configuration.suggestions import did_you_mean_file
from pipeline.errors import UsageError


class Format(StrEnum):
    """What ``bartizan dataset import`` reads."""

    YOLO = "yolo"
    COCO = "coco"
    CVAT = "cvat"
    LABELSTUDIO = "labelstudio"
    MOT = "mot"


class Target(StrEnum):
    """What ``bartizan dataset export`` writes; MOTChallenge needs identities, which labelled pictures lack."""

    YOLO = "yolo"
    COCO = "coco"
    CVAT = "cvat"
    LABELSTUDIO = "labelstudio"


@contextmanager
def opened(
    source: Path,
    form: Format,
    *,
    workshop: Path,
    pictures: Path | None = None,
    proposals: bool = False,
    every: int = 1,
) -> Iterator[Dataset]:
    """The data set in ``source``: a folder, a file, or a ZIP of either, unpacked for the length of the context.

    ``pictures``: where they lie, if not beside (``mot``: the recording). ``workshop``: a folder on the disk of the
    result, so that pictures can be linked. Raises ``UsageError``.
    """
    for place in (source, pictures):
        if place is not None and not place.exists():
            raise UsageError(f"{place}: does not exist{did_you_mean_file(place)}")
    workshop.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=workshop) as scratch:
        if source.suffix.lower() == ".zip":
            source = _inner(unpack(source, Path(scratch) / "archive"), form)
        match form:
            case Format.YOLO:
                yield read_any(source)
            case Format.COCO:
                yield coco_format.read(source, pictures)
            case Format.CVAT:
                yield cvat_format.read(source, pictures)
            case Format.LABELSTUDIO:
                yield labelstudio_format.read(source, pictures, proposals=proposals)
            case Format.MOT:
                yield mot_format.read(source, pictures, Path(scratch) / "frames", every=every)


def write(dataset: Dataset, form: Target, out: Path, *, proposals: bool = False, link: bool = True) -> Path:
    """Write the data set into ``out``; returns what to give the other tool."""
    match form:
        case Target.YOLO:
            return yolo_format.write(dataset, out, link=link)
        case Target.COCO:
            return coco_format.write(dataset, out)
        case Target.CVAT:
            return cvat_format.write(dataset, out)
        case Target.LABELSTUDIO:
            return labelstudio_format.write(dataset, out, proposals=proposals)


def _inner(folder: Path, form: Format) -> Path:
    """The one folder in an archive that holds nothing else, as most tools pack it."""
    inside = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    alone = len(inside) == 1 and inside[0].is_dir() and (form is not Format.YOLO or inside[0].name != "images")
    return _inner(inside[0], form) if alone else folder
