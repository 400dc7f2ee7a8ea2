"""Writing, going back to, and forgetting models of normal; ``stages.alert.normal.store`` says what lies where."""

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pipeline.errors import CannotStart, UsageError
from pipeline.file_digest import file_sha256
from pipeline.version import version
from pipeline.whole_file import write_whole
from stages.alert.normal.calibration import Calibration
from stages.alert.normal.feedback import FEEDBACK, Feedback, read_feedback
from stages.alert.normal.model import NormalModel
from stages.alert.normal.store import (
    BANK,
    CALIB,
    CURRENT,
    EXEMPLARS,
    GENERATIONS,
    KIND,
    MANIFEST,
    SCHEMA,
    Arrays,
    Current,
    Footage,
    Manifest,
    Stored,
    current,
    generations,
    listed,
    read,
    read_generation,
    read_manifest,
)

RESERVOIR = "reservoir"
"""Beside the generations: what updates learn from, see ``lab.normal.reservoir``."""
KEPT = 5
"""Models whose crops are kept, the one in use among them, ..."""
KEPT_FEEDBACK = 20
"""... and so many generations that differ from one of them in what was said about alarms."""


def check_folder(folder: Path, camera: str) -> None:
    """Whether the next generation of this camera may go here; to be asked before anything long.

    What is there may be damaged, or of another version: learning anew is what then helps. Raises ``UsageError`` for a
    folder that holds something else or another camera's model.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder}: cannot be made: {error.strerror}") from error
    if not any(folder.iterdir()):
        return
    if not (folder / CURRENT).is_file():
        raise UsageError(f"--out {folder}: holds something else; name an empty folder, or that of this camera's model")
    try:
        kept = read_manifest(folder / GENERATIONS / str(current(folder))).camera
    except CannotStart:
        return
    if kept != camera:
        raise UsageError(
            f"--out {folder}: holds the model of camera {kept!r}, not of {camera!r}: one folder for each camera"
        )


def keep(
    folder: Path,
    camera: str,
    model: NormalModel,
    calibration: Calibration,
    footage: Footage,
    *,
    exemplars: Mapping[str, bytes] | None = None,
    embedder: str = "",
    sample: Mapping[str, Any] | None = None,
    with_feedback: bool = True,
) -> Stored:
    """Write the next generation, put it in use, and drop the crops of those that are too old.

    ``exemplars``: JPEG crops by file name. ``sample``: as the manifest has it. ``with_feedback``: what was said
    about alarms before is kept with it. Nothing is in use before it is on the disk as a whole. Raises what
    ``check_folder`` raises.
    """
    check_folder(folder, camera)
    there = generations(folder)
    files = {BANK: packed(model.arrays()), CALIB: packed(calibration.arrays())}
    if with_feedback and (feedback := feedback_in_use(folder)).given:
        files[FEEDBACK] = as_json(feedback)
    crops = dict(exemplars or {})
    facts = model.facts()
    manifest = Manifest(
        kind=KIND,
        schema=SCHEMA,
        camera=camera,
        generation=max(there, default=0) + 1,
        parent=_digest_in_use(folder),
        created_by=version() or "unknown",
        features=facts["features"],
        detector=model.detector,
        embedder=embedder,
        footage=footage,
        model=facts,
        calibration=calibration.facts(),
        files=_digests(files),
        sample=dict(sample or {}),
        exemplars=_digests(crops),
    )
    beside = {f"{EXEMPLARS}/{name}": content for name, content in crops.items()}
    place(folder, manifest.generation, files | beside | {MANIFEST: as_json(manifest)})
    use(folder, manifest.generation)
    drop_crops(folder)
    return read_generation(folder / GENERATIONS / str(manifest.generation))


def feedback_in_use(folder: Path) -> Feedback:
    """What was said about alarms, as the generation in use keeps it; nothing where there is none that can be read."""
    try:
        return read_feedback(read(folder))
    except CannotStart:
        return Feedback()


def drop_crops(folder: Path) -> None:
    """Delete the pictures of generations that are old. All that decides stays, and what the records of events are made
    of: a run that goes by one of them can be started again, and told again to the byte."""
    for each in _old(folder, KEPT):
        for crop in (folder / GENERATIONS / str(each) / EXEMPLARS).glob("*.jpg"):
            crop.unlink()


def prune(folder: Path, models: int = KEPT) -> list[int]:
    """Delete generations as a whole, which is done only where it is asked for: all but the last ``models`` models, the
    last ``KEPT_FEEDBACK`` that differ from one of these in feedback alone, and the one in use. Which they were."""
    old = _old(folder, models)
    for each in old:
        shutil.rmtree(folder / GENERATIONS / str(each))
    return old


def _old(folder: Path, kept_models: int) -> list[int]:
    there, now = generations(folder), current(folder)
    models = {each: _model_of(folder, each) for each in there}
    kept = set(sorted(set(models.values()))[-kept_models:])
    changes = [each for each in there if models[each] != each and models[each] in kept][-KEPT_FEEDBACK:]
    return [each for each in there if each not in kept and each not in changes and each != now]


def place(
    folder: Path, generation: int, files: Mapping[str, bytes], *, check: Callable[[Path], object] = lambda _: None
) -> None:
    """Put a generation's files in their folder: all or none; none as well if ``check`` of the folder raises."""
    target = folder / GENERATIONS / str(generation)
    part = target.with_name(f"{generation}.part")
    shutil.rmtree(part, ignore_errors=True)
    for name, content in files.items():
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(part / name, [content])
    try:
        check(part)
    except BaseException:
        shutil.rmtree(part)
        raise
    part.rename(target)
    parent = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def use(folder: Path, generation: int) -> None:
    """Make a generation the one in use."""
    manifest = (folder / GENERATIONS / str(generation) / MANIFEST).read_bytes()
    write_whole(folder / CURRENT, [as_json(Current(KIND, SCHEMA, generation, hashlib.sha256(manifest).hexdigest()))])


