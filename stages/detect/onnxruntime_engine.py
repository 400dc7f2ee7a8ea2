"""ONNX Runtime on the CPU, in float32 (or as the graph was quantised).

Colour order and scale are put in front of the graph, so the canvas is plain uint8 BGR. Outputs do not depend on
threads, nor on who shares a batch.
"""

from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from stages.detect.checkpoint import digest
from stages.detect.embedding import pooled
from stages.detect.engine import Canvas, FloatArray, ModelCard
from stages.detect.export_cache import exported
from stages.detect.model_card import card_within
from stages.detect.offline import switch_off_network_features
from stages.detect.onnx_graph import PIXELS, OnnxGraph
from stages.detect.options import YoloOptions


class OnnxRuntimeEngine:
    """Fulfils ``Engine``. ``options`` must be resolved. Raises ``CannotStart`` if the model cannot be used."""

    suppressed = False
    flights = 1

    def __init__(self, options: YoloOptions) -> None:
        assert isinstance(options.batch, int)
        assert isinstance(options.threads, int)
        switch_off_network_features()
        runtime: Any = import_module("onnxruntime")
        runtime.disable_telemetry_events()
        graph, self.card = _open(options)
        if graph.batch not in (None, options.batch):
            raise CannotStart(f"{options.model}: made for batches of {graph.batch}; set batch: {graph.batch}")
        if options.embedding and not graph.maps():
            raise CannotStart(f"embedding: the graph of {options.model} does not show its feature maps; give the .pt")
        self.batch = options.batch
        self.runtime = f"onnxruntime {runtime.__version__}"
        self._session = _session(runtime, graph.ready(features=options.embedding), options)
        self._canvases: dict[tuple[int, int], Canvas] = {}
        self._current: Canvas = np.zeros((0, 0, 0, 3), np.uint8)
        self._outputs: list[FloatArray] = []

    def canvas(self, flight: int, shape: tuple[int, int]) -> Canvas:
        """Memory of the host, (batch, height, width, 3)."""
        if shape not in self._canvases:
            self._canvases[shape] = np.zeros((self.batch, *shape, 3), np.uint8)
        self._current = self._canvases[shape]
        return self._current

    def start(self, flight: int, count: int) -> None:
        """Returns when it is done. Computes the whole batch, so that a picture meets the same sums in any company."""
        try:
            self._outputs = self._session.run(None, {PIXELS: self._current})
        except Exception as error:  # onnxruntime raises classes of its own, one for each status
            # A one-to-one head picks 300 anchors, and a canvas under about 160 x 128 has fewer.
            height, width = self._current.shape[1:3]
            advice = f"cannot be used at {width}x{height}; raise imgsz, or set head: one_to_many"
            raise CannotStart(f"{self.card.name}: {advice} ({str(error).splitlines()[0]})") from error
        self._outputs = [output[:count] for output in self._outputs]

    def finish(self, flight: int) -> npt.NDArray[np.float32]:
        """(count, ...), in memory of its own."""
        return self._outputs[0]

    def embed(self, flight: int, boxes: list[FloatArray]) -> list[FloatArray]:
        """As ``Engine.embed``."""
        return [
            pooled([level[number] for level in self._outputs[1:]], own, canvas=self._current.shape[1:3])
            for number, own in enumerate(boxes)
        ]


def _session(runtime: Any, graph: bytes, options: YoloOptions) -> Any:
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.use_deterministic_compute = True
    settings.log_severity_level = 3
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # workers share the cores
    try:
        return runtime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own, one for each status
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CannotStart(f"{options.model}: ONNX Runtime cannot use it: {reason}") from error


def _open(options: YoloOptions) -> tuple[OnnxGraph, ModelCard]:
    """The graph, and what ultralytics wrote into it. A ``.pt`` is converted first, or found converted."""
    sha256 = digest(options.model)
    file = options.model
    if file.suffix == ".pt":
        file = exported(options.model, head=options.head, target="onnx") / "model.onnx"
    graph = OnnxGraph(file)
    card = card_within(file, graph.properties, name=options.model.stem, sha256=sha256)
    return graph, replace(card, canvas=graph.canvas)
