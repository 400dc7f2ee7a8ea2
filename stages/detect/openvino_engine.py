"""OpenVINO on the CPU.

The graph is compiled once for each canvas size, with fixed sizes: that is faster than open ones. Colour order, scale
and layout are part of the graph, so the canvas is plain uint8 BGR. Precision is always stated, because OpenVINO takes
bfloat16 by itself where the processor has it; thread pinning is off, because it puts two workers on one core.
Outputs do not depend on threads or streams.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from stages.detect.checkpoint import digest
from stages.detect.engine import Canvas, ModelCard
from stages.detect.export_cache import exported
from stages.detect.offline import switch_off_network_features
from stages.detect.options import YoloOptions


class OpenVinoEngine:
    """Fulfils ``Engine``. ``options`` must be resolved. Raises ``CannotStart`` if the model cannot be used."""

    suppressed = False

    def __init__(self, options: YoloOptions) -> None:
        switch_off_network_features()
        self._ov: Any = import_module("openvino")
        self._core: Any = self._ov.Core()
        self._file, self.card = _open_card(options)
        self.card = self._checked(self.card)
        self._settings = _settings(self._ov, options)
        self._requests: dict[tuple[int, int], list[Any]] = {}
        self._current: list[Any] = [None] * options.streams
        self.runtime = f"openvino {self._ov.__version__.split('-')[0]}"
        self.flights = options.streams
        self.batch = 1

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
        return ModelCard(card.name, card.sha256, card.names, card.stride, card.suppresses, fixed)

    def _read(self) -> Any:
        try:
            return self._core.read_model(self._file)
        except RuntimeError as error:
            raise CannotStart(f"{self._file}: not an OpenVINO model: {str(error).splitlines()[0]}") from error

    def _compile(self, shape: tuple[int, int]) -> Any:
        preprocess: Any = import_module("openvino.preprocess")
        graph = self._read()
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


def _settings(openvino: Any, options: YoloOptions) -> dict[Any, Any]:
    hint = openvino.properties.hint
    return {
        hint.inference_precision: {"f32": openvino.Type.f32, "bf16": openvino.Type.bf16}[options.precision],
        hint.enable_cpu_pinning: False,
        openvino.properties.inference_num_threads: options.threads,
        openvino.properties.num_streams: options.streams,
    }


def _open_card(options: YoloOptions) -> tuple[Path, ModelCard]:
    """The graph's file, and what ultralytics wrote beside it. A ``.pt`` is converted first, or found converted."""
    if options.model.suffix == ".pt":
        folder = exported(options.model, head=options.head)
        sha256 = digest(options.model)
        return folder / "model.xml", _read_card(folder, name=options.model.stem, sha256=sha256)
    file = options.model if options.model.suffix == ".xml" else _only_graph(options.model)
    sha256 = digest(file, file.with_suffix(".bin"))
    return file, _read_card(file.parent, name=file.stem, sha256=sha256)


def _only_graph(folder: Path) -> Path:
    graphs = sorted(folder.glob("*.xml"))
    if len(graphs) != 1:
        raise CannotStart(f"model {folder}: must be a .pt, an .xml, or a folder with one .xml; found {len(graphs)}")
    return graphs[0]


def _read_card(folder: Path, *, name: str, sha256: str) -> ModelCard:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    file = folder / "metadata.yaml"
    try:
        facts = YAML(typ="safe", pure=True).load(file)
        names = {int(key): str(value) for key, value in facts["names"].items()}
        task, stride = facts["task"], int(facts["stride"])
        end_to_end = bool(facts.get("end2end", False) or (facts.get("args") or {}).get("nms"))
    except (OSError, YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CannotStart(f"{file}: ultralytics' description of the model is missing or damaged: {error}") from error
    if task != "detect":
        raise CannotStart(f"{file}: a model for the task {task!r}; the detector needs a 'detect' model")
    in_order = tuple(names.get(i, f"class_{i}") for i in range(max(names, default=-1) + 1))
    return ModelCard(name, sha256, in_order, stride, suppresses=not end_to_end)
