"""Clips: videos and folders of pictures that lie side by side in one folder."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.clock import ManualClock
from pipeline.errors import SourceEnded, SourceError, UsageError
from pipeline.stage import Picture

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
VIDEOS = (".avi", ".mp4", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".webm", ".gif")


def clips_in(folder: Path) -> dict[str, Path]:
    """The clips of a folder by name (of the file without its ending, or of the folder), in order of their names.

    Hidden files are none, nor is ``NAME_gt`` beside ``NAME``, where UCSD keeps masks. Raises ``UsageError`` where there
    is none, and for two of one name.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: is no folder; name one that holds clips (videos, or folders of pictures)")
    found: dict[str, Path] = {}
    paths = sorted(folder.iterdir(), key=natural)
    beside = {f"{path.name}_gt" for path in paths}
    for path in paths:
        if path.name.startswith(".") or path.name in beside or not _is_clip(path):
            continue
        name = path.name if path.is_dir() else path.stem
        if name in found:
            raise UsageError(f"{path}: there is another clip named {name!r} beside it; rename one")
        found[name] = path
    if not found:
        raise UsageError(f"{folder}: holds no clip (a video, or a folder of pictures).{_hint(folder)}")
    return found


def check_readable(clips: Iterable[Path], *, fps: float) -> None:
    """Raise ``UsageError`` for a clip of which not even a first picture can be read, before others are watched."""
    for clip in clips:
        try:
            next(pictures(clip, fps=fps), None)
        except SourceError as error:
            raise UsageError(str(error)) from error


def pictures(clip: Path, *, fps: float) -> Iterator[Picture]:
    """Every picture of a clip, as capture decodes it. Raises ``SourceError`` for one that cannot be read."""
    from stages.capture.options import CameraOptions
    from stages.capture.sources import open_source

    options = CameraOptions(source=f"{clip}?fps={fps:g}" if clip.is_dir() else str(clip))
    source = open_source(options, ManualClock())
    source.open()
    try:
        while True:
            yield source.read(None).pixels
    except SourceEnded:
        return
    finally:
        source.close()


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order (2 before 10), as capture takes them."""
    files = (file for file in folder.iterdir() if file.suffix.lower() in PICTURES and not file.name.startswith("."))
    return sorted(files, key=natural)


def natural(path: Path) -> list[tuple[int, str]]:
    """Sorts names with numbers by the numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def digest(clip: Path) -> str:
    """SHA-256 over the content of a clip and the order of its pictures, whatever they are called."""
    files = pictures_in(clip) if clip.is_dir() else [clip]
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()


def _hint(folder: Path) -> str:
    """What to name instead."""
    if pictures_in(folder):
        return " It holds pictures itself: name the folder above it."
    inside = sorted((each for each in folder.iterdir() if each.is_dir()), key=natural)
    nearer = [each for each in inside if any(_is_clip(one) for one in each.iterdir())]
    return f" Clips lie in {', '.join(map(str, nearer[:3]))}: name one of those." if nearer else ""


def _is_clip(path: Path) -> bool:
    if path.is_dir():
        return bool(pictures_in(path))
    return path.suffix.lower() in VIDEOS
