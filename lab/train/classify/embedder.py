"""What turns a crop into a row of numbers for few-shot naming, as one graph: a trained classifier, a detector's
backbone, an ImageNet network, or anybody's ONNX with one vector out."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.train.classify.export import with_card, write_graph
from lab.train.classify.network import MEAN, STD
from lab.train.classify.settings import Design
from pipeline.errors import UsageError
from pipeline.file_digest import file_sha256
from pipeline.whole_file import write_whole
from stages.classify.onnx_graph import CARD


def write_embedder(
    source: Path, file: Path, *, design: Design | None = None, size: tuple[int, int] = (128, 128)
) -> None:
    """Make ``file`` out of ``source``: an ONNX file, a detector's ``.pt``, or with ``design`` a base's weights.

    ``size`` (height, width) is for those that take any. Raises ``UsageError`` or ``CannotStart``.
    """
    if not source.is_file():
        raise UsageError(f"embedder {source}: no such file; nothing is downloaded")
    card: dict[str, Any] = {
        "kind": "embed",
        "name": source.stem,
        "source_sha256": file_sha256(source),
        "size": list(size),
    }
    if design is not None:
        from lab.train.classify.network import build
        from lab.train.classify.pretrained import load_into

        network = build(design, 2)
        load_into(network, source)
        write_graph(_only_features(network), file, card)
    elif source.suffix == ".onnx":
        write_whole(file, [_from_onnx(source, card)])
    else:
        write_graph(_backbone(source), file, card)


def _only_features(network: Any) -> Any:
    import torch

    class Features(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pictures: torch.Tensor) -> Any:
            return self.network(pictures)[1]

    return Features().eval()


def _backbone(source: Path) -> Any:
    """The deepest layer of a detector's backbone, averaged over the picture."""
    import torch

    from stages.detect.checkpoint import load_checkpoint

    model: Any = load_checkpoint(source)
    layers = list(model.model)[: len(model.yaml["backbone"])]

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(*layers)

        def forward(self, pictures: torch.Tensor) -> Any:
            return self.layers(pictures).mean(dim=(2, 3))

    return Pooled().eval()


def _from_onnx(source: Path, card: dict[str, Any]) -> bytes:
    """A classifier of ours gives its last layer but one; a foreign graph gets our kind of input put before it."""
    import json

    import onnx

    content = source.read_bytes()
    try:
        model = onnx.load_from_string(content)
        own = json.loads({entry.key: entry.value for entry in model.metadata_props}.get(CARD, "{}"))
    except Exception as error:  # protobuf's errors share no root
        raise UsageError(f"embedder {source}: not an ONNX graph, or a damaged one") from error
    if own.get("kind") in ("classify", "embed"):
        output = 1 if own["kind"] == "classify" else int(own.get("output", 0))
        kept = {"size": own["size"], "margin": own.get("margin", 0.0), "output": output}
        return with_card(content, card | kept)
    if len(model.graph.input) != 1 or len(model.graph.output) != 1:
        raise UsageError(f"embedder {source}: must have one picture in and one vector out")
    sides = [axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim]
    if len(sides) != 4 or sides[1] != 3 or not all(sides[2:]):
        raise UsageError(f"embedder {source}: takes {sides}; pictures (n, 3, height, width) of a fixed size are wanted")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return with_card(_dressed(model, sides[2], sides[3]), card | {"size": sides[2:]})


def _dressed(model: Any, height: int, width: int) -> bytes:
    """The graph behind nodes that make its input, RGB with ImageNet's normalisation, of uint8 BGR crops."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    inner = graph.input[0].name
    constants: dict[str, npt.NDArray[Any]] = {
        "bartizan_rgb": np.array([2, 1, 0], np.int64),
        "bartizan_mean": 255 * np.array(MEAN, np.float32).reshape(1, 3, 1, 1),
        "bartizan_std": 255 * np.array(STD, np.float32).reshape(1, 3, 1, 1),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    nodes = [
        helper.make_node("Transpose", ["crops"], ["bartizan_planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Gather", ["bartizan_planes", "bartizan_rgb"], ["bartizan_ordered"], axis=1),
        helper.make_node("Cast", ["bartizan_ordered"], ["bartizan_floats"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["bartizan_floats", "bartizan_mean"], ["bartizan_centred"]),
        helper.make_node("Div", ["bartizan_centred", "bartizan_std"], [inner]),
    ]
    kept = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(kept)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", height, width, 3]))
    axes = graph.output[0].type.tensor_type.shape.dim
    if len(axes) != 2:
        raise UsageError(f"the embedder gives arrays of {len(axes)} axes; one row for each picture is wanted")
    axes[0].dim_param = "n"
    return bytes(model.SerializeToString(deterministic=True))
