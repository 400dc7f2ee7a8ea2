"""Is a map more than decoration? Deletion and insertion (Petsiuk et al., RISE, BMVC 2018) against maps of chance.

Deletion hides the pixels in the order of the map, most important first: if the map is right, the score collapses at
once. Insertion starts from a blur and shows them in that order: the score soon comes back. Both areas are shares of
the score on the unchanged picture. What counts is insertion less deletion, and whether random maps do as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.explain.masked import Advance, Map
from lab.explain.scorer import Scorer
from lab.explain.target import Window
from lab.statistics import Interval
from pipeline.stage import Picture
from stages.detect.letterbox import GREY

Curve = npt.NDArray[np.float64]
LEVEL = 0.05
"""Chance at which a random map would have to do as well, for a map to count as an explanation."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Scores float64 (steps + 1,) as a share of the unchanged picture's; from 0 to all pixels deleted or inserted."""

    deletion: Curve
    insertion: Curve

    @property
    def deleted(self) -> float:
        """Area under the deletion curve; smaller is better."""
        return float(np.trapezoid(self.deletion, dx=1 / (len(self.deletion) - 1)))

    @property
    def inserted(self) -> float:
        """Area under the insertion curve; larger is better."""
        return float(np.trapezoid(self.insertion, dx=1 / (len(self.insertion) - 1)))

    @property
    def gain(self) -> float:
        """Insertion less deletion, -1 to 1."""
        return self.inserted - self.deleted


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a map did against random maps."""

    curves: Curves
    rivals: tuple[Curves, ...]
    """Of the random maps."""

    @property
    def advantage(self) -> Interval:
        """By how much the map's gain exceeds that of random maps: the mean, and the range that holds 95 % of them."""
        better = self.curves.gain - np.array([rival.gain for rival in self.rivals])
        low, high = np.quantile(better, [0.025, 0.975])
        return Interval(float(better.mean()), float(low), float(high))

    @property
    def chance(self) -> float:
        """Probability that a random map does at least as well (with the usual +1: it is never 0)."""
        as_good = sum(rival.gain >= self.curves.gain for rival in self.rivals)
        return (1 + as_good) / (1 + len(self.rivals))

    @property
    def explains(self) -> bool:
        """Whether the map explains more than chance."""
        return self.chance <= LEVEL

    def __str__(self) -> str:
        words = "explains more than chance" if self.explains else "explains no more than chance"
        return f"the map {words} (p = {self.chance:.3f})"


class Trial:
    """Deletion and insertion on one window of one picture, with one scorer; the ends of all curves are shared."""

    def __init__(self, picture: Picture, window: Window, scorer: Scorer, *, steps: int = 8, seed: int = 0) -> None:
        import cv2

        self._picture, self._window, self._scorer, self._steps = picture, window, scorer, steps
        self._inside = picture[window.slices]
        self._blurred = np.asarray(cv2.GaussianBlur(self._inside, (0, 0), max(max(window.shape) / 10, 3)), np.uint8)
        self._grey = np.full_like(self._inside, GREY)
        # Pixels of equal value come in random order, the same for every map.
        self._ties = np.random.default_rng(seed).permutation(self._inside.shape[0] * self._inside.shape[1])
        whole, gone, blurred = scorer(self._placed(each) for each in (self._inside, self._grey, self._blurred))
        self.score = float(whole)
        """On the unchanged picture."""
        self._gone, self._start = float(gone), float(blurred)

    @property
    def pictures(self) -> int:
        """Pictures that ``curves`` looks at."""
        return 2 * (self._steps - 1)

    def curves(self, saliency: Map) -> Curves:
        """What happens when the window's pixels go and come in the order of the map, float32 (height, width)."""
        if saliency.shape != self._window.shape:
            raise ValueError(f"the map must be {self._window.shape}, got {saliency.shape}")
        inner = self._scorer(self._changed(saliency)) / max(self.score, 1e-9)
        ends = np.array([self.score, self._gone, self._start]) / max(self.score, 1e-9)
        deletion = np.concatenate([ends[:1], inner[0::2], ends[1:2]])
        insertion = np.concatenate([ends[2:], inner[1::2], ends[:1]])
        return Curves(deletion, insertion)

    def verdict(self, saliency: Map, random: Iterable[Map], *, advance: Advance = lambda pictures: None) -> Verdict:
        """The map against random ones."""
        rivals = []
        for rival in random:
            rivals.append(self.curves(rival))
            advance(self.pictures)
        return Verdict(self.curves(saliency), tuple(rivals))

    def _changed(self, saliency: Map) -> Iterator[Picture]:
        """Alternately one step of deletion and one of insertion, without the ends."""
        order = np.lexsort((self._ties, -saliency.ravel()))
        rank = np.empty(saliency.shape, np.intp)
        rank.ravel()[order] = np.arange(len(order))
        for step in range(1, self._steps):
            first = (rank < len(order) * step / self._steps)[:, :, None]
            yield self._placed(np.where(first, self._grey, self._inside))
            yield self._placed(np.where(first, self._inside, self._blurred))

    def _placed(self, inside: npt.NDArray[np.uint8]) -> Picture:
        changed = self._picture.copy()
        changed[self._window.slices] = inside
        return changed
