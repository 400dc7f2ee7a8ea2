"""An ONNX graph that looks at single crops, with the pixels that go into it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from pipeline.stage import Picture
from stages.classify.behaviour import fit
from stages.classify.onnx_graph import OnnxGraph
from stages.classify.options import CropModelOptions

FloatArray = npt.NDArray[np.float32]


class CropGraph:
    """Crops in, one row of numbers for each out. The graph takes uint8 (n, height, width, 3) BGR; colour order, scale
    and normalisation are part of it.

    Raises ``CannotStart`` for a file that is missing or damaged, not of this ``kind``, or unlike its own card.
    """

    def __init__(self, path: Path, options: CropModelOptions, *, kind: str) -> None:
        self._graph = OnnxGraph(path, runtime=options.runtime, precision=options.precision, threads=options.threads)
        self._batch = options.batch
        self.path, self.card, self.sha256 = path, self._graph.card, self._graph.sha256
        self.engine = f"{self._graph.engine} {self.sha256[:12]}"
        if self.card.get("kind") != kind:
            raise CannotStart(f"{path}: a model of kind {self.card.get('kind')!r}; {kind!r} is needed")
        try:
            height, width = self.card["size"]
            self.size: tuple[int, int] = (int(height), int(width))
            self.margin: float = float(self.card.get("margin", 0.0))
            self._widths = [row.shape[1] for row in self._graph(np.zeros((1, *self.size, 3), np.uint8))]
        except CannotStart:
            raise
        except Exception as error:  # of either runtime, whose errors share no root
            raise CannotStart(f"{path}: does not fit its own card; make it anew with 'bartizan train'") from error
        names = self.card.get("names")
        if isinstance(names, list) and self._widths[0] != len(names):
            raise CannotStart(f"{path}: answers {self._widths[0]} numbers, its card names {len(names)} classes")

    def __call__(self, crops: Sequence[Picture], *, output: int = 0) -> FloatArray:
        """Rows float32 (n, d) of one of the graph's outputs. Raises ``ValueError`` for anything but crops uint8
        (height, width, 3)."""
        rows = np.zeros((len(crops), self._widths[output]), np.float32)
        for start in range(0, len(crops), self._batch):
            part = slice(start, start + self._batch)
            rows[part] = self._graph(fit(crops[part], self.size))[output]
        return rows
