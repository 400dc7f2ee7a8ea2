"""The motion gate: whether a frame differs from the last one that was analysed.

It looks at every fourth pixel of every fourth row, in green, averaged over three by three of them. *Still* means: no
spot of the picture is further from the last **analysed** frame than noise explains, so slow movement adds up until
it is seen. Each spot's noise is the running median of its change from frame to frame, which passers-by do not
disturb. A change of light over the whole picture is analysed too, but is not counted as motion.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from pipeline.stage import Picture, Plane

if TYPE_CHECKING:
    from stages.capture.options import GateOptions

_NOISE_STEP = 0.05
"""Grey levels by which a spot's noise moves with each frame; at first more, two over the number of frames."""
_LIGHT_SHARE = 0.3
"""From this share of changed picture on, it may be the light."""
_WIDEST = 480
"""Columns of the thinned picture at most."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the gate made of a frame."""

    still: bool
    """Nothing changed since the last frame that was not still: it need not be analysed."""
    motion: float
    """Share of the picture that changed, 0 to 1, a change of light apart."""
    light: float = 0.0
    """Change of the whole picture's brightness in grey levels, where that explains most of it."""


class MotionGate:
    """Compares the frames of one camera, in order, each with the last one that was analysed."""

    def __init__(self, options: "GateOptions") -> None:
        import cv2

        self._cv: Any = cv2
        self._options = options
        self._reference: Plane | None = None
        self._previous: Plane
        self._noise: npt.NDArray[np.float32]
        self._allowed: Plane
        self._seen = 0
        self._analysed_ns = 0
        self._moved_ns = 0

    def reset(self) -> None:
        """Forget the picture: the next frame is analysed."""
        self._reference = None

    def look(self, pixels: Picture, media_ns: int) -> Glance:
        """Judge the next frame; one that is not still is expected to be analysed."""
        now = self._thin(pixels)
        if self._reference is None or self._reference.shape != now.shape:
            self._begin(now, media_ns)
            return Glance(still=False, motion=0.0)
        self._learn(now)
        over, moves = self._changed(now, self._reference)
        motion, light = over, 0.0
        if over > _LIGHT_SHARE:
            motion, light = self._light(now, self._reference, over)
        if moves:
            self._moved_ns = media_ns
        lingers = media_ns - self._moved_ns < self._options.linger_s * SECOND
        due = media_ns - self._analysed_ns >= self._options.recheck_s * SECOND
        if moves or lingers or due or not self._options.enabled:
            self._reference, self._analysed_ns = now, media_ns
            return Glance(still=False, motion=motion, light=light)
        return Glance(still=True, motion=motion)

    def _thin(self, pixels: Picture) -> Plane:
        step = max(4, -(-pixels.shape[1] // _WIDEST)) if min(pixels.shape[:2]) >= 96 else 1
        thin: Plane = self._cv.blur(np.ascontiguousarray(pixels[::step, ::step, 1]), (3, 3))
        return thin

    def _begin(self, now: Plane, media_ns: int) -> None:
        self._reference = self._previous = now
        self._noise = np.zeros(now.shape, np.float32)
        self._seen = 0
        self._allow()
        self._analysed_ns = self._moved_ns = media_ns

    def _learn(self, now: Plane) -> None:
        """Move each spot's noise a step towards its change since the frame before: a running median."""
        cv = self._cv
        change = cv.absdiff(now, self._previous)
        self._previous = now
        more = cv.compare(change, cv.convertScaleAbs(self._noise), cv.CMP_GT)
        self._seen += 1
        step = max(_NOISE_STEP, 2 / (self._seen + 2))
        cv.scaleAdd(more.astype(np.float32), 2 * step / 255, self._noise, self._noise)
        np.subtract(self._noise, np.float32(step), out=self._noise)
        np.clip(self._noise, 0, self._options.noise_cap, out=self._noise)
        self._allow()

    def _allow(self) -> None:
        options = self._options
        self._allowed = self._cv.convertScaleAbs(self._noise, alpha=options.noise_factor, beta=options.threshold)

    def _changed(self, now: Plane, before: Plane) -> tuple[float, bool]:
        """Share of the picture over its noise, and whether some of that stands together."""
        cv = self._cv
        over = cv.compare(cv.absdiff(now, before), self._allowed, cv.CMP_GT)
        count = cv.countNonZero(over)
        if not count:
            return 0.0, False
        densest = cv.minMaxLoc(cv.blur(over, (3, 3)))[1]
        return count / over.size, densest > 255 * 3 / 9

    def _light(self, now: Plane, before: Plane, over: float) -> tuple[float, float]:
        """Match the brightness of the two pictures by their quartiles; what still differs is motion."""
        low, middle, high = np.percentile(before[::4, ::4], (25, 50, 75))
        new_low, new_middle, new_high = np.percentile(now[::4, ::4], (25, 50, 75))
        gain = float(np.clip((new_high - new_low) / max(high - low, 1.0), 0.25, 4.0))
        matched = self._cv.convertScaleAbs(before, alpha=gain, beta=float(new_middle - gain * middle))
        motion, _ = self._changed(now, matched)
        shift = float(new_middle - middle)
        return (motion, shift) if motion < over / 2 else (over, 0.0)
