"""Crops with a class: where each lies, what it shows, from which recording it is."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.detector import read_picture
from pipeline.errors import UsageError
from pipeline.stage import Picture
from pipeline.whole_file import write_whole

COLUMNS = ("path", "left", "top", "right", "bottom", "class", "group", "split")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True, slots=True)
class Crop:
    """A piece of a picture file. ``box``: left, top, right, bottom in pixels, already widened; None is all of it."""

    path: Path
    box: tuple[int, int, int, int] | None
    name: str
    group: str = ""
    split: str = ""

    def moved_to(self, split: str) -> "Crop":
        """The same crop in another split."""
        return replace(self, split=split)


def read_crop(crop: Crop) -> Picture:
    """Its pixels, uint8 (height, width, 3) BGR. Raises ``UsageError`` if the file cannot be decoded."""
    return cut(read_picture(crop.path), crop)


def cut(picture: Picture, crop: Crop) -> Picture:
    """The crop out of the picture that holds it, as an array of its own."""
    if crop.box is None:
        return picture
    left, top, right, bottom = crop.box
    piece = picture[max(top, 0) : bottom, max(left, 0) : right]
    if not piece.size:
        raise UsageError(f"{crop.path}: the box {crop.box} lies outside of the picture")
    return piece.copy()


def widened(xyxy: npt.NDArray[np.float32], size: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    """A box (4,) widened by ``margin`` of its width and height on each side, clipped to the picture, whole pixels."""
    left, top, right, bottom = (float(edge) for edge in xyxy)
    wide, high = margin * (right - left), margin * (bottom - top)
    height, width = size
    return (
        max(round(left - wide), 0),
        max(round(top - high), 0),
        min(round(right + wide), width),
        min(round(bottom + high), height),
    )


def names_of(crops: Iterable[Crop]) -> tuple[str, ...]:
    """The classes that occur, in alphabetical order."""
    return tuple(sorted({crop.name for crop in crops}))


def write_list(file: Path, crops: Sequence[Crop]) -> None:
    """The crops as CSV, for evaluation on the same ones."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for crop in crops:
        writer.writerow([crop.path.absolute(), *(crop.box or ("",) * 4), crop.name, crop.group, crop.split])
    write_whole(file, [text.getvalue().encode()], flush=False)


def read_list(file: Path, *, split: str = "") -> tuple[Crop, ...]:
    """The crops of a list, of one split if named. Raises ``UsageError`` with the line that is wrong."""
    found = []
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            rows = csv.DictReader(text)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                raise UsageError(f"{file}:1: the columns must be {','.join(COLUMNS)}")
            for row in rows:
                edges = [row[edge] for edge in COLUMNS[1:5]]
                box = None if not any(edges) else tuple(int(edge) for edge in edges)
                path = Path(row["path"])
                near = path if path.is_absolute() else file.parent / path
                found.append(Crop(near, box, row["class"], row["group"], row["split"]))  # type: ignore[arg-type]  # four
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error
    except (ValueError, TypeError) as error:
        raise UsageError(f"{file}:{len(found) + 2}: not a crop: {error}") from error
    kept = tuple(crop for crop in found if not split or crop.split == split)
    if not kept:
        known = ", ".join(sorted({crop.split for crop in found})) or "none"
        raise UsageError(f"{file}: no crops in the split {split or 'all'!r}; there are: {known}")
    return kept
