"""Rows of features, computed once for each run of pictures and kept as files named by what they were made of.

They are computed by the exported graph, as they will be in use: that is what is learned from, and it is faster.
"""

import hashlib
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from lab.train.behaviour.export import features_graph, with_card
from lab.train.behaviour.features import Features
from pipeline.whole_file import write_whole
from stages.classify.onnx_graph import OnnxGraph


class FeatureCache:
    """Rows by content: of the same pixels and the same networks they are the same, in every run."""

    def __init__(self, folder: Path, features: Features, *, threads: int = 1) -> None:
        self._folder = folder
        self._features = features
        self._threads = threads
        self._graph: OnnxGraph | None = None
        self.computed = 0
        """How many runs of pictures were not there yet."""
        folder.mkdir(parents=True, exist_ok=True)

    def rows(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Rows float32 (t, width) of consecutive pictures uint8 (t, h, w, 3)."""
        key = hashlib.sha256(f"openvino f32 {self._features.fingerprint}".encode())
        key.update(repr((self._features.names, pixels.shape)).encode())
        key.update(np.ascontiguousarray(pixels).data)
        file = self._folder / f"{key.hexdigest()[:40]}.npy"
        try:
            kept: npt.NDArray[np.float32] = np.load(file, allow_pickle=False)
            if kept.dtype == np.float32 and kept.shape == (len(pixels), self._features.width):
                return kept
        except (OSError, ValueError, EOFError):
            pass  # not there, or damaged: made anew
        made = self._computed(pixels)
        self.computed += 1
        buffer = BytesIO()
        np.save(buffer, made, allow_pickle=False)
        write_whole(file, [buffer.getvalue()], flush=False)
        return made

    def _computed(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        if self._graph is None:
            with TemporaryDirectory() as folder:
                file = Path(folder) / "features.onnx"
                file.write_bytes(with_card(features_graph(self._features), {"kind": "features"}))
                self._graph = OnnxGraph(file, threads=self._threads)
        rows = np.zeros((len(pixels), self._features.width), np.float32)
        for at in range(len(pixels)):
            now, before = pixels[at : at + 1], pixels[max(at - 1, 0) : max(at, 1)]
            rows[at] = self._graph(*((now, before) if self._features.needs_previous else (now,)))[0][0]
        return rows
