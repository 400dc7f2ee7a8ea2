"""Which clips come from one source: the unit that is never torn apart between training and test."""

import csv
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError

SPLITS = ("", "train", "val")


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a clip, and the split that its makers declared (empty: none)."""

    group: str
    split: str = ""


def read_groups(path: Path) -> dict[str, Origin]:
    """The origin of each clip by its name without suffix. Raises ``UsageError`` with file and line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as text: {error}") from error
    origins = _from_csv(path, lines) if path.suffix.lower() == ".csv" else _from_headings(lines)
    if not origins:
        raise UsageError(f"{path}: names no clip; expected CSV with clip,group or lines 'clip: ...' below their source")
    return origins


def _from_csv(path: Path, lines: list[str]) -> dict[str, Origin]:
    rows = csv.DictReader(lines)
    if not {"clip", "group"} <= set(rows.fieldnames or ()):
        raise UsageError(
            f"{path}:1: columns must be clip,group and perhaps split; got {','.join(rows.fieldnames or ())}"
        )
    origins = {}
    for row in rows:
        split = (row.get("split") or "").strip()
        if split not in SPLITS:
            raise UsageError(f"{path}:{rows.line_num}: split must be train, val or empty; got {split!r}")
        origins[Path(row["clip"]).stem] = Origin(row["group"], split)
    return origins


def _from_headings(lines: list[str]) -> dict[str, Origin]:
    origins, heading = {}, ""
    for line in (line.strip() for line in lines):
        name, colon, _ = line.partition(": ")
        if colon and heading:
            origins[name.strip()] = Origin(heading)
        elif line:
            heading = line
    return origins
