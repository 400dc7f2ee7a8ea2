"""``.pt`` to OpenVINO or ONNX, once for each machine: later workers and later runs find the file.

An entry is a folder that appears whole, by a rename, under a name that says what it was made of. Whoever makes it
holds a lock, so ten workers that start at once convert once; a killed one leaves a folder that nobody reads and the
next one sweeps.
"""

import hashlib
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pipeline.errors import CannotStart
from stages.detect.checkpoint import choose_head, digest, load_checkpoint
from stages.detect.offline import cache_folder, import_ultralytics, locked

logger = logging.getLogger(__name__)

FORMAT = 1
"""Raised when the same weights begin to give another graph."""
PARTS = ("model.xml", "model.bin", "metadata.yaml")
"""Of an entry for OpenVINO."""

Target: TypeAlias = Literal["openvino", "onnx"]
_PARTS: dict[Target, tuple[str, ...]] = {"openvino": PARTS, "onnx": ("model.onnx",)}


def exported(weights: Path, *, head: str, target: Target = "openvino") -> Path:
    """The folder with ``model.xml``, ``model.bin`` and ``metadata.yaml``, or ``model.onnx``, made from a ``.pt``.

    The graph is float32 and its height and width are open: precision and size are chosen when it is compiled, so
    one entry serves all. Raises ``CannotStart``.
    """
    sha256 = digest(weights)
    made_with = "-".join(version(name) for name in (target, "ultralytics", "torch"))
    key = hashlib.sha256(f"{FORMAT} {sha256} {head} f32 dynamic {made_with}".encode()).hexdigest()[:32]

    def convert(workshop: Path) -> Path:
        logger.info("converting %s for %s, once", weights, {"openvino": "OpenVINO", "onnx": "ONNX Runtime"}[target])
        return _convert(weights, head=head, target=target, workshop=workshop)

    return kept(target, key, _PARTS[target], convert)


def kept(shelf_name: str, key: str, parts: Sequence[str], make: Callable[[Path], Path]) -> Path:
    """The folder ``key`` on a shelf of the cache; where it is not there, ``make`` is given an empty folder and returns
    the folder with ``parts``, which becomes it, whole. Raises ``CannotStart``."""
    shelf = cache_folder() / shelf_name
    shelf.mkdir(exist_ok=True)
    entry = shelf / key
    if not entry.is_dir():
        with locked(shelf / f"{key}.lock"):
            if not entry.is_dir():
                _place(entry, parts, make)
    return entry


def _place(entry: Path, parts: Sequence[str], make: Callable[[Path], Path]) -> None:
    partial = entry.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        folder = make(partial)
        for part in parts:
            _flush(folder / part)
        folder.rename(entry)
        _flush(entry.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _convert(weights: Path, *, head: str, target: Target, workshop: Path) -> Path:
    model = load_checkpoint(weights)
    suppresses = choose_head(model, head, weights)
    copy = workshop / "model.pt"  # ultralytics writes beside the file it was given
    shutil.copyfile(weights, copy)
    ultralytics = import_ultralytics()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit.trace is deprecated; ultralytics knows
            network = ultralytics.YOLO(str(copy), task="detect")
            options: dict[str, Any] = {"simplify": False} if target == "onnx" else {}
            made = Path(network.export(format=target, dynamic=True, nms=None if suppresses else False, **options))
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise CannotStart(
            f"weights {weights} cannot be converted to {target}: {reason[0] if reason else error!r}"
        ) from error
    if made.is_dir():
        return made
    folder = workshop / "made"
    folder.mkdir()
    return made.rename(folder / made.name).parent


def _flush(path: Path) -> None:
    """To the disk, so that a power cut cannot leave an entry of the right name without content."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
