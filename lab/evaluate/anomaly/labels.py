"""Which frames of a clip are anomalous: a table of spans.

A CSV file with the columns ``clip``, ``first_anomalous_frame`` and ``last_anomalous_frame``: names as those of the
clips, frames from 1, both ends included, one row for each span. A clip without a row has no anomalous frame; so has one
whose row leaves both frames empty.
"""

import csv
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.configuration.suggestions import did_you_mean_file
from pipeline.errors import UsageError

COLUMNS = ("clip", "first_anomalous_frame", "last_anomalous_frame")
Flags = npt.NDArray[np.bool_]
Spans = dict[str, list[tuple[int, int]]]
"""By clip: first and last frame, from 1."""


def read_labels(path: Path) -> Spans:
    """The spans in a file. Raises ``UsageError`` with file and line for anything else."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text: {error}{did_you_mean_file(path)}") from error
    header, *rows = list(csv.reader(lines)) or [[]]
    if tuple(name.strip() for name in header) != COLUMNS:
        raise UsageError(f"{path}:1: expected the columns {','.join(COLUMNS)}, got {','.join(header)}")
    spans: Spans = {}
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        name, first, last = [cell.strip() for cell in row] if len(row) == 3 else ("", "", "")
        if not name or bool(first) != bool(last):
            raise UsageError(f"{path}:{number}: expected {','.join(COLUMNS)}, got {','.join(row)}")
        found = spans.setdefault(name, [])
        if not first:
            continue
        if not (_counts(first) and _counts(last) and 1 <= int(first) <= int(last)):
            raise UsageError(f"{path}:{number}: frames count from 1 and the first comes first, got {first} to {last}")
        found.append((int(first), int(last)))
    return spans


def _counts(text: str) -> bool:
    """Whether it is a number in plain digits that a clip could have."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def check_clips(spans: Spans, clips: Collection[str], where: Path | None) -> None:
    """Raise ``UsageError`` for spans of no clip."""
    for name in spans:
        if name not in clips:
            raise UsageError(f"{where}: clip {name!r} is not among the test clips: {', '.join(clips)}")


def flags(spans: Spans, lengths: Mapping[str, int], where: Path | None) -> dict[str, Flags]:
    """For each clip bool (frames,): which are anomalous. Raises ``UsageError`` for spans of no clip, or beyond its
    end."""
    check_clips(spans, lengths, where)
    found = {}
    for name, frames in lengths.items():
        found[name] = np.zeros(frames, np.bool_)
        for first, last in spans.get(name, ()):
            if last > frames:
                raise UsageError(f"{where}: clip {name!r} has {frames} frames, its label ends at {last}")
            found[name][first - 1 : last] = True
    return found
