"""One generation of a model of normal as one file, to be carried to another machine."""

import io
import zipfile
import zlib
from pathlib import Path

import msgspec

from lab.normal.keeping import check_folder, place, use
from pipeline.errors import CannotStart, UsageError
from pipeline.whole_file import write_whole
from stages.alert.normal.feedback import read_feedback
from stages.alert.normal.store import (
    GENERATIONS,
    MANIFEST,
    MOST_BYTES,
    Manifest,
    Stored,
    generations,
    read_generation,
)

_DATE = (1980, 1, 1, 0, 0, 0)


def export(stored: Stored, file: Path) -> None:
    """Write a ``.zip`` of the manifest and the arrays it vouches for. Crops show people, so they stay where they are.

    The same generation gives the same bytes. Raises ``UsageError`` where the file cannot be written.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in [MANIFEST, *sorted(stored.manifest.files)]:
            packed.writestr(zipfile.ZipInfo(name, _DATE), (stored.path / name).read_bytes())
    try:
        write_whole(file, [content.getvalue()])
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error


def take_in(file: Path, folder: Path) -> Stored:
    """Put an exported generation into the folder of its camera and in use.

    Raises ``UsageError`` for a file that is no such export, or a folder of another camera or with another generation
    of that number; ``CannotStart`` for one that is damaged. What was in use before then stays so.
    """
    files = _unpacked(file)
    manifest = _manifest(files, file)
    check_folder(folder, manifest.camera)
    number = manifest.generation
    if number in generations(folder):
        if (folder / GENERATIONS / str(number) / MANIFEST).read_bytes() != files[MANIFEST]:
            raise UsageError(f"{folder}: has another generation {number}; import {file.name} into an empty folder")
    else:
        place(folder, number, files, check=lambda path: read_feedback(read_generation(path)))
    use(folder, number)
    return read_generation(folder / GENERATIONS / str(number))


def _unpacked(file: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(file) as packed:
            members = packed.infolist()
            if sum(each.file_size for each in members) > MOST_BYTES:
                raise UsageError(f"{file}: is too large for a model of normal")
            return {each.filename: packed.read(each) for each in members}
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise UsageError(f"{file}: is no export of a model of normal, or damaged: {error}") from error


def _manifest(files: dict[str, bytes], file: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(files.get(MANIFEST, b""), type=Manifest)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{file}: is no export of a model of normal: {error}") from error
    strange = set(files) - {MANIFEST, *manifest.files}
    if strange or any("/" in name or "\\" in name or name.startswith(".") for name in files):
        raise CannotStart(
            f"{file}: holds files that its manifest does not name: {', '.join(sorted(strange)) or 'paths'}"
        )
    return manifest
