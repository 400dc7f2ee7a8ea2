"""torch: NVIDIA GPUs, and the CPU where OpenVINO is not wanted.

Unlike OpenVINO's, its sums depend on batch size and threads. So a flight always computes its whole batch, whatever
number of frames it holds, and the batch size and threads are part of the fingerprint: equal frames then give equal
boxes, whoever shared the batch.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from stages.detect.checkpoint import choose_head, digest, load_checkpoint
from stages.detect.engine import Canvas, ModelCard
from stages.detect.options import YoloOptions


class TorchEngine:
    """Fulfils ``Engine``. ``options`` must be resolved. Raises ``CannotStart`` if the model cannot be used."""

    def __init__(self, options: YoloOptions) -> None:
        network: Any = load_checkpoint(options.model)
        import torch

        assert isinstance(options.batch, int)
        self._torch: Any = torch
        self._device = torch.device(options.device)
        suppresses = choose_head(network, options.head, options.model)
        names = tuple(str(network.names[i]) for i in sorted(network.names))
        stride = int(network.stride.max())
        self.card = ModelCard(options.model.stem, digest(options.model), names, stride, suppresses)
        self._type = torch.float16 if options.precision == "f16" else torch.float32
        self._configure(options)
        network.model[-1].export = True  # the answer alone, without what training needs
        network.requires_grad_(False)
        self._network = network.fuse().eval().to(self._device, self._type)
        self.runtime = f"torch {torch.__version__} batch {options.batch} threads {options.threads}"
        self.flights = 1
        self.batch = options.batch
        self._canvases: dict[tuple[int, int], Any] = {}
        self._current: Any = None
        self._output: Any = None

    def _configure(self, options: YoloOptions) -> None:
        torch = self._torch
        torch.set_num_threads(options.threads)
        if self._device.type == "cuda":
            torch.backends.cudnn.benchmark = False  # picks another kernel from run to run
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False

    def canvas(self, flight: int, shape: tuple[int, int]) -> Canvas:
        """Memory of the host, page-locked where a GPU copies from it."""
        if shape not in self._canvases:
            pinned = self._device.type == "cuda"
            self._canvases[shape] = self._torch.zeros(
                (self.batch, *shape, 3), dtype=self._torch.uint8, pin_memory=pinned
            )
        self._current = self._canvases[shape]
        pixels: Canvas = self._current.numpy()
        return pixels

    def start(self, flight: int, count: int) -> None:
        """On the GPU this returns before the answer is there."""
        torch = self._torch
        with torch.inference_mode():
            pictures = self._current.to(self._device, non_blocking=True).permute(0, 3, 1, 2).flip(1)
            pictures = pictures.to(self._type, memory_format=torch.contiguous_format).div_(255)
            self._output = self._network(pictures)[:count].float()

    def finish(self, flight: int) -> npt.NDArray[np.float32]:
        """(count, ...), in memory of its own."""
        output: npt.NDArray[np.float32] = self._output.cpu().numpy()
        return output
