"""A folder that appears with everything in it, or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UsageError


@contextmanager
def workshop(out: Path) -> Iterator[Path]:
    """An empty folder beside ``out`` to work in; whatever was not delivered from it is gone at the end.

    Raises ``UsageError`` if ``out`` holds something already, or cannot be made.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: holds something already; name a new folder")
    place = out.absolute().with_name(f".{out.name}.part")
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made: {error.strerror}") from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def deliver(finished: Path, out: Path) -> None:
    """Give a finished folder its name."""
    if out.is_dir():
        out.rmdir()
    finished.rename(out)


def size_of(model: Path) -> int:
    """Bytes of a model: a file, or a graph and its weights."""
    if model.is_dir():
        return sum(file.stat().st_size for file in model.iterdir() if file.suffix in (".xml", ".bin"))
    if model.suffix == ".xml":
        return model.stat().st_size + model.with_suffix(".bin").stat().st_size
    return model.stat().st_size
