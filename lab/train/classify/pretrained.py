"""Pretrained weights for the base of a network: from a path or a pinned name, never from the internet."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.settings import beside
from pipeline.errors import UsageError

if TYPE_CHECKING:
    import torch

WRAPPERS = ("state_dict", "model", "model_state_dict", "net")
PREFIXES = ("module.", "model.", "backbone.", "base.")


def locate(named: str, base: Path) -> Path:
    """The file that a path or a name of the registry means. Raises ``UsageError`` or ``CannotStart``."""
    from pipeline.models import find, is_name

    if is_name(named):
        return find(named)
    path = beside(base / "_", Path(named))
    if not path.is_file():
        raise UsageError(f"weights {named}: no such file, and no name of 'bartizan models list'; nothing is downloaded")
    return path


def load_into(network: Any, path: Path) -> int:
    """Fill the base of a network; returns how many tensors were taken. The layer that names classes stays new.

    Tensors are matched by name; where all names differ but order and shapes agree throughout (the same design,
    written by somebody else), by order. Raises ``UsageError`` if the weights are of another design.
    """
    own: dict[str, torch.Tensor] = network.base.state_dict()
    own = {name: tensor for name, tensor in own.items() if not name.endswith("num_batches_tracked")}
    given = {name: tensor for name, tensor in read(path).items() if not name.endswith("num_batches_tracked")}
    named = {_bare(name, own): tensor for name, tensor in given.items()}
    matched = {name: named[name] for name in own if name in named and named[name].shape == own[name].shape}
    if len(matched) < len(own):
        in_order = list(given.values())[: len(own)]
        if [tensor.shape for tensor in in_order] == [tensor.shape for tensor in own.values()]:
            matched = dict(zip(own, in_order, strict=True))
    if len(matched) < len(own):
        missing = next(name for name in own if name not in matched)
        raise UsageError(
            f"weights {path}: fit {len(matched)} of {len(own)} tensors of this network ({missing} is missing or of "
            "another shape); they are of another design"
        )
    network.base.load_state_dict(matched, strict=False)
    return len(matched)


def read(path: Path) -> "Mapping[str, torch.Tensor]":
    """The tensors in a .safetensors, or in a .pt or .pth without running what it may hold. Raises ``UsageError``."""
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling and safetensors have many
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].partition(". ")[0][:160]
        raise UsageError(f"weights {path}: damaged, or not plain tensors that can be trusted: {reason}") from error
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(each, torch.Tensor) for each in content.values()):
        raise UsageError(f"weights {path}: holds no table of tensors (state dict)")
    return content


def _bare(name: str, own: Mapping[str, Any]) -> str:
    for prefix in PREFIXES:
        if name not in own and name.startswith(prefix):
            name = name.removeprefix(prefix)
    return name
