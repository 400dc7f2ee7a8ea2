"""Files beside the footage that rules follow: what they hold now, as records for the logs of the cameras concerned.

A live camera's log gets a record before its first frame, and one at each change. A recording's gets them before its
first frame only: its results do not depend on what happens meanwhile.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import LogError
from pipeline.messages import ChangeRecord

if TYPE_CHECKING:
    from pipeline.configuration.config import RuleConfig

logger = logging.getLogger(__name__)

MOST_BYTES = 1 << 16
"""A followed file says what counts; it is not what counts. Of a larger one the beginning is taken."""


def followed_by(rules: "Sequence[RuleConfig]", camera: str) -> dict[str, Path]:
    """The files that the rules of a camera follow, by the name that its log gives each."""
    options = [rule.options for rule in rules if camera in rule.cameras]
    return {name: path for each in options for name, path in getattr(each, "follows", {}).items()}


def content_of(path: Path) -> bytes:
    """What a followed file holds; empty where there is none. Raises ``LogError`` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}") from error


class Followed:
    """What the cameras of a run follow, and what their logs said of it last."""

    def __init__(self, paths: Mapping[str, Mapping[str, Path]]) -> None:
        """``paths``: the files, by camera and name."""
        self._paths = paths
        self._said: dict[str, dict[str, bytes]] = {}
        self._unreadable: set[Path] = set()

    def begin(self, camera: str, said: Mapping[str, bytes]) -> None:
        """The camera's log is open; ``said``: what it holds so far."""
        self._said[camera] = dict(said)

    @property
    def cameras(self) -> list[str]:
        """Those with an open log that follow something."""
        return [camera for camera in self._said if self._paths[camera]]

    def changes(self, camera: str) -> list[ChangeRecord]:
        """What has to be written into the camera's log, now. What cannot be read has not changed."""
        said, found = self._said[camera], []
        for what, path in self._paths[camera].items():
            value = self._read(path)
            if value is None and what in said:
                continue
            if said.get(what) != (value or b""):
                said[what] = value or b""
                found.append(ChangeRecord(what, said[what]))
        return found

    def _read(self, path: Path) -> bytes | None:
        try:
            value = content_of(path)
        except LogError as error:
            if path not in self._unreadable:
                logger.warning("%s; rules that follow it go on with what they have", error)
            self._unreadable.add(path)
            return None
        self._unreadable.discard(path)
        return value
