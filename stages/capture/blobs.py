"""Blobs of a static foreground: where they are, how long they stand, and whether something came or went."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

LEAST_S = 1.0
"""What has stood for less is not told."""
_LEAST_CELLS = 12
"""Elements of the smallest blob."""
_REACH = 7
"""Pieces with less than this many elements between them are one blob."""
_LARGEST = 0.15
"""Share of the picture; what is larger is no thing that somebody put down."""
_MOST = 24
"""Blobs told at most: those that have stood longest."""
_LEAST_CORE = 0.3
"""Share of a blob's elements."""
_TEXTURE = 3.0
"""Deviation in grey levels from which on a surface has a texture that can be known again."""
_SAME_TEXTURE = 0.8
"""Correlation from which on a surface is the same in another light."""
_LEAST_ROOM = 6
"""Elements around a blob that count as its surroundings, at least; more if it is large."""


class Blobs:
    """Finds the blobs in which two models of a picture differ for long enough."""

    def __init__(self, cv: Any) -> None:
        """``cv``: the module cv2."""
        self._cv = cv
        self._block = np.ones((3, 3), np.uint8)
        self._reach = np.ones((_REACH, _REACH), np.uint8)

    def find(self, fast: Floats, slow: Floats, stood: Floats, core: Mask) -> tuple[list[list[float]], Mask | None]:
        """Blobs of the picture as it is (``fast``) against the picture as it was (``slow``), both (h, w, 3), from the
        seconds that each element has stood (h, w). ``core`` (h, w): elements that no sway explains; blobs with less
        than ``_LEAST_CORE`` of them are left out.

        Each blob is ``[left, top, right, bottom, seconds, apart_now, apart_before, filled]``: its box as shares of the
        picture; the median time that its elements have stood; how far it stands out from its surroundings in grey
        levels, as it is and as it was (more now: something was put down; less: taken away); share of the box that it
        fills. Those whose texture is only lit in another way are left out and given as a mask.
        """
        cv = self._cv
        height, width = stood.shape
        raw = (stood >= LEAST_S).astype(np.uint8)
        if not raw.any():
            return [], None
        solid = cv.morphologyEx(cv.morphologyEx(raw, cv.MORPH_CLOSE, self._block), cv.MORPH_OPEN, self._block)
        if not solid.any():
            return [], None
        labels, boxes = self._label(solid)
        grey_now, grey_before = cv.cvtColor(fast, cv.COLOR_BGR2GRAY), cv.cvtColor(slow, cv.COLOR_BGR2GRAY)
        found: list[list[float]] = []
        light: Mask | None = None
        for number, (left, top, wide, high, cells) in boxes.items():
            if cells < _LEAST_CELLS or cells > _LARGEST * stood.size:
                continue
            room = max(_LEAST_ROOM, max(wide, high) // 2)
            near = np.s_[max(0, top - room) : top + high + room, max(0, left - room) : left + wide + room]
            mask = labels[near] == number
            if np.count_nonzero(mask & core[near]) < _LEAST_CORE * cells:
                continue
            if self._only_light(grey_now[near], grey_before[near], mask):
                light = np.zeros(stood.shape, np.bool_) if light is None else light
                light[near] |= mask
                continue
            seen = mask & (raw[near] > 0)
            box = [left / width, top / height, (left + wide) / width, (top + high) / height]
            tells = self._stands_out(fast[near], slow[near], mask)
            found.append([*box, float(np.median(stood[near][seen])), *tells, cells / (wide * high)])
        found.sort(key=lambda blob: -blob[4])
        return sorted([round(value, 4) for value in blob] for blob in found[:_MOST]), light

    def _label(self, solid: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int32], dict[int, list[int]]]:
        """The number of the blob at each element, and left, top, width, height and elements of each: pieces that are
        near to one another are one."""
        cv = self._cv
        count, labels, stats, _ = cv.connectedComponentsWithStats(cv.dilate(solid, self._reach), connectivity=8)
        labels = np.where(solid > 0, labels, 0)
        boxes: dict[int, list[int]] = {}
        for number in range(1, count):
            left, top, wide, high, _ = stats[number].tolist()
            rows, columns = np.nonzero(labels[top : top + high, left : left + wide] == number)
            left, top = left + int(columns.min()), top + int(rows.min())
            boxes[number] = [left, top, int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1, len(rows)]
        return labels, boxes

    def _stands_out(self, fast: Floats, slow: Floats, mask: Mask) -> list[float]:
        """Mean distance of a blob's elements from their surroundings, blended into its place, as it is and was.

        What was put down differs from what is around it more than the ground did that it hides. The strength of the
        outline, which is more often taken, fails where a background has edges of its own.
        """
        cv = self._cv
        outside = (cv.dilate(mask.astype(np.uint8), self._block) == 0).astype(np.float32)
        size = 2 * max(3, max(mask.shape) // 3) + 1
        weight = cv.blur(outside, (size, size)) + np.float32(1e-6)
        tells = []
        for picture in (fast, slow):
            blend = cv.blur(picture * outside[..., None], (size, size)) / weight[..., None]
            tells.append(float(cv.absdiff(picture, blend).max(axis=2)[mask].mean()))
        return tells

    def _only_light(self, now: Floats, before: Floats, mask: Mask) -> bool:
        """Whether the surface within a blob is what it was, only brighter or darker: its texture is still there."""
        one, other = now[mask], before[mask]
        one, other = one - one.mean(), other - other.mean()
        spread = float(one.std()), float(other.std())
        if min(spread) < _TEXTURE:
            return False
        return float((one * other).mean()) / (spread[0] * spread[1]) > _SAME_TEXTURE
