"""The folder in which the model of normal of one camera is kept: what lies there, and how it is read.

::

    DIR/current.json                 which generation is in use
    DIR/generations/3/manifest.json  what it is, and the digests of its files
                      bank.npz       the model's arrays
                      calib.npz      the calibration's
                      feedback.json  what was said about alarms, if anything was
                      exemplars/     crops of what is normal, which may be absent or deleted

A generation never changes once it is written. Reading trusts nothing: no pickle, bounded sizes, digests compared, and
every refusal is a ``CannotStart`` of one line. ``lab.normal`` writes.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from pipeline.file_digest import file_sha256
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.model import NormalModel

SCHEMA = 1
KIND = "bartizan model of normal"
CURRENT, GENERATIONS, MANIFEST = "current.json", "generations", "manifest.json"
BANK, CALIB, EXEMPLARS = "bank.npz", "calib.npz", "exemplars"
MOST_BYTES = 64 << 20
"""A file larger than this is no model of normal, packed or unpacked: they take some hundred kB."""

Arrays = dict[str, npt.NDArray[Any]]
Struct = TypeVar("Struct", bound=msgspec.Struct)


class Current(msgspec.Struct, frozen=True):
    """What ``current.json`` says."""

    kind: str
    schema: int
    generation: int
    sha256: str = ""
    """Of its manifest; empty where an earlier version wrote this."""


class Footage(msgspec.Struct, frozen=True):
    """What a generation was learned from."""

    seconds: float
    """Of it, in all."""
    clips: int
    frames: int
    tracks: int
    fps: float
    """Frames a second, on average."""
    digest: str = ""
    """sha256 over what was observed, whatever the files were called."""


class Manifest(msgspec.Struct, frozen=True):
    """What ``manifest.json`` says. It holds no path, no host and no wall time."""

    kind: str
    schema: int
    camera: str
    generation: int
    """Counts from 1; a generation's number is never given again."""
    parent: str
    """sha256 of the manifest it followed, empty for the first."""
    created_by: str
    """Version of Bartizan."""
    features: dict[str, str]
    """Their units, by name."""
    detector: str
    """sha256 of the detector whose boxes it was learned from; empty if unknown."""
    embedder: str
    """sha256 of what made its embeddings; empty where it has none."""
    footage: Footage
    model: dict[str, Any]
    """``NormalModel.facts``."""
    calibration: dict[str, Any]
    """``Calibration.facts``."""
    files: dict[str, str]
    """sha256 of each file of the generation that decides, by name."""
    sample: dict[str, Any] = {}
    """Where it was learned from a sample of what runs logged: how much of each quarter of the day, and what was left
    out of it."""
    exemplars: dict[str, str] = {}
    """sha256 of each crop, by its name in ``exemplars/``; crops may have been deleted since."""
    model_of: int = 0
    """The generation that it differs from in its feedback alone; 0: its model is its own."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One generation, read."""

    path: Path
    manifest: Manifest
    digest: str
    """sha256 of the manifest, and by it of everything."""
    model: NormalModel = field(repr=False)
    calibration: Calibration = field(repr=False)

    def exemplar(self, name: str) -> bytes | None:
        """A crop as JPEG, or None where it is not there any more. Raises ``CannotStart`` if it was changed."""
        if name not in self.manifest.exemplars or not (self.path / EXEMPLARS / name).is_file():
            return None
        if _sha256(self.path, f"{EXEMPLARS}/{name}") != self.manifest.exemplars[name]:
            _refuse(self.path / EXEMPLARS / name, "is not what was written: its digest differs", "delete it")
        return (self.path / EXEMPLARS / name).read_bytes()

    def check_detector(self, sha256: str) -> None:
        """Raise ``CannotStart`` if another detector is at work: its boxes, or its vectors, are not those that were
        learned."""
        for what, learned in (("boxes", self.manifest.detector), ("vectors", self.manifest.embedder)):
            if learned and sha256 and learned != sha256:
                _refuse(
                    self.path,
                    f"was learned with another detector's {what} (sha256 {learned[:12]}, in use is {sha256[:12]})",
                    "use that one, or learn again with 'bartizan learn'",
                )


def read(folder: Path, *, generation: int | None = None) -> Stored:
    """The generation in use, or the one that is asked for. Raises ``CannotStart``, one line, for anything amiss."""
    return read_generation(folder / GENERATIONS / str(generation or current(folder)))


def read_named(folder: Path, said: bytes) -> Stored:
    """The generation that this content of a ``current.json`` names, with the digest that it names.

    Raises ``CannotStart``, one line, for content that names none, and for one that is gone, damaged or another.
    """
    named = _parsed(said, folder, _Label, CURRENT)
    _check_kind(folder, named.kind, named.schema)
    wanted = _parsed(said, folder, Current, CURRENT)
    path = folder / GENERATIONS / str(wanted.generation)
    if not (path / MANIFEST).is_file():
        have = listed(generations(folder))
        _refuse(folder, f"generation {wanted.generation} is gone; there: {have}", "put it back from a backup")
    stored = read_generation(path)
    if wanted.sha256 and stored.digest != wanted.sha256:
        _refuse(path, f"is not the one that was named: sha256 {stored.digest[:12]}, not {wanted.sha256[:12]}", _GO_BACK)
    return stored


