"""The folder of one training run: what it was asked, from what data, how it went, what came of it."""

import hashlib
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel

from pipeline.errors import UsageError
from pipeline.whole_file import write_whole

RUN = "run.json"
LIBRARIES = ("bartizan", "torch", "torchvision", "ultralytics", "numpy", "opencv-python")


def open_run(out: Path, *, settings: BaseModel, data_sha256: str, resume: bool) -> None:
    """Make the folder of a run, or check that an interrupted one may go on.

    Writes ``run.json``: the full settings, the digest of the data, the versions. Raises ``UsageError`` where a run
    is there already and ``resume`` is not wanted, or where it was made of other settings or data.
    """
    record = {"settings": settings.model_dump(mode="json"), "data_sha256": data_sha256}
    file = out / RUN
    if file.is_file():
        if not resume:
            raise UsageError(f"{out}: holds a run already; --resume goes on with it, another --out keeps it")
        try:
            before = msgspec.json.decode(file.read_bytes())
        except msgspec.DecodeError as error:
            raise UsageError(f"{file}: is not a record of a run: {error}") from error
        for key, value in record.items():
            if before.get(key) != value:
                raise UsageError(f"{out}: the run there was made with other {_different(key, before, record)}")
        return
    out.mkdir(parents=True, exist_ok=True)
    record |= {"versions": versions(), "machine": f"{platform.machine()} {platform.system()}"}
    write_json(file, record)


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
    parts = []
    for file in files:
        with file.open("rb") as content:
            parts.append(f"{file.name} {hashlib.file_digest(content, 'sha256').hexdigest()}")
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def _different(key: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    old, new = before.get(key), now[key]
    if not isinstance(old, dict) or not isinstance(new, dict):
        return f"{key.replace('_', ' ')}; start in another --out"
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return f"settings ({', '.join(sorted(names))}); start in another --out"
