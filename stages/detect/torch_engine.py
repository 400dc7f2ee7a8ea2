"""torch: NVIDIA GPUs, and the CPU where OpenVINO is not wanted.

Its sums depend on batch size, and on the CPU on threads. So a flight always computes its whole batch, whatever number
of frames it holds, and the batch size and threads are part of the fingerprint: equal frames then give equal boxes,
whoever shared the batch.

On a GPU several flights are under way: while one is computed the next is copied, from page-locked memory, on a stream
of its own, and the host draws and picks others. The work of one batch is a CUDA graph, recorded once for each canvas
size: a few hundred small kernels cost one launch.
"""

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from stages.detect.allowed_classes import allowed_classes
from stages.detect.engine import Canvas, FloatArray
from stages.detect.options import YoloOptions
from stages.detect.torch_embedding import pooled_batch
from stages.detect.torch_network import TorchNetwork
from stages.detect.torch_selection import Selection

if TYPE_CHECKING:
    from stages.detect.tensorrt_network import TensorRtNetwork

FLIGHTS = 4
"""Batches under way on a GPU: one copied, one computed, one being drawn, one being picked."""


class TorchEngine:
    """Fulfils ``Engine``. ``options`` must be resolved. Raises ``CannotStart`` if the model cannot be used."""

    def __init__(self, options: YoloOptions) -> None:
        import torch

        assert isinstance(options.batch, int)
        assert isinstance(options.threads, int)
        self._torch: Any = torch
        self._device: Any = torch.device(options.device)
        self._cuda = self._device.type == "cuda"
        self.suppressed = self._cuda  # on a CPU numpy does it faster (benchmarks/detect_nms.py)
        _configure(torch, options)
        self._network = _network(options)
        self._embedding = options.embedding
        self.card = self._network.card
        allowed = allowed_classes(options.classes, self.card)
        on_device = None if allowed is None else torch.from_numpy(allowed).to(self._device)
        self._selection = (
            Selection(options.confidence, options.iou, options.max_detections, on_device) if self._cuda else None
        )
        self.batch = options.batch
        self.flights = FLIGHTS if self._cuda else 1
        self._recorded = options.runtime == "torch"  # TensorRT has a graph of its own
        self.runtime = f"{options.runtime} {version(options.runtime)} batch {options.batch} " + (
            torch.cuda.get_device_name() if self._cuda else f"threads {options.threads}"
        )
        self._streams = _Streams(torch) if self._cuda else None
        self._works: dict[tuple[int, int], _Work] = {}
        self._flights: dict[tuple[int, tuple[int, int]], _Flight] = {}
        self._current: dict[int, _Flight] = {}

    def canvas(self, flight: int, shape: tuple[int, int]) -> Canvas:
        """Memory of the host, page-locked where a GPU copies from it."""
        if (flight, shape) not in self._flights:
            self._flights[flight, shape] = self._prepare(shape)
        current = self._current[flight] = self._flights[flight, shape]
        pixels: Canvas = current.pixels.numpy()
        return pixels

    def start(self, flight: int, count: int) -> None:
        """On a GPU this returns before the answer is there."""
        torch, current = self._torch, self._current[flight]
        current.count = count
        with torch.inference_mode():
            if self._streams is None:
                current.rows, _ = current.work.run(current.pixels)
                current.features = current.work.features
                return
            streams = self._streams
            with torch.cuda.stream(streams.copy):
                current.upload[:count].copy_(current.pixels[:count], non_blocking=True)
                current.uploaded.record(streams.copy)
            with torch.cuda.stream(streams.compute):
                streams.compute.wait_event(current.uploaded)
                rows, unsettled = current.work.run(current.upload)
                current.rows.copy_(rows, non_blocking=True)
                current.unsettled.copy_(unsettled, non_blocking=True)
                if self._embedding:  # the graph's own memory holds the next flight's maps soon
                    current.features = [level.clone() for level in current.work.features]
                current.done.record(streams.compute)

    def finish(self, flight: int) -> npt.NDArray[np.float32]:
        """Rows (count, k, 6) from a GPU; what the network gives from a CPU."""
        current = self._current[flight]
        if self._cuda:
            current.done.synchronize()
        output: npt.NDArray[np.float32] = current.rows.numpy()[: current.count]
        if self._selection is not None:
            for picture in np.flatnonzero(current.unsettled.numpy()[: current.count]):
                self._selection.settle(output[picture])
        return output

    def embed(self, flight: int, boxes: list[FloatArray]) -> list[FloatArray]:
        """As ``Engine.embed``."""
        torch, current = self._torch, self._current[flight]
        height, width = current.pixels.shape[1:3]
        with torch.inference_mode():
            if self._streams is None:
                return pooled_batch(torch, current.features, boxes, canvas=(height, width))
            with torch.cuda.stream(self._streams.pool):
                vectors = pooled_batch(torch, current.features, boxes, canvas=(height, width))
                current.features = []
                return vectors

    def _prepare(self, shape: tuple[int, int]) -> "_Flight":
        torch = self._torch
        if shape not in self._works:
            work = _Work(torch, self._network, self._selection)
            if self._streams is not None:
                with torch.inference_mode():
                    work.try_out((self.batch, *shape, 3), self._device, self._streams.compute, record=self._recorded)
            self._works[shape] = work
        pixels = torch.zeros((self.batch, *shape, 3), dtype=torch.uint8, pin_memory=self._cuda)
        flight = _Flight(self._works[shape], pixels)
        if self._cuda:
            flight.upload = torch.zeros_like(pixels, device=self._device)
            flight.rows = torch.empty(flight.work.rows.shape, dtype=torch.float32, pin_memory=True)
            flight.unsettled = torch.empty(flight.work.unsettled.shape, dtype=torch.bool, pin_memory=True)
            flight.uploaded, flight.done = torch.cuda.Event(), torch.cuda.Event(blocking=True)
            torch.cuda.synchronize()
        return flight