def in_use(folder: Path) -> Path:
    """The folder of the generation in use; one that is itself a generation stays. Raises ``CannotStart``."""
    if folder.parent.name == GENERATIONS and not (folder / CURRENT).exists():
        return folder
    return folder / GENERATIONS / str(current(folder))


def current(folder: Path) -> int:
    """The number of the generation in use. Raises ``CannotStart``."""
    if not folder.is_dir():
        _refuse(folder, "is not there", "make it with 'bartizan learn FOOTAGE --out DIR'")
    if not (folder / CURRENT).is_file():
        _refuse(folder, f"has no {CURRENT}: it is no model of normal", "make one with 'bartizan learn'")
    label = _decoded(folder / CURRENT, folder, _Label)
    _check_kind(folder, label.kind, label.schema)
    said = _decoded(folder / CURRENT, folder, Current)
    if not (folder / GENERATIONS / str(said.generation) / MANIFEST).is_file():
        have = listed(generations(folder))
        _refuse(folder, f"generation {said.generation} is missing; there: {have}", "see 'bartizan normal rollback'")
    return said.generation


def generations(folder: Path) -> list[int]:
    """The numbers of those that are there, rising."""
    found = (folder / GENERATIONS).glob(f"*/{MANIFEST}")
    return sorted(int(each.parent.name) for each in found if each.parent.name.isdecimal())


def listed(numbers: Sequence[int]) -> str:
    """``1, 2, 4 to 9`` of rising numbers; ``none``."""
    runs: list[list[int]] = []
    for each in numbers:
        if runs and runs[-1][-1] == each - 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    said = [f"{run[0]} to {run[-1]}" if len(run) > 3 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(said) or "none"


def read_generation(path: Path) -> Stored:
    """The generation in this very folder; its crops are not looked at. Raises ``CannotStart``."""
    if not (path / MANIFEST).is_file():
        _refuse(path, f"has no {MANIFEST}", "see 'bartizan normal show' for the generations that are there")
    manifest = read_manifest(path)
    for name, digest in manifest.files.items():
        if _sha256(path, name) != digest:
            _refuse(path / name, "is not what was written: its digest differs", _GO_BACK)
    bank, calib = _arrays(path, BANK, manifest), _arrays(path, CALIB, manifest)
    try:
        model = NormalModel.of(bank, manifest.model)
        calibration = Calibration.stored(calib, manifest.calibration)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        _refuse(path, f"does not fit together ({type(error).__name__}: {error})", _GO_BACK)
    digest = file_sha256(path / MANIFEST)
    return Stored(path, manifest, digest, model, calibration)


def read_manifest(path: Path) -> Manifest:
    """What the generation in this folder says of itself; its arrays are not looked at. Raises ``CannotStart``."""
    label = _decoded(path / MANIFEST, path, _Label)
    _check_kind(path, label.kind, label.schema)
    return _decoded(path / MANIFEST, path, Manifest)


class _Label(msgspec.Struct, frozen=True):
    kind: str = ""
    schema: int = 0


_GO_BACK = "go back with 'bartizan normal rollback', or learn again with 'bartizan learn'"


def _check_kind(path: Path, kind: str, schema: int) -> None:
    if kind != KIND:
        _refuse(path, "is no model of normal", "make one with 'bartizan learn'")
    if schema != SCHEMA:
        _refuse(path, f"has schema {schema}, this version reads {SCHEMA}", "learn again, or use the version it is of")


def _decoded(file: Path, folder: Path, kind: type[Struct]) -> Struct:
    try:
        if file.stat().st_size > MOST_BYTES:
            _refuse(folder, f"{file.name} is too large for a model of normal", _GO_BACK)
        content = file.read_bytes()
    except OSError as error:
        _refuse(folder, f"{file.name} cannot be read: {error.strerror}", "check the folder's owner and mode")
    return _parsed(content, folder, kind, file.name)


def _parsed(content: bytes, folder: Path, kind: type[Struct], name: str) -> Struct:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        _refuse(folder, f"{name} is damaged or foreign: {error}", _GO_BACK)


def _sha256(path: Path, name: str) -> str:
    inside = Path(name)
    if inside.is_absolute() or ".." in inside.parts:
        _refuse(path, f"names a file outside itself: {name!r}", _GO_BACK)
    try:
        return file_sha256(path / inside)
    except OSError as error:
        _refuse(path / name, f"cannot be read: {error.strerror}", _GO_BACK)


def _arrays(path: Path, name: str, manifest: Manifest) -> Arrays:
    if name not in manifest.files:
        _refuse(path, f"{MANIFEST} does not vouch for {name}", _GO_BACK)
    try:
        content = (path / name).read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > MOST_BYTES:
                _refuse(path / name, "is too large for a model of normal", _GO_BACK)
        with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
            arrays = {each: loaded[each] for each in loaded.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError, MemoryError) as error:
        _refuse(path / name, f"cannot be read as arrays: {error}", _GO_BACK)
    for each, array in arrays.items():
        if array.dtype.kind not in "fiub" or (array.dtype.kind == "f" and np.isnan(array).any()):
            _refuse(path / name, f"{each} is not of numbers", _GO_BACK)
    return arrays


def _refuse(where: Path, what: str, remedy: str) -> NoReturn:
    line = " ".join(f"model of normal {where} {what}; {remedy}".split())
    raise CannotStart(line)
