"""A data set from whatever a user points at: a YOLO data set, or bare pictures that nobody has labelled."""

from pathlib import Path

from lab.dataset.labelled import Dataset
from lab.dataset.yolo_format import PICTURES, labels_of, read, read_pictures
from pipeline.configuration.suggestions import did_you_mean_file
from pipeline.errors import UsageError


def read_any(place: Path, *, faults: list[UsageError] | None = None) -> Dataset:
    """The data set in a folder or YAML file; a folder of pictures without labels has no classes of its own.

    ``faults``: see ``yolo_format.read``. Raises ``UsageError``.
    """
    if not place.exists():
        raise UsageError(f"{place}: does not exist{did_you_mean_file(place)}")
    if place.is_dir() and not _says_names(place):
        pictures = [file for file in sorted(place.rglob("*")) if file.suffix.lower() in PICTURES]
        if not pictures:
            raise UsageError(f"{place}: holds neither a data set (data.yaml) nor pictures")
        if not any(labels_of(picture).is_file() for picture in pictures):
            return Dataset((), {"train": read_pictures(place, faults=faults)})
    return read(place, faults=faults)


def _says_names(folder: Path) -> bool:
    return any(folder.glob("*.y*ml")) or (folder / "classes.txt").is_file()
