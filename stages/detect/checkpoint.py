"""Files with weights: their digest, and loading a ``.pt`` without trusting it."""

import hashlib
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import CannotStart
from stages.detect.offline import import_ultralytics

if TYPE_CHECKING:
    import torch


def digest(*files: Path) -> str:
    """SHA-256 over the files' content, one after the other, as hex. Raises ``CannotStart`` if one cannot be read."""
    sha256 = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    sha256.update(chunk)
        except OSError as error:
            raise CannotStart(
                f"weights {path} cannot be read ({error.strerror}); nothing is downloaded by itself"
            ) from error
    return sha256.hexdigest()


def load_checkpoint(path: Path) -> "torch.nn.Module":
    """The detection model in an ultralytics ``.pt``, float32 on the CPU, in evaluation mode.

    Only classes that ultralytics and torch define for models are unpickled (``weights_only``), so a foreign pickle
    is refused before any of its code runs. Raises ``CannotStart`` for anything but a detection model.
    """
    if not path.is_file():
        raise CannotStart(f"weights {path} not found; nothing is downloaded by itself, name a .pt that is there")
    import_ultralytics()
    tasks: Any = import_module("ultralytics.nn.tasks")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, _ = tasks.load_checkpoint(str(path.absolute()))
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].partition(" (")[0][:200]
        raise CannotStart(f"weights {path} are not an ultralytics checkpoint that can be trusted: {reason}") from error
    task = getattr(model, "task", "unknown")
    if task != "detect":
        raise CannotStart(f"weights {path} are for the task {task!r}; the detector needs a 'detect' model")
    loaded: torch.nn.Module = model
    return loaded


def choose_head(model: Any, head: str, path: Path) -> bool:
    """Have a model with two heads answer with ``head``; returns whether overlaps must be suppressed.

    Raises ``CannotStart`` if the model does not have that head.
    """
    two_heads = getattr(model.model[-1], "one2one_cv2", None) is not None
    if head == "one_to_one" and not two_heads and not bool(getattr(model, "end2end", False)):
        raise CannotStart(f"weights {path} have no head one_to_one; set head: one_to_many")
    if two_heads:
        model.end2end = head == "one_to_one"
    return not bool(getattr(model, "end2end", False))
