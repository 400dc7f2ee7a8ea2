"""Which file a label means: formats name pictures by path, by URL, or by a name that a tool has decorated."""

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from lab.dataset.yolo_format import PICTURES
from pipeline.errors import UsageError

_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""Label Studio puts this before the name of a file that was uploaded."""


class PictureFinder:
    """Pictures below ``folders``, found by what annotations call them; nothing outside is ever returned."""

    def __init__(self, *folders: Path) -> None:
        self._folders = [folder.resolve() for folder in folders]
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for folder in dict.fromkeys(self._folders):
            for file in sorted(folder.rglob("*")):
                if file.suffix.lower() in PICTURES and file.resolve().is_relative_to(folder):
                    self._by_name[file.name].append(file)

    def find(self, named: str, where: str) -> Path:
        """The file that ``named`` (a relative path, an absolute one of another machine, a URL) means.

        The longest common ending of the paths decides. Raises ``UsageError`` with ``where``.
        """
        wanted = PurePosixPath(_path_in(named).replace("\\", "/"))
        candidates = self._by_name.get(wanted.name) or self._by_name.get(_UPLOADED.sub("", wanted.name)) or []
        if not candidates:
            places = ", ".join(str(folder) for folder in self._folders)
            raise UsageError(f"{where}: picture {named[:200]!r} is not below {places}; name its folder with --pictures")
        lengths = [_common_ending(wanted, candidate) for candidate in candidates]
        best = [file for file, length in zip(candidates, lengths, strict=True) if length == max(lengths)]
        if len({file.resolve() for file in best}) > 1:
            raise UsageError(
                f"{where}: picture {named[:200]!r} may be {best[0]} or {best[1]}; give --pictures one folder"
            )
        return best[0]


def _path_in(named: str) -> str:
    """``/data/local-files/?d=a/b.jpg``, ``s3://bucket/b.jpg`` and ``https://host/b.jpg?x=y`` as paths."""
    if "://" not in named and not named.startswith("/data/"):
        return named
    parts = urlsplit(named)
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path)


def _common_ending(wanted: PurePosixPath, file: Path) -> int:
    pairs = zip(reversed(wanted.parts), reversed(file.parts), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), len(wanted.parts))
