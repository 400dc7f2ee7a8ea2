"""Rows of features, computed once for each run of pictures and kept as files named by what they were made of."""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab.train.behaviour.features import Features
from pipeline.whole_file import write_whole


class FeatureCache:
    """Rows by content: of the same pixels and the same networks they are the same, in every run."""

    def __init__(self, folder: Path, features: Features) -> None:
        self._folder = folder
        self._features = features
        self.computed = 0
        """How many runs of pictures were not there yet."""
        folder.mkdir(parents=True, exist_ok=True)

    def rows(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Rows float32 (t, width) of consecutive pictures uint8 (t, h, w, 3)."""
        key = hashlib.sha256(self._features.fingerprint.encode())
        key.update(repr((self._features.names, pixels.shape)).encode())
        key.update(np.ascontiguousarray(pixels).data)
        file = self._folder / f"{key.hexdigest()[:40]}.npy"
        try:
            kept: npt.NDArray[np.float32] = np.load(file, allow_pickle=False)
            if kept.dtype == np.float32 and kept.shape == (len(pixels), self._features.width):
                return kept
        except (OSError, ValueError, EOFError):
            pass  # not there, or damaged: made anew
        made = self._features.rows(pixels)
        self.computed += 1
        buffer = BytesIO()
        np.save(buffer, made, allow_pickle=False)
        write_whole(file, [buffer.getvalue()], flush=False)
        return made
