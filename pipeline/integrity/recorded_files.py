"""What is recorded all the time, as it comes: folders are read again only when something in them has changed.

A segment that is finished late, by the process after one that was killed, has an older name than others that are known:
so no name says what is new, and a folder that has changed is read as a whole.
"""

import os
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.clock import SECOND, Clock

UNDER_WAY = re.compile(r"\.(part|new)\.|\.part$")
"""Occurs in the name of a file that is being written."""
END = ".mp4"
TICK_NS = 3 * SECOND
"""Some file systems tell times no finer: what changes so soon after a look may show no other time."""
EVERYTHING_NS = 600 * SECOND
"""Between two looks at everything, for file systems that do not say when a folder has changed."""


@dataclass(frozen=True, slots=True)
class _Seen:
    changed_ns: int
    """Time of the folder when it was read; -1: it may have changed since without showing another one."""
    folders: list[str]
    """Those within it."""


class RecordedFiles:
    """The files of video in a folder and those within it."""

    def __init__(self, out: Path, folder: str, clock: Clock) -> None:
        """``folder``: within the results ``out``; it need not be there yet."""
        self._out = out
        self._folder = folder
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._everything_ns = 0

    def fresh(self, known: Container[str]) -> Iterator[str]:
        """Paths within the results of whole files that are not ``known``, in order. Whoever does not take all of them
        gets the rest of the folder again. Raises ``OSError``."""
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._everything_ns:
            self._everything_ns = now_ns + EVERYTHING_NS
            self._seen.clear()
        yield from self._within(self._folder, known)

    def _within(self, folder: str, known: Container[str]) -> Iterator[str]:
        seen, now_ns = self._seen.get(folder), self._clock.wall_ns()
        try:
            changed_ns = (self._out / folder).stat().st_mtime_ns
            found = self._read(folder) if seen is None or seen.changed_ns != changed_ns else None
        except FileNotFoundError:
            return
        if found is not None:
            folders, names = found
            yield from (name for name in names if name not in known)
            seen = self._seen[folder] = _Seen(changed_ns if now_ns - changed_ns > TICK_NS else -1, folders)
        assert seen is not None  # else it was read
        for each in seen.folders:
            yield from self._within(each, known)

    def _read(self, folder: str) -> tuple[list[str], list[str]]:
        """Folders and files in it."""
        folders, names = [], []
        with os.scandir(self._out / folder) as entries:
            for each in entries:
                if each.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}/{each.name}")
                elif each.name.endswith(END) and not UNDER_WAY.search(each.name):
                    names.append(f"{folder}/{each.name}")
        return sorted(folders), sorted(names)
