"""The folder of one training run: what it was asked, from what data, how it went, what came of it."""

import hashlib
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel

from lab.evaluate.detect_options import open_out
from pipeline.errors import UsageError
from pipeline.file_digest import file_sha256
from pipeline.whole_file import write_whole

RUN = "run.json"
LIBRARIES = ("bartizan", "torch", "torchvision", "ultralytics", "numpy", "opencv-python")


Asked = dict[str, Any]
"""What a run was asked: the entries of ``run.json`` that a resumed run must find unchanged."""


def asked_of(settings: BaseModel, *, data_sha256: str, weights: Mapping[str, Path]) -> Asked:
    """The full settings, and digests of the data and of each file of ``weights`` under its name in the settings.

    Raises ``CannotStart`` for weights that cannot be read.
    """
    from stages.detect.checkpoint import digest

    return {
        "settings": settings.model_dump(mode="json"),
        "data_sha256": data_sha256,
        "weights_sha256": {name: digest(path) for name, path in weights.items()},
    }


def check_run(out: Path, asked: Asked, *, resume: bool) -> None:
    """Whether a run may go into this folder; to be asked before anything long, and before ``open_run``.

    Makes the folder, but writes nothing into it, so that a run that cannot start does not stand in the way of the
    next one. Raises ``UsageError`` where the folder cannot be made, where a run is there already and ``resume`` is
    not wanted, or where it was made of other settings, data or weights.
    """
    open_out(out)
    file = out / RUN
    if not file.is_file():
        return
    if not resume:
        raise UsageError(f"{out}: holds a run already; --resume goes on with it, another --out keeps it")
    try:
        before = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError(f"{file}: is not a record of a run: {error}") from error
    for key, value in asked.items():
        if before.get(key) != value:
            raise UsageError(
                f"{out}: the run there was made with other {_different(key, before, asked)}; start in another --out"
            )


def open_run(out: Path, asked: Asked, *, resume: bool) -> None:
    """Begin a run, or go on with it: writes ``run.json`` with what was asked and the versions, unless it is there.

    Comes after all that can be wrong with what was asked. Raises what ``check_run`` raises.
    """
    check_run(out, asked, resume=resume)
    if not (out / RUN).is_file():
        write_json(out / RUN, asked | {"versions": versions(), "machine": f"{platform.machine()} {platform.system()}"})


def add_to_run(out: Path, facts: Mapping[str, Any]) -> None:
    """Add or replace entries of ``run.json``, such as results and digests of what was made."""
    file = out / RUN
    write_json(file, msgspec.json.decode(file.read_bytes()) | dict(facts))


def write_json(file: Path, value: Any) -> None:
    """A value as indented JSON, whole or not at all."""
    write_whole(file, [msgspec.json.format(msgspec.json.encode(value), indent=2), b"\n"])


def versions() -> dict[str, str]:
    """The libraries that decide what a run gives."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {"python": platform.python_version()}


def digest_of(files: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files, whatever their order and folder: the same data, the same digest."""
    parts = [f"{file.name} {file_sha256(file)}" for file in files]
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def digest_of_data(members: Iterable[tuple[Any, Sequence[Path]]], names: Sequence[str]) -> str:
    """SHA-256 over a data set that is learned from, whatever the order of its members and the folder it lies in.

    A member is what is said of it (its split, its class: plain JSON values) and its files, which belong together.
    ``names`` are the classes in order.
    """
    known: dict[Path, str] = {}
    lines = []
    for said, files in members:
        parts = []
        for file in files:
            if file not in known:
                known[file] = file_sha256(file)
            parts.append((file.name, known[file]))
        lines.append(msgspec.json.encode((said, parts)))
    whole = b"\n".join([msgspec.json.encode(tuple(names)), *sorted(lines)])
    return hashlib.sha256(whole).hexdigest()


def _different(key: str, before: Asked, now: Asked) -> str:
    what = key.removesuffix("_sha256")
    old, new = before.get(key), now[key]
    if not isinstance(old, dict) or not isinstance(new, dict):
        return what
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return f"{what} ({', '.join(sorted(names))})"
