"""OpenVINO on the CPU.

The graph is compiled once for each canvas size, with fixed sizes: that is faster than open ones. Colour order, scale
and layout are part of the graph, so the canvas is plain uint8 BGR. Precision is always stated, because OpenVINO takes
bfloat16 by itself where the processor has it; thread pinning is off, because it puts two workers on one core.
Outputs do not depend on threads or streams.
"""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from stages.detect.checkpoint import digest
from stages.detect.embedding import LOOKED_AT_BY, pooled
from stages.detect.engine import Canvas, FloatArray, ModelCard
from stages.detect.export_cache import exported
from stages.detect.model_card import card_beside, card_within
from stages.detect.model_file import form_of, graph_file
from stages.detect.offline import switch_off_network_features
from stages.detect.onnx_graph import LAYER, OnnxGraph
from stages.detect.openvino_core import openvino_core
from stages.detect.options import YoloOptions


class OpenVinoEngine:
    """Fulfils ``Engine``. ``options`` must be resolved. Raises ``CannotStart`` if the model cannot be used."""

    suppressed = False

    def __init__(self, options: YoloOptions) -> None:
        switch_off_network_features()
        self._ov: Any = import_module("openvino")
        self._core: Any = openvino_core()
        self._file, self.card = _open_card(options)
        self.card = self._checked(self.card)
        self._settings = _settings(self._ov, options)
        self._requests: dict[tuple[int, int], list[Any]] = {}
        self._current: list[Any] = [None] * options.streams
        self.runtime = f"openvino {self._ov.__version__.split('-')[0]}"
        self.flights = options.streams
        self.batch = 1
        self._embedding = options.embedding

    def canvas(self, flight: int, shape: tuple[int, int]) -> Canvas:
        """The input tensor itself, (1, height, width, 3)."""
        if shape not in self._requests:
            compiled = self._compile(shape)
            self._requests[shape] = [compiled.create_infer_request() for _ in range(self.flights)]
        request = self._requests[shape][flight]
        self._current[flight] = request
        pixels: Canvas = request.get_input_tensor().data
        return pixels

    def start(self, flight: int, count: int) -> None:
        """Returns at once; the runtime's threads compute."""
        self._current[flight].start_async()

    def finish(self, flight: int) -> npt.NDArray[np.float32]:
        """The output tensor itself, (1, ...)."""
        request = self._current[flight]
        request.wait()
        output: npt.NDArray[np.float32] = request.get_output_tensor(0).data
        return output

    def embed(self, flight: int, boxes: list[FloatArray]) -> list[FloatArray]:
        """As ``Engine.embed``; there is one picture."""
        request = self._current[flight]
        maps = [request.get_output_tensor(1 + level).data[0] for level in range(len(request.model_outputs) - 1)]
        height, width = request.get_input_tensor().shape[1:3]
        return [pooled(maps, own, canvas=(height, width)) for own in boxes]

    def _checked(self, card: ModelCard) -> ModelCard:
        """The card with the canvas, if the graph takes only one. Raises ``CannotStart`` for a graph of another kind."""
        graph = self._read()
        batch, channels, height, width = graph.input().get_partial_shape()
        if channels.is_static and channels.get_length() != 3:
            raise CannotStart(f"{self._file}: takes {channels.get_length()} channels; the detector gives 3")
        if batch.is_static and batch.get_length() != 1:
            raise CannotStart(f"{self._file}: made for batches of {batch.get_length()}; export it with batch 1")
        if height.is_dynamic or width.is_dynamic:
            return card
        fixed = (height.get_length(), width.get_length())
        return replace(card, canvas=fixed)

    def _read(self) -> Any:
        try:
            return self._core.read_model(self._file)
        except RuntimeError as error:
            raise CannotStart(f"{self._file}: not an OpenVINO model: {str(error).splitlines()[0]}") from error

    def _maps(self, graph: Any) -> list[Any]:
        """The maps for ``stages.detect.embedding``. Raises ``CannotStart`` if the graph does not show them."""
        found = {
            int(place[1]): layer.input_value(0)
            for layer in graph.get_ordered_ops()
            if layer.get_type_name() == "Convolution" and (place := LAYER.search(layer.get_friendly_name()))
        }
        if len(found) < len(LOOKED_AT_BY):
            raise CannotStart(f"embedding: the graph of {self._file} does not show its feature maps; give the .pt")
        return [_unquantised(found[layer]) for layer in LOOKED_AT_BY]

    def _compile(self, shape: tuple[int, int]) -> Any:
        preprocess: Any = import_module("openvino.preprocess")
        graph = self._read()
        if self._embedding:
            graph.add_outputs(self._maps(graph))
        graph.reshape([1, 3, *shape])
        recipe = preprocess.PrePostProcessor(graph)
        entry = recipe.input()
        entry.tensor().set_element_type(self._ov.Type.u8).set_layout(self._ov.Layout("NHWC"))
        entry.tensor().set_color_format(preprocess.ColorFormat.BGR)
        entry.model().set_layout(self._ov.Layout("NCHW"))
        entry.preprocess().convert_element_type(self._ov.Type.f32)
        entry.preprocess().convert_color(preprocess.ColorFormat.RGB).scale(255.0)
        try:
            return self._core.compile_model(recipe.build(), "CPU", self._settings)
        except RuntimeError as error:
            # A one-to-one head picks 300 anchors, and a canvas under about 160 x 128 has fewer.
            reason = str(error).strip().splitlines()[-1]
            advice = f"cannot be used at {shape[1]}x{shape[0]}; raise imgsz, or set head: one_to_many"
            raise CannotStart(f"{self._file}: {advice} ({reason})") from error


def _unquantised(value: Any) -> Any:
    """What a graph in INT8 quantises, instead of what became of it."""
    source = value.get_node()
    return source.input_value(0) if source.get_type_name() == "FakeQuantize" else value


def _settings(openvino: Any, options: YoloOptions) -> dict[Any, Any]:
    hint = openvino.properties.hint
    return {
        # Of a graph in INT8 this is what the layers compute in that were not quantised.
        hint.inference_precision: openvino.Type.bf16 if options.precision == "bf16" else openvino.Type.f32,
        hint.enable_cpu_pinning: False,
        openvino.properties.inference_num_threads: options.threads,
        openvino.properties.num_streams: options.streams,
    }


def _open_card(options: YoloOptions) -> tuple[Path, ModelCard]:
    """The graph's file, and what ultralytics wrote beside or into it. A ``.pt`` is converted, or found converted."""
    model = options.model
    match form_of(model):
        case "checkpoint":
            folder = exported(model, head=options.head)
            return folder / "model.xml", card_beside(folder, name=model.stem, sha256=digest(model))
        case "onnx":
            return model, card_within(model, OnnxGraph(model).properties, name=model.stem, sha256=digest(model))
        case "openvino":
            file = graph_file(model)
            sha256 = digest(file, file.with_suffix(".bin"))
            return file, card_beside(file.parent, name=file.stem, sha256=sha256)
