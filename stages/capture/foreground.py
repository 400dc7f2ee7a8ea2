"""What moves in front of a fixed camera's background: the picture model behind the model-free ``motion`` detector.

Each pixel of the picture at a quarter of its size has a background colour and a usual deviation from it, both
running means, and a candidate: the colour that is there now, with the time it has stayed. A thing that stops is
foreground until its candidate has stayed ``absorb_s``; then it becomes background (as does the ghost of a thing that
was there at the start and left). The first background is the median of pictures spread over ``warm_up_s``; until
then, and while the whole picture changes, the mask is empty.

All state is plain arrays, and equal frames at equal media times give equal masks.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from pipeline.stage import Picture, Plane

if TYPE_CHECKING:
    from stages.capture.options import ForegroundOptions

SCALE = 4
"""The mask has one element for this many pixels of the frame, each way."""

_LEAST = 8
"""Smaller arrays than this are taken for colours by cv2."""
_SAMPLES = 15
"""Pictures whose median is the first background."""
_GAIN_STEP = 4
_LONGEST_S = 5.0
"""A pause of a stream counts as no more time than this: nobody saw what stayed."""

Floats = npt.NDArray[np.float32]


def mask_shape(height: int, width: int) -> tuple[int, int]:
    """Height and width of the mask of a frame of this size."""
    return max(_LEAST, height // SCALE), max(_LEAST, width // SCALE)


class ForegroundModel:
    """The background of one camera at one resolution, learned from its frames in order."""

    def __init__(self, options: "ForegroundOptions") -> None:
        import cv2

        self._cv: Any = cv2
        self._options = options
        self._samples: list[npt.NDArray[np.uint8]] = []
        self._sampled_ns = 0
        self._first_ns = 0
        self._last_ns = 0
        self._background: Floats | None = None
        self._deviation: Floats
        self._candidate: Floats
        self._stayed: Floats
        self._never: Floats

    @property
    def learning(self) -> bool:
        """Whether the background is being learned from nothing, so that an empty mask says nothing."""
        return self._background is None or bool(self._samples)

    def mask(self, pixels: Picture, media_ns: int) -> Plane:
        """Learn the next frame and tell its foreground: uint8 ``mask_shape``, 255 where something moves, else 0."""
        small = self._shrink(pixels)
        elapsed_s = min((media_ns - self._last_ns) / SECOND, _LONGEST_S)
        self._last_ns = media_ns
        found = None if self._background is None else self._compare(small, self._background, elapsed_s)
        if found is None:
            self._warm_up(small, media_ns)
            return np.zeros(small.shape[:2], np.uint8)
        self._samples = []
        return found

    def _shrink(self, pixels: Picture) -> npt.NDArray[np.uint8]:
        """A quarter of the size; only every second row is read, which halves the cost and loses nothing seen."""
        height, width = mask_shape(*pixels.shape[:2])
        rows = pixels[::2] if pixels.shape[0] >= 2 * SCALE else pixels
        small: npt.NDArray[np.uint8] = self._cv.resize(rows, (width, height), interpolation=self._cv.INTER_AREA)
        return small

    def _warm_up(self, small: npt.NDArray[np.uint8], media_ns: int) -> None:
        warm_ns = int(self._options.warm_up_s * SECOND)
        if not self._samples:
            self._first_ns = media_ns
        if not self._samples or media_ns - self._sampled_ns >= warm_ns // _SAMPLES:
            self._samples.append(small)
            self._sampled_ns = media_ns
        if media_ns - self._first_ns >= warm_ns and len(self._samples) >= 3:
            self._begin()

    def _begin(self) -> None:
        stack = np.stack(self._samples)
        middle = np.median(stack, axis=0).astype(np.float32)
        spread = np.median(np.abs(stack - middle).max(axis=3), axis=0).astype(np.float32)
        self._samples = []
        self._background = middle
        self._deviation = spread
        self._candidate = middle.copy()
        self._stayed = np.zeros(middle.shape[:2], np.float32)
        self._never = np.zeros_like(self._stayed)

    def _compare(self, small: npt.NDArray[np.uint8], background: Floats, elapsed_s: float) -> Plane | None:
        """The foreground, or None if so much has changed that this is another picture."""
        cv, options = self._cv, self._options
        gain = self._gain(small, background)
        now = small.astype(np.float32) * np.float32(1 / gain)
        distance = _largest(cv, cv.absdiff(now, background))
        allowed = np.clip(self._deviation * np.float32(options.sensitivity), options.floor, options.ceiling)
        raw = cv.compare(distance, allowed, cv.CMP_GT)
        count = cv.countNonZero(raw)
        if count > options.upheaval_share * raw.size:
            return None
        if count:
            raw = cv.bitwise_and(raw, cv.bitwise_not(self._shadow(now, background)))
        solid: Plane = cv.medianBlur(raw, 5)
        rate = float(-np.expm1(-elapsed_s / options.adapt_s))
        self._learn(now, background, distance, solid, rate)
        self._absorb(now, background, allowed, solid, elapsed_s)
        for picture in (background, self._candidate):
            picture *= np.float32(1 + (gain - 1) * rate)
        return solid

    def _gain(self, now: npt.NDArray[np.uint8], background: Floats) -> float:
        """How much brighter the whole picture is than its background: the camera's exposure, or a cloud."""
        ratio = (now[::_GAIN_STEP, ::_GAIN_STEP, 1] + np.float32(1)) / (background[::_GAIN_STEP, ::_GAIN_STEP, 1] + 1)
        return float(np.clip(np.median(ratio), 0.5, 2.0))

    def _shadow(self, now: Floats, background: Floats) -> Plane:
        """Where the picture is the background, darker by a factor in all channels (Horprasert et al., 1999)."""
        cv = self._cv
        product = cv.transform(now * background, _SUM)
        ratio = product / (cv.transform(background * background, _SUM) + np.float32(1))
        off = _largest(cv, cv.absdiff(now, background * ratio[..., None]))
        dim = cv.inRange(ratio, float(self._options.shadow_ratio), 0.98)
        plain = cv.compare(off, float(self._options.shadow_colour), cv.CMP_LT)
        # a shadow keeps the ground's texture: its ratio is even around each pixel, a dark coat's is not
        even = cv.absdiff(ratio, cv.blur(ratio, (5, 5)))
        flat = cv.compare(even, 0.06, cv.CMP_LT)
        return cv.bitwise_and(cv.bitwise_and(dim, plain), flat)  # type: ignore[no-any-return]  # cv2 is loosely typed

    def _learn(self, now: Floats, background: Floats, distance: Floats, solid: Plane, rate: float) -> None:
        cv = self._cv
        calm = cv.bitwise_not(solid)
        cv.accumulateWeighted(now, background, rate, mask=calm)
        cv.accumulateWeighted(np.minimum(distance, np.float32(self._options.ceiling)), self._deviation, rate, mask=calm)

    def _absorb(self, now: Floats, background: Floats, allowed: Floats, solid: Plane, elapsed_s: float) -> None:
        """Let what has stood in front of the background for long become part of it."""
        cv = self._cv
        other = cv.compare(_largest(cv, cv.absdiff(now, self._candidate)), allowed, cv.CMP_GE)
        cv.copyTo(now, other, self._candidate)
        self._stayed += np.float32(elapsed_s)
        cv.copyTo(self._never, cv.bitwise_or(other, cv.bitwise_not(solid)), self._stayed)
        settled = cv.bitwise_and(solid, cv.compare(self._stayed, float(self._options.absorb_s), cv.CMP_GT))
        if cv.countNonZero(settled):
            cv.copyTo(self._candidate, settled, background)


_SUM = np.ones((1, 3), np.float32)


def _largest(cv: Any, planes: Floats) -> Floats:
    """The largest of three channels, (h, w, 3) to (h, w)."""
    first, second, third = cv.split(planes)
    largest: Floats = cv.max(cv.max(first, second), third)
    return largest
