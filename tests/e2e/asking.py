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
    """Takes nearly as long for every third batch as a live camera waits (1 s), so that what comes with it is late."""

    def __init__(self, options: PickyClassifier.Options) -> None:
        super().__init__(options)
        self._batches = 0

    def process(self, crops: Sequence[Picture]) -> npt.NDArray[np.float32]:
        self._batches += 1
        time.sleep(0.95 if self._batches % 3 == 0 else 0.05)
        red = self._colour.process(crops)[:, self._colour.names.index("red")]
        return np.stack([red, 1 - red], axis=1)


class Moves:
    """A behaviour of tracks: how much the ground around a thing changes from sample to sample."""

    Options = PickyClassifier.Options
    model = {"name": "moves", "sha256": ""}  # noqa: RUF012
    names = ("rests", "moves")
    frames = 4
    fps = 5.0
    scope = "track"
    width = 2
    margin = 0.5
    needs_previous = True

    def __init__(self, options: PickyClassifier.Options) -> None:
        pass

    def embed(
        self, crops: Sequence[Picture], previous: Sequence[Picture | None] | None = None
    ) -> npt.NDArray[np.float32]:
        before = [None] * len(crops) if previous is None else previous
        means = [(crop.mean(), 0.0 if old is None else old.mean()) for crop, old in zip(crops, before, strict=True)]
        return np.array([[new, new - old] for new, old in means], np.float32)

    def judge(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        change = np.abs(windows[:, 1:, 1]).mean(axis=1)
        moves = change / (change + 0.05)
        return np.stack([1 - moves, moves], axis=1).astype(np.float32)
