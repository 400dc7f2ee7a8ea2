"""Classifiers for tests: one that dies, one that is picky, one that is slow."""

import os
import resource
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from pipeline.stage import Picture
from stages.classify.colour import ColourClassifier, ColourOptions


class PickyClassifier:
    """Knows red, and cannot bear blue."""

    class Options(BaseModel):
        """None."""

        model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, options: Options) -> None:
        self._colour = ColourClassifier(ColourOptions())
        self.names = ["red", "other"]
        self.model = {"name": "picky", "sha256": ""}

    def process(self, crops: Sequence[Picture]) -> npt.NDArray[np.float32]:
        shares = self._colour.process(crops)
        if (shares[:, self._colour.names.index("blue")] > 0.5).any():
            raise ValueError("no blue, please")
        red = shares[:, self._colour.names.index("red")]
        return np.stack([red, 1 - red], axis=1)


class DyingClassifier(PickyClassifier):
    """Its library aborts at the first crop."""

    def process(self, crops: Sequence[Picture]) -> npt.NDArray[np.float32]:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.abort()


class SlowClassifier(PickyClassifier):
    """Takes longer for every other batch than a live camera waits."""

    def __init__(self, options: PickyClassifier.Options) -> None:
        super().__init__(options)
        self._batches = 0

    def process(self, crops: Sequence[Picture]) -> npt.NDArray[np.float32]:
        self._batches += 1
        time.sleep(0.45 if self._batches % 3 == 0 else 0.05)
        red = self._colour.process(crops)[:, self._colour.names.index("red")]
        return np.stack([red, 1 - red], axis=1)
