"""An ultralytics ONNX graph, made ready to be fed from a canvas and to show its feature maps."""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.errors import CannotStart
from stages.detect.embedding import LOOKED_AT_BY

LAYER = re.compile(rf"model\.({'|'.join(map(str, LOOKED_AT_BY))})[./]conv[./]")
"""Names of the layers that look at the maps wanted, the layer's number in the group, in ONNX
(``/model.1/conv/Conv``) and in OpenVINO (``__module.model.1.conv/aten::_convolution/Convolution``)."""
PIXELS = "pixels"
"""Name of the input of a graph made ready: uint8 (batch, height, width, 3), BGR."""


class OnnxGraph:
    """A graph as read from its file. Raises ``CannotStart`` if it is none, or not a detector's."""

    def __init__(self, file: Path) -> None:
        self._onnx: Any = import_module("onnx")
        self._file = file
        try:
            self._model = self._onnx.load(str(file))
            (self._input,) = self._model.graph.input
            self._shape = tuple(_side(side) for side in self._input.type.tensor_type.shape.dim)
        except Exception as error:  # protobuf has its own tree of errors
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CannotStart(f"{file}: not an ONNX model that can be used: {reason}") from error
        if len(self._shape) != 4 or self._shape[1] not in (None, 3):
            raise CannotStart(f"{file}: takes {self._shape}; the detector gives pictures (1, 3, height, width)")

    @property
    def properties(self) -> Mapping[str, str]:
        """What was written into the file beside the graph."""
        return {entry.key: entry.value for entry in self._model.metadata_props}

    @property
    def batch(self) -> int | None:
        """The only number of pictures that it takes at once, or None."""
        return self._shape[0]

    @property
    def canvas(self) -> tuple[int, int] | None:
        """Height and width, where it takes only one size."""
        height, width = self._shape[2:]
        return None if height is None or width is None else (height, width)

    def maps(self) -> list[str]:
        """Names of the feature maps for ``stages.detect.embedding``; none if the graph does not show them all."""
        found = {
            int(place[1]): node.input[0]
            for node in self._model.graph.node
            if node.op_type == "Conv" and (place := LAYER.search(node.name))
        }
        return [found[layer] for layer in LOOKED_AT_BY] if len(found) == len(LOOKED_AT_BY) else []

    def ready(self, *, features: bool) -> bytes:
        """The graph that takes ``PIXELS``, with colours and scale within it; with ``features`` the feature maps are
        its second and further outputs. To be called once."""
        helper, types = self._onnx.helper, self._onnx.TensorProto
        graph = self._model.graph
        constants = [
            helper.make_tensor("bartizan/order", types.INT64, [3], [2, 1, 0]),
            helper.make_tensor("bartizan/scale", types.FLOAT, [], [255.0]),
        ]
        first = [
            helper.make_node("Transpose", [PIXELS], ["bartizan/planes"], perm=[0, 3, 1, 2]),
            # Three planes change places, not single bytes: for 640x384 that takes 0.2 ms instead of 5.5.
            helper.make_node("Gather", ["bartizan/planes", "bartizan/order"], ["bartizan/rgb"], axis=1),
            helper.make_node("Cast", ["bartizan/rgb"], ["bartizan/float"], to=types.FLOAT),
            helper.make_node("Div", ["bartizan/float", "bartizan/scale"], [self._input.name]),
        ]
        batch, _, height, width = (side or name for side, name in zip(self._shape, "nchw", strict=True))
        entry = helper.make_tensor_value_info(PIXELS, types.UINT8, [batch, height, width, 3])
        nodes = [*first, *graph.node]
        for repeated, content in ((graph.node, nodes), (graph.input, [entry])):
            del repeated[:]
            repeated.extend(content)
        graph.initializer.extend(constants)
        if features:
            graph.output.extend(helper.make_tensor_value_info(name, types.FLOAT, None) for name in self.maps())
        serialised: bytes = self._model.SerializeToString()
        return serialised


def _side(side: Any) -> int | None:
    return side.dim_value if side.HasField("dim_value") else None
