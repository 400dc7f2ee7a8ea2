"""The program that turns a pickled checkpoint into ONNX or safetensors: ``python -I -m lab.conversion IN FORMAT OUT``.

It runs in an interpreter of its own, started by ``pipeline.models.conversion`` without network and without the
caller's environment. Even there only known classes are unpickled (``weights_only``). Whatever goes wrong is one line on
standard error.
"""

import resource
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import BartizanError, CannotStart

LIMITS = {
    resource.RLIMIT_CPU: 1800,
    resource.RLIMIT_FSIZE: 4 << 30,
    resource.RLIMIT_AS: 32 << 30,
    resource.RLIMIT_CORE: 0,
}
"""Seconds of processor time; bytes of a file, of address space (torch reserves more than it uses), of a core dump."""


def limit() -> None:
    """Take from this process what converting does not need."""
    for kind, most in LIMITS.items():
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def to_safetensors(source: Path, target: Path) -> None:
    """Write the tensors of a checkpoint and nothing else. Raises ``CannotStart``."""
    import torch

    from stages.detect.offline import switch_off_network_features

    switch_off_network_features()
    try:
        from safetensors.torch import save_file
    except ImportError as error:
        raise CannotStart("safetensors is not installed: pip install 'bartizan[lab]'") from error
    try:
        found = torch.load(source, map_location="cpu", weights_only=True)
    except Exception:
        found = _network(source).state_dict()
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    tensors = {str(key): value.contiguous().clone() for key, value in dict(found).items() if torch.is_tensor(value)}
    if not tensors:
        raise CannotStart(f"{source.name}: no tensors are in it")
    save_file(tensors, target)


def to_onnx(source: Path, target: Path) -> None:
    """Write a detection model of ultralytics as ONNX with open batch, height and width. Raises ``CannotStart``."""
    import warnings

    from stages.detect.offline import import_ultralytics

    _network(source)  # says in one line what is wrong with it
    ultralytics: Any = import_ultralytics()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = ultralytics.YOLO(str(source), task="detect").export(format="onnx", dynamic=True, simplify=False)
    shutil.move(made, target)


def _network(source: Path) -> Any:
    from stages.detect.checkpoint import load_checkpoint

    return load_checkpoint(source)


def main(arguments: list[str]) -> int:
    """Convert as the arguments say; exit code 0 if it worked."""
    source, form, target = arguments
    limit()
    try:
        {"onnx": to_onnx, "safetensors": to_safetensors}[form](Path(source), Path(target))
    except BartizanError as error:
        sys.stderr.write(f"{error}\n")
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
