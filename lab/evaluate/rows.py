"""Boxes with identities, read from a MOTChallenge text file or from the Parquet that Bartizan exports."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.errors import UsageError
from stages.track.export import read_rows

FIELDS = "frame, id, left, top, width, height[, confidence, ...]"


@dataclass(frozen=True, slots=True)
class Rows:
    """One row for each box: ``frame`` and ``track_id`` int64 (n,), ``xyxy`` float64 (n, 4) in pixels."""

    frame: npt.NDArray[np.int64]
    track_id: npt.NDArray[np.int64]
    xyxy: npt.NDArray[np.float64]
    flagged: int = 0
    """How many of the rows have the confidence 0: a truth's makers chose not to count them."""

    def __len__(self) -> int:
        return len(self.frame)


def read_mot(path: Path, *, flagged: bool = True) -> Rows:
    """The rows of a MOTChallenge text file (https://motchallenge.net/instructions), truth or result.

    ``flagged=False`` leaves out the rows whose confidence (seventh field) is 0, as the official evaluation does with
    a truth: boxes that its makers chose not to count. Fields are separated by commas or blanks. Raises ``UsageError``
    with file and line for anything else.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text: {error}") from error
    rows = [_parse(line, f"{path}:{number}") for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    counted = [row for row in rows if flagged or not _is_flagged(row)]
    table = np.array([row[:6] for row in counted], np.float64).reshape(-1, 6)
    return _checked(table, path, flagged=sum(_is_flagged(row) for row in counted))


def read_result(path: Path, *, class_name: str | None, filled: bool) -> Rows:
    """The rows of a result: Parquet as ``stages.track.export`` writes it, or MOTChallenge text.

    Of a Parquet file, ``class_name`` picks one class (None: all), and ``filled`` includes the gap-filled rows; a text
    file has neither. Raises ``UsageError`` when the file is missing, damaged, or of another form.
    """
    if path.suffix != ".parquet":
        return read_mot(path)
    return _checked(read_rows(path, class_name=class_name, filled=filled)[:, :6], path)


def _parse(line: str, where: str) -> list[float]:
    fields = line.replace(",", " ").split()
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        raise UsageError(f"{where}: not numbers: {line.strip()[:60]!r}; expected {FIELDS}") from None
    if len(numbers) < 6 or not np.isfinite(numbers[:6]).all():
        raise UsageError(f"{where}: expected {FIELDS}, got {line.strip()[:60]!r}")
    if numbers[0] < 1 or numbers[0] % 1 or numbers[1] % 1:
        raise UsageError(f"{where}: frame and id must be whole numbers, frames from 1; got {line.strip()[:60]!r}")
    return numbers


def _is_flagged(row: list[float]) -> bool:
    return len(row) > 6 and row[6] == 0


def _checked(table: npt.NDArray[np.float64], path: Path, *, flagged: int = 0) -> Rows:
    frame, track_id = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    keys, counts = np.unique(np.stack([frame, track_id], axis=1), axis=0, return_counts=True)
    if (counts > 1).any():
        frame_number, identity = keys[counts > 1][0]
        raise UsageError(f"{path}: id {identity} stands twice in frame {frame_number}; an id may have one box a frame")
    xyxy = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    return Rows(frame, track_id, xyxy, flagged)
