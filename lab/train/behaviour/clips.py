"""Clips on disk: what happens in each, and where it comes from."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.settings import beside
from lab.train.behaviour.groups import Origin, read_groups
from lab.train.behaviour.settings import DataSettings
from pipeline.errors import UsageError

VIDEOS = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".ts", ".m4v"})
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
COLUMNS = (("clip",), ("start", "fall_start_frame", "start_frame"), ("end", "fall_end_frame", "end_frame"))


@dataclass(frozen=True, slots=True)
class Clip:
    """``path``: a video, or a folder of pictures. ``class_id``: of the whole clip, or None where ``intervals`` tell:
    (first frame, last frame) counting from 0, in which class 1 happens, all else being class 0."""

    path: Path
    class_id: int | None
    origin: Origin
    intervals: tuple[tuple[int, int], ...] = ()

    @property
    def name(self) -> str:
        """Its file name without suffix."""
        return self.path.stem

    @property
    def files(self) -> list[Path]:
        """The video, or the pictures in order of name."""
        if self.path.is_file():
            return [self.path]
        return sorted(file for file in self.path.iterdir() if file.suffix.lower() in PICTURES)


def read_clips(data: DataSettings, names: Sequence[str], *, base: Path) -> list[Clip]:
    """All clips in order of class and name. Paths are looked for from ``base``.

    Raises ``UsageError`` for what is missing, or clips that the intervals or groups do not know.
    """
    root = beside(base / "_", data.clips)
    if not root.is_dir():
        raise UsageError(f"data.clips: {root} is not a folder")
    origins = read_groups(beside(base / "_", data.groups)) if data.groups else None
    if data.intervals:
        found = _by_intervals(root, beside(base / "_", data.intervals))
    else:
        found = _by_folder(root, data.folders or names)
    clips = [Clip(path, class_id, _origin(path, origins, data), intervals) for path, class_id, intervals in found]
    twice = [name for name, times in Counter(clip.name for clip in clips).items() if times > 1]
    if twice and origins is not None:
        raise UsageError(f"{root}: several clips are called {twice[0]}, so the groups do not tell which is meant")
    return clips


def _origin(path: Path, origins: dict[str, Origin] | None, data: DataSettings) -> Origin:
    if origins is None:
        return Origin(path.stem)
    if path.stem not in origins:
        raise UsageError(f"{data.groups}: says nothing of the clip {path.stem}; every clip needs its source")
    return origins[path.stem]


Found = list[tuple[Path, int | None, tuple[tuple[int, int], ...]]]


def _by_folder(root: Path, folders: Sequence[str]) -> Found:
    found: Found = []
    for class_id, folder in enumerate(folders):
        if not (root / folder).is_dir():
            there = ", ".join(sorted(each.name for each in root.iterdir() if each.is_dir())) or "none"
            raise UsageError(f"{root}: has no folder {folder!r} for the class of that name; folders there: {there}")
        clips = [path for path in sorted((root / folder).iterdir()) if _is_clip(path)]
        if not clips:
            raise UsageError(f"{root / folder}: holds no clip (video, or folder of pictures)")
        found += [(path, class_id, ()) for path in clips]
    return found


def _by_intervals(root: Path, file: Path) -> Found:
    intervals: dict[str, list[tuple[int, int]]] = {}
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            rows = csv.DictReader(text)
            fields = rows.fieldnames or ()
            columns = [next((name for name in known if name in fields), "") for known in COLUMNS]
            if not all(columns):
                raise UsageError(f"{file}:1: columns must be clip,start,end (frames from 0); got {','.join(fields)}")
            for row in rows:
                where = intervals.setdefault(row[columns[0]], [])
                if row[columns[1]]:  # a clip without anything has a row with empty fields
                    where.append((int(row[columns[1]]), int(row[columns[2]])))
                    if where[-1][0] > where[-1][1] or where[-1][0] < 0:
                        raise UsageError(f"{file}:{rows.line_num}: start must be from 0 and not after end")
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{file}: is not a table of clip,start,end: {error}") from error
    clips = {path.stem: path for path in sorted(root.iterdir()) if _is_clip(path)}
    missing = [name for name in intervals if name not in clips]
    if missing or not intervals:
        raise UsageError(f"{file}: names {', '.join(missing) or 'no clip'}, which {root} does not hold")
    return [(clips[name], None, tuple(spans)) for name, spans in sorted(intervals.items())]


def _is_clip(path: Path) -> bool:
    if path.is_dir():
        return any(file.suffix.lower() in PICTURES for file in path.iterdir())
    return path.suffix.lower() in VIDEOS
