"""Saliency of a black box: hide random parts of the picture and see what the score does.

RISE (Petsiuk, Das, Saenko, BMVC 2018) for classifiers, D-RISE (Petsiuk et al., CVPR 2021) for detectors: the same
masks, another score. Ours hides within a window only, so that the masks' cells are small where the object is small.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.explain.scorer import Scorer
from lab.explain.target import Window
from pipeline.stage import Picture
from stages.detect.letterbox import GREY

Advance = Callable[[int], None]
"""Told how many more pictures were looked at."""

Map = npt.NDArray[np.float32]
"""float32 (height, width) of a window, larger where more depends on the pixel."""
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Masks:
    """Random masks: a coarse grid of cells that are shown with probability ``shown``, enlarged smoothly and shifted."""

    count: int
    cells: int = 8
    shown: float = 0.5
    seed: int = 0

    def batches(self, shape: tuple[int, int]) -> Iterator[npt.NDArray[np.float32]]:
        """float32 (at most ``AT_ONCE``, height, width), 1 where the picture shows; the same for the same seed."""
        import cv2

        random = np.random.default_rng(self.seed)
        cell = (-(-shape[0] // self.cells), -(-shape[1] // self.cells))
        whole = ((self.cells + 1) * cell[1], (self.cells + 1) * cell[0])
        for start in range(0, self.count, AT_ONCE):
            many = min(AT_ONCE, self.count - start)
            grids = (random.random((self.cells + 1, self.cells + 1, many)) < self.shown).astype(np.float32)
            # cv2 enlarges all masks of a batch at once, as channels of one picture.
            large = cv2.resize(grids, whole, interpolation=cv2.INTER_LINEAR).reshape(whole[1], whole[0], many)
            tops, lefts = random.integers(0, cell[0], many), random.integers(0, cell[1], many)
            rows = (tops[:, None] + np.arange(shape[0]))[:, :, None]
            columns = (lefts[:, None] + np.arange(shape[1]))[:, None, :]
            yield large[rows, columns, np.arange(many)[:, None, None]]


def saliency(
    picture: Picture,
    window: Window,
    scorer: Scorer,
    masks: Masks,
    *,
    advance: Callable[[int], None] = lambda done: None,
) -> Map:
    """For each pixel of the window the mean score of the pictures that show it, less the mean of all: float32.

    Changes nothing of ``picture``.
    """
    total, seen = np.zeros(window.shape), np.zeros(window.shape)
    scored = done = 0.0
    for batch in masks.batches(window.shape):
        scores = scorer(_hidden(picture, window, batch))
        total += np.tensordot(scores, batch, axes=1)
        seen += batch.sum(axis=0)
        scored, done = scored + scores.sum(), done + len(batch)
        advance(len(batch))
    return (total / np.maximum(seen, 1e-6) - scored / done).astype(np.float32)


def _hidden(picture: Picture, window: Window, batch: npt.NDArray[np.float32]) -> Iterator[Picture]:
    """The picture with each mask's hidden parts grey, one after the other; each is a copy."""
    inside = picture[window.slices].astype(np.float32) - GREY
    for mask in batch:
        changed = picture.copy()
        changed[window.slices] = inside * mask[:, :, None] + GREY
        yield changed