def _configure(torch: Any, options: YoloOptions) -> None:
    if options.device == "cpu":
        torch.set_num_threads(options.threads)
        return
    torch.backends.cudnn.benchmark = False  # picks another kernel from run to run
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def _network(options: YoloOptions) -> "TorchNetwork | TensorRtNetwork":
    if options.runtime == "tensorrt":
        if options.embedding:
            raise CannotStart("embedding: TensorRT does not show its feature maps; set runtime: torch")
        from stages.detect.tensorrt_network import TensorRtNetwork

        return TensorRtNetwork(options)
    return TorchNetwork(options, channels_last=options.device == "cuda" and options.precision != "f32")


class _Streams:
    def __init__(self, torch: Any) -> None:
        self.copy = torch.cuda.Stream()
        self.compute = torch.cuda.Stream()
        self.pool = torch.cuda.Stream()


@dataclass(slots=True)
class _Flight:
    """A batch under way: its memory, of the host and of the device, and the marks that say how far it is."""

    work: "_Work"
    pixels: Any
    count: int = 0
    upload: Any = None
    rows: Any = None
    unsettled: Any = None
    features: list[Any] = field(default_factory=list)
    uploaded: Any = None
    done: Any = None


class _Work:
    """From pixels on the device to rows on the device, for one canvas size. Without a selection, to what the network
    gives."""

    def __init__(self, torch: Any, network: "TorchNetwork | TensorRtNetwork", selection: Selection | None) -> None:
        self._torch = torch
        self._network = network
        self._selection = selection
        self._graph: Any = None
        self._pixels: Any = None
        self.rows: Any = None
        self.unsettled: Any = None
        self.features: list[Any] = []

    def try_out(self, shape: tuple[int, ...], device: Any, stream: Any, *, record: bool) -> None:
        """Do the work for pixels of this shape, and have the GPU remember it; nothing else may be under way meanwhile.

        Without ``record`` it is only done, so that the shapes of its answer are known.
        """
        torch = self._torch
        torch.cuda.synchronize()
        self._pixels = torch.zeros(shape, dtype=torch.uint8, device=device)
        torch.cuda.synchronize()
        with torch.cuda.stream(stream):
            for _ in range(3):  # libraries choose their kernels and take their memory in the first rounds
                self.rows, self.unsettled = self._compute(self._pixels)
        torch.cuda.synchronize()
        if not record:
            return
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            self.rows, self.unsettled = self._compute(self._pixels)
        torch.cuda.synchronize()
        self._graph = graph

    def run(self, pixels: Any) -> tuple[Any, Any]:
        """Rows (batch, k, 6) and which of the pictures are not settled; valid until the next run."""
        if self._graph is None:
            return self._compute(pixels)
        self._pixels.copy_(pixels, non_blocking=True)
        self._graph.replay()
        return self.rows, self.unsettled

    def _compute(self, pixels: Any) -> tuple[Any, Any]:
        output, self.features = self._network(pixels)
        if self._selection is not None and self._network.card.suppresses:
            return self._selection.rows(self._torch, output)
        return output, self._torch.zeros(len(output), dtype=self._torch.bool, device=output.device)
