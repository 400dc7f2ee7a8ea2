"""Everything that a killed run needs to go on, in one file that is there as a whole or not at all.

Tensors in safetensors, the rest as JSON beside them: nothing is pickled. Random numbers need no saving, since those of
an epoch follow from seed and epoch.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.train.classify.averaging import WeightAverage
from pipeline.errors import CannotStart
from pipeline.whole_file import write_whole

FILE = "checkpoint.safetensors"


@dataclass
class Progress:
    """How far a run is. ``best`` is its best validation: balanced accuracy, then log loss."""

    epoch: int = 0
    """The next one."""
    best_epoch: int = -1
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    since_best: int = 0
    stopped: bool = False


def save(
    folder: Path, progress: Progress, network: Any, average: WeightAverage, optimiser: Any, best: dict[str, Any]
) -> None:
    """Write the state between two epochs."""
    from safetensors.torch import save as packed

    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in best.items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": tensor for name, tensor in state.items()}
    facts = {"progress": json.dumps(asdict(progress)), "steps": str(average.steps)}
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_whole(folder / FILE, [packed(tensors, facts)])


def restore(folder: Path, network: Any, average: WeightAverage, optimiser: Any) -> tuple[Progress, dict[str, Any]]:
    """Fill network, average and optimiser; returns progress and the best weights so far; a fresh start without a file.

    Raises ``CannotStart`` if the file is damaged.
    """
    from safetensors import safe_open

    file = folder / FILE
    if not file.is_file():
        return Progress(), {}
    try:
        with safe_open(file, framework="pt") as content:
            facts = content.metadata()
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - not a mapping
        progress = Progress(**json.loads(facts["progress"]))
        network.load_state_dict(_part(tensors, "network."))
        average.network.load_state_dict(_part(tensors, "average."))
        average.steps = int(facts["steps"])
        states: dict[int, dict[str, Any]] = {}
        for name, tensor in _part(tensors, "optimiser.").items():
            number, _, key = name.partition(".")
            states.setdefault(int(number), {})[key] = tensor
        optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})
    except Exception as error:  # safetensors' errors share no root
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CannotStart(f"{file}: damaged, cannot be resumed from ({reason}); start in another --out") from error
    return progress, _part(tensors, "best.")


def _part(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
