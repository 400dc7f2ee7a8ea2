"""``.pt`` to OpenVINO, once for each machine: later workers and later runs find the file.

An entry is a folder that appears whole, by a rename, under a name that says what it was made of. Whoever makes it
holds a lock, so ten workers that start at once convert once; a killed one leaves a folder that nobody reads and the
next one sweeps.
"""

import hashlib
import logging
import os
import shutil
import warnings
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import CannotStart
from stages.detect.checkpoint import choose_head, digest, load_checkpoint
from stages.detect.offline import cache_folder, import_ultralytics, locked

logger = logging.getLogger(__name__)

FORMAT = 1
"""Raised when the same weights begin to give another graph."""
PARTS = ("model.xml", "model.bin", "metadata.yaml")


def exported(weights: Path, *, head: str) -> Path:
    """The folder with ``model.xml``, ``model.bin`` and ``metadata.yaml`` made from a ``.pt``.

    The graph is float32 and its height and width are open: precision and size are chosen when it is compiled, so
    one entry serves all. Raises ``CannotStart``.
    """
    sha256 = digest(weights)
    made_with = "-".join(version(name) for name in ("openvino", "ultralytics", "torch"))
    key = hashlib.sha256(f"{FORMAT} {sha256} {head} f32 dynamic {made_with}".encode()).hexdigest()[:32]
    shelf = cache_folder() / "openvino"
    shelf.mkdir(exist_ok=True)
    entry = shelf / key
    if not entry.is_dir():
        with locked(shelf / f"{key}.lock"):
            if not entry.is_dir():
                _make(weights, head=head, entry=entry)
    return entry


def _make(weights: Path, *, head: str, entry: Path) -> None:
    partial = entry.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        logger.info("converting %s for OpenVINO, once", weights)
        folder = _convert(weights, head=head, workshop=partial)
        for part in PARTS:
            _flush(folder / part)
        folder.rename(entry)
        _flush(entry.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _convert(weights: Path, *, head: str, workshop: Path) -> Path:
    model = load_checkpoint(weights)
    suppresses = choose_head(model, head, weights)
    copy = workshop / "model.pt"  # ultralytics writes beside the file it was given
    shutil.copyfile(weights, copy)
    ultralytics = import_ultralytics()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit.trace is deprecated; ultralytics knows
            network = ultralytics.YOLO(str(copy), task="detect")
            folder = Path(network.export(format="openvino", dynamic=True, nms=None if suppresses else False))
    except Exception as error:
        raise CannotStart(f"weights {weights} cannot be converted for OpenVINO: {error}") from error
    return folder


def _flush(path: Path) -> None:
    """To the disk, so that a power cut cannot leave an entry of the right name without content."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
