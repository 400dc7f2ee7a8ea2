"""Blobs of a static foreground: where they are, how long they stand, and whether something came or went."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

LEAST_S = 1.0
"""What has stood for less is not told."""
_LEAST_CELLS = 12
_LARGEST = 0.15
"""Share of the picture; what is larger is no thing that somebody put down."""
_MOST = 24
"""Blobs told at most: those that have stood longest."""
_LEAST_CORE = 0.3
_TEXTURE = 3.0
"""Deviation in grey levels from which on a surface has a texture that can be known again."""
_SAME_TEXTURE = 0.8
"""Correlation from which on a surface is the same in another light."""


class Blobs:
    """Finds the blobs in which two models of a picture differ for long enough."""

    def __init__(self, cv: Any) -> None:
        """``cv``: the module cv2."""
        self._cv = cv
        self._block = np.ones((3, 3), np.uint8)

    def find(self, fast: Floats, slow: Floats, stood: Floats, core: Mask) -> tuple[list[list[float]], Mask | None]:
        """Blobs of the picture as it is (``fast``) against the picture as it was (``slow``), both (h, w, 3), from the
        seconds that each element has stood (h, w). ``core`` (h, w): elements that no sway explains; blobs with less
        than ``_LEAST_CORE`` of them are left out.

        Each blob is ``[left, top, right, bottom, seconds, edge_now, edge_before, filled]``: its box as shares of the
        picture; the median time that its elements have stood; mean gradient in grey levels along its outline as it is
        and as it was (higher now: something was put down; lower: taken away); share of the box that it fills. Those
        whose texture is only lit in another way are left out and given as a mask.
        """
        cv = self._cv
        height, width = stood.shape
        raw = (stood >= LEAST_S).astype(np.uint8)
        if not raw.any():
            return [], None
        solid = cv.morphologyEx(cv.morphologyEx(raw, cv.MORPH_CLOSE, self._block), cv.MORPH_OPEN, self._block)
        count, labels, stats, _ = cv.connectedComponentsWithStats(solid, connectivity=8)
        if count < 2:
            return [], None
        grey_now, grey_before = cv.cvtColor(fast, cv.COLOR_BGR2GRAY), cv.cvtColor(slow, cv.COLOR_BGR2GRAY)
        edges_now, edges_before = self._gradient(grey_now), self._gradient(grey_before)
        found: list[list[float]] = []
        light: Mask | None = None
        for number in range(1, count):
            left, top, wide, high, cells = stats[number].tolist()
            if cells < _LEAST_CELLS or cells > _LARGEST * stood.size:
                continue
            near = np.s_[max(0, top - 2) : top + high + 2, max(0, left - 2) : left + wide + 2]
            mask = labels[near] == number
            if np.count_nonzero(mask & core[near]) < _LEAST_CORE * cells:
                continue
            if self._only_light(grey_now[near], grey_before[near], mask):
                light = np.zeros(stood.shape, np.bool_) if light is None else light
                light[near] |= mask
                continue
            seen = mask & (raw[near] > 0)
            outline = self._outline(mask)
            box = [left / width, top / height, (left + wide) / width, (top + high) / height]
            tells = [edges_now[near][outline].mean(), edges_before[near][outline].mean()]
            found.append([*box, float(np.median(stood[near][seen])), *map(float, tells), cells / (wide * high)])
        found.sort(key=lambda blob: -blob[4])
        return sorted([round(value, 4) for value in blob] for blob in found[:_MOST]), light

    def _gradient(self, grey: Floats) -> Floats:
        cv = self._cv
        gradient: Floats = cv.magnitude(cv.Sobel(grey, cv.CV_32F, 1, 0), cv.Sobel(grey, cv.CV_32F, 0, 1)) / 4
        return gradient

    def _outline(self, mask: Mask) -> Mask:
        """The elements on both sides of a blob's edge."""
        cv = self._cv
        whole = mask.astype(np.uint8)
        return (cv.dilate(whole, self._block) - cv.erode(whole, self._block)) > 0  # type: ignore[no-any-return]  # cv2 is loosely typed

    def _only_light(self, now: Floats, before: Floats, mask: Mask) -> bool:
        """Whether the surface within a blob is what it was, only brighter or darker: its texture is still there."""
        one, other = now[mask], before[mask]
        one, other = one - one.mean(), other - other.mean()
        spread = float(one.std()), float(other.std())
        if min(spread) < _TEXTURE:
            return False
        return float((one * other).mean()) / (spread[0] * spread[1]) > _SAME_TEXTURE