def go_back(folder: Path, to: int | None = None) -> Stored:
    """Put an earlier generation in use, or the one that is asked for; nothing is deleted, so one can return.

    Raises ``UsageError`` where there is none, ``CannotStart`` where that one is damaged.
    """
    there = generations(folder)
    if not there:
        raise UsageError(f"{folder}: holds no model of normal")
    if to is None:
        now = _now(folder, there)
        earlier = [each for each in there if each < now]
        if not earlier:
            raise UsageError(f"{folder}: generation {now} is in use, and none before it is kept")
        to = earlier[-1]
    if to not in there:
        raise UsageError(f"{folder}: generation {to} is not kept; there: {listed(there)}")
    stored = read_generation(folder / GENERATIONS / str(to))
    use(folder, to)
    return stored


def forget(folder: Path) -> int:
    """Delete the model of normal with all its generations and crops, and what updates learn from: how many there were.

    Deletes nothing else; the folder itself goes if it is empty then. Raises ``UsageError`` for a folder without one.
    """
    there = generations(folder)
    if not there and not (folder / CURRENT).is_file():
        raise UsageError(f"{folder}: holds no model of normal")
    (folder / CURRENT).unlink(missing_ok=True)
    for name in (GENERATIONS, RESERVOIR):
        shutil.rmtree(folder / name, ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    return len(there)


def is_same(stored: Stored, model: NormalModel, calibration: Calibration) -> bool:
    """Whether this generation already says all that they say."""
    files = {BANK: packed(model.arrays()), CALIB: packed(calibration.arrays())}
    return all(stored.manifest.files.get(name) == digest for name, digest in _digests(files).items())


def packed(arrays: Arrays) -> bytes:
    """Arrays as an ``.npz``; the same arrays give the same bytes."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})
    return content.getvalue()


def as_json(value: msgspec.Struct) -> bytes:
    """Indented JSON with a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def digest_of(content: bytes) -> str:
    """sha256 in hex."""
    return hashlib.sha256(content).hexdigest()


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: digest_of(content) for name, content in files.items()}


def _model_of(folder: Path, generation: int) -> int:
    """The generation whose model this one has; itself where that is its own, or cannot be read."""
    try:
        return read_manifest(folder / GENERATIONS / str(generation)).model_of or generation
    except CannotStart:
        return generation


def _digest_in_use(folder: Path) -> str:
    """sha256 of the manifest in use; empty where there is none, or none that can be found."""
    try:
        return file_sha256(folder / GENERATIONS / str(current(folder)) / MANIFEST)
    except CannotStart:
        return ""


def _now(folder: Path, there: list[int]) -> int:
    try:
        return current(folder)
    except CannotStart:
        return there[-1] + 1
