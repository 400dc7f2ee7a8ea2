"""From a trained network to the files that are deployed: an ONNX graph with its card, and plain weights."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import BartizanError
from pipeline.whole_file import write_whole
from stages.classify.onnx_graph import CARD

MODEL = "model.onnx"
WEIGHTS = "model.safetensors"
OPSET = 18
TOLERANCE = 2e-3
"""How far a probability of the graph may be from the network's."""


def write_graph(network: Any, file: Path, card: Mapping[str, Any]) -> None:
    """The network as a graph with an open batch: uint8 (n, height, width, 3) BGR in, what the network gives out.

    ``network`` takes float32 (n, 3, height, width) RGB 0 to 1 and gives one tensor or two: logits and features, or
    the embedding alone. The card lies in the graph's metadata under ``bartizan``.
    """
    import torch

    class Deployed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, crops: torch.Tensor) -> Any:
            return self.network(crops.permute(0, 3, 1, 2)[:, [2, 1, 0]].to(torch.float32) / 255)

    deployed = Deployed().eval()
    height, width = card["size"]
    example = torch.zeros((2, height, width, 3), dtype=torch.uint8)
    with torch.no_grad():
        outputs = ["logits", "features"] if isinstance(deployed(example), tuple) else ["features"]
    part = file.with_name(f".{file.name}.torch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's older exporter, which needs no further package, says so
            torch.onnx.export(
                deployed,
                (example,),
                str(part),
                input_names=["crops"],
                output_names=outputs,
                dynamic_axes={name: {0: "n"} for name in ["crops", *outputs]},
                opset_version=OPSET,
                dynamo=False,
            )
        write_whole(file, [with_card(part.read_bytes(), card)])
    finally:
        part.unlink(missing_ok=True)


def with_card(graph: bytes, card: Mapping[str, Any]) -> bytes:
    """The same graph, carrying this card."""
    import onnx

    model = onnx.load_from_string(graph)
    del model.metadata_props[:]
    model.metadata_props.add(key=CARD, value=json.dumps(dict(card), sort_keys=True))
    return bytes(model.SerializeToString(deterministic=True))


def write_weights(network: Any, file: Path, card: Mapping[str, Any]) -> None:
    """The weights as safetensors, for further training and for measuring under attack."""
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    write_whole(file, [save(tensors, {CARD: json.dumps(dict(card), sort_keys=True)})])


def read_network(file: Path) -> tuple[Any, dict[str, Any]]:
    """The network of a ``model.safetensors``, in evaluation mode, and its card. Raises ``BartizanError``."""
    from safetensors import safe_open

    from lab.train.classify.network import build

    try:
        with safe_open(file, framework="pt") as content:
            card: dict[str, Any] = json.loads(content.metadata()[CARD])
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - not a mapping
        network = build(card["network"], len(card["names"]))
        network.load_state_dict(tensors)
    except Exception as error:  # safetensors' errors share no root
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BartizanError(
            f"{file}: not weights of a classifier made by 'bartizan train classify': {reason}"
        ) from error
    return network.eval(), card


def checked(expected: Any, found: Any, file: Path) -> float:
    """The largest difference of two arrays of probabilities. Raises ``BartizanError`` if it is beyond rounding."""
    gap = float(abs(expected - found).max()) if len(expected) else 0.0
    if not gap <= TOLERANCE:  # NaN too
        raise BartizanError(f"{file}: answers otherwise than the network it was made from (by {gap:.4f}); not usable")
    return gap
