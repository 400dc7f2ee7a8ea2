"""What stands still in front of a fixed camera's background: bags put down, things taken away, those who stopped.

Two models of the same small picture. The *slow* one is the scene as it was: it follows the light, and takes in what
stands there only after half an hour. The *fast* one is the scene without what moves: a colour enters it once it has
stayed for a second and a half, so who walks past never does, and what he hides is remembered. Where they differ,
something stands still that was not there, or stood there and is gone (two backgrounds: Porikli, Ivanov and Haga,
2008).

All state is plain arrays, and equal frames at equal media times give equal values.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from pipeline.stage import Picture
from stages.capture.blobs import Blobs

if TYPE_CHECKING:
    from stages.capture.options import CameraOptions

WIDEST = 320
"""Columns of the small picture at most."""
EVERY_NS = SECOND // 5
"""Time between two looks; in between the last answer holds. What stands still can wait."""
WARM_UP_NS = 3 * SECOND
"""The first background is the median of the pictures of this time."""
_SETTLE_S = 1.5
"""A colour that stays this long is of something that stands still."""
_RETURN_S = 0.4
"""The scene as it was needs less."""
_SLOW_S = 60.0
"""Time constant with which the slow model follows the light."""
_FAST_S = 2.0
_RESTLESS_S = 30.0
_RESTLESS = 0.3
"""Where the picture is something else than usual for this share of the time (leaves, water), nothing stands still."""
_LOOK_S = 0.3
"""A look counts as no more time than this towards settling: it takes several to know that a colour stays."""
_ABSORB_S = 1800.0
"""What stands this long belongs to the scene."""
_LONGEST_S = 1.0
"""A pause counts as no more time than this: nobody saw what stayed."""
_FLOOR = 22.0
"""Grey levels (of the channel that differs most) from which on two colours differ, in a picture as bright as ``_DAY``;
in darker ones less, in proportion, but not less than ``_LEAST_FLOOR``."""
_DAY = 100.0
_LEAST_FLOOR = 9.0
_CEILING = 60.0
_NOISES = 5.0
_UPHEAVAL = 0.35
"""From this share of changed picture on, it is another picture: learn it anew."""

_NEIGHBOURS = np.ones((3, 3), np.uint8)

Floats = npt.NDArray[np.float32]
Small = npt.NDArray[np.uint8]


class StaticForeground:
    """Fulfils ``Measurement`` under the name ``still``: ``{"learning": bool, "blobs": [...]}``, see ``Blobs.find``.

    While it is learning the background it has nothing to say, and the list is empty.
    """

    def __init__(self, options: "CameraOptions") -> None:
        """``options`` are not needed."""
        import cv2

        self._cv: Any = cv2
        self._blobs = Blobs(cv2)
        self._samples: list[Small] = []
        self._first_ns = 0
        self._last_ns: int | None = None
        self._said: dict[str, Any] = {"learning": True, "blobs": []}
        self._slow: Floats | None = None
        self._fast: Floats
        self._rival: Floats
        self._held: Floats
        self._noise: Floats
        self._restless: Floats
        self._stood: Floats

    def reset(self) -> None:
        """The stream was opened again: the scene is most likely the same, so the models stay."""
        self._last_ns = None

    def measure(self, pixels: Picture, media_ns: int) -> dict[str, Any]:
        """Take in the next frame and say what stands still."""
        if self._last_ns is not None and media_ns - self._last_ns < EVERY_NS:
            return self._said
        elapsed_s = 0.0 if self._last_ns is None else min((media_ns - self._last_ns) / SECOND, _LONGEST_S)
        self._last_ns = media_ns
        small = self._shrink(pixels)
        if self._slow is not None and self._slow.shape != small.shape:
            self._slow, self._samples = None, []
        if self._slow is None:
            self._warm_up(small, media_ns)
            self._said = {"learning": True, "blobs": []}
        else:
            self._said = self._look(small, self._slow, elapsed_s)
        return self._said

    def _shrink(self, pixels: Picture) -> Small:
        """At most ``WIDEST`` columns; of larger pictures only every other row is read, which loses nothing seen."""
        height, width = pixels.shape[:2]
        factor = max(1.0, width / WIDEST)
        rows = pixels[::2] if factor >= 4 else pixels
        size = (max(8, round(width / factor)), max(8, round(height / factor)))
        small: Small = self._cv.resize(rows, size, interpolation=self._cv.INTER_AREA)
        return small

    def _warm_up(self, small: Small, media_ns: int) -> None:
        if self._samples and self._samples[0].shape != small.shape:
            self._samples = []
        if not self._samples:
            self._first_ns = media_ns
        self._samples.append(small)
        if media_ns - self._first_ns < WARM_UP_NS or len(self._samples) < 3:
            return
        stack = np.stack(self._samples)
        middle = np.median(stack, axis=0).astype(np.float32)
        self._samples = []
        self._slow, self._fast, self._rival = middle, middle.copy(), middle.copy()
        apart = np.abs(stack - middle).max(axis=3)
        self._noise = np.median(apart, axis=0).astype(np.float32)
        self._restless = (apart > _FLOOR).mean(axis=0).astype(np.float32)
        self._held = np.zeros(middle.shape[:2], np.float32)
        self._stood = np.zeros_like(self._held)

    def _look(self, small: Small, slow: Floats, elapsed_s: float) -> dict[str, Any]:
        cv = self._cv
        gain = self._gain(small, slow)
        now = small.astype(np.float32) * np.float32(1 / gain)
        floor = max(_LEAST_FLOOR, _FLOOR * min(1.0, float(np.median(slow[::4, ::4, 1])) / _DAY))
        allowed = np.clip(self._noise * np.float32(_NOISES), np.float32(floor), np.float32(_CEILING))
        self._follow(now, slow, allowed, elapsed_s)
        apart = _largest(cv, cv.absdiff(self._fast, slow))
        differs = apart > allowed
        if np.count_nonzero(differs) > _UPHEAVAL * differs.size:
            self._slow = None
            return {"learning": True, "blobs": []}
        near = apart > allowed * np.float32(0.7)
        self._stood = np.where(differs | (near & (self._stood > 0)), self._stood + np.float32(elapsed_s), 0)
        calm = np.where(self._restless < _RESTLESS, self._stood, np.float32(0))
        core = self._beyond(slow) > allowed
        found, light = self._blobs.find(self._fast, slow, calm, core)
        self._take_in(slow, gain, elapsed_s, light)
        return {"learning": False, "blobs": found}

    def _beyond(self, slow: Floats) -> Floats:
        """How far the fast model is from the slow one and its neighbours: leaves and poles sway by one element."""
        cv = self._cv
        above = cv.subtract(self._fast, cv.dilate(slow, _NEIGHBOURS))
        below = cv.subtract(cv.erode(slow, _NEIGHBOURS), self._fast)
        return _largest(cv, cv.max(above, below))

    def _gain(self, now: Small, slow: Floats) -> float:
        """How much brighter the whole picture is than the slow model: the camera's exposure, or a cloud."""
        ratio = (now[::4, ::4, 1] + np.float32(1)) / (slow[::4, ::4, 1] + np.float32(1))
        return float(np.clip(np.median(ratio), 0.5, 2.0))

    def _follow(self, now: Floats, slow: Floats, allowed: Floats, elapsed_s: float) -> None:
        """The fast model: what stays; a rival colour that has stayed long enough takes its place."""
        cv = self._cv
        distance = _largest(cv, cv.absdiff(now, self._fast))
        same = distance <= allowed
        rate = np.float32(-np.expm1(-elapsed_s / _FAST_S))
        weight = np.where(same, rate, np.float32(0))
        self._fast += (now - self._fast) * weight[..., None]
        self._noise += (np.minimum(distance, np.float32(_CEILING)) - self._noise) * weight * np.float32(0.1)
        self._restless += (np.float32(1) - same - self._restless) * np.float32(-np.expm1(-elapsed_s / _RESTLESS_S))
        agrees = _largest(cv, cv.absdiff(now, self._rival)) <= allowed
        blend = np.where(agrees, np.float32(0.3), np.float32(1))
        self._rival += (now - self._rival) * blend[..., None]
        self._held = np.where(~same & agrees, self._held + np.float32(min(elapsed_s, _LOOK_S)), 0)
        was_so = _largest(cv, cv.absdiff(self._rival, slow)) <= allowed
        wins = self._held >= np.where(was_so, np.float32(_RETURN_S), np.float32(_SETTLE_S))
        self._fast[wins] = self._rival[wins]
        self._held[wins] = 0
        self._stood[wins] = 0

    def _take_in(self, slow: Floats, gain: float, elapsed_s: float, light: npt.NDArray[np.bool_] | None) -> None:
        """The slow model follows where nothing stands; what stood for very long, and mere light, it takes over."""
        rate = np.float32(-np.expm1(-elapsed_s / _SLOW_S))
        slow += (self._fast - slow) * np.where(self._stood > 0, np.float32(0), rate)[..., None]
        absorbed = self._stood > _ABSORB_S
        if light is not None:
            absorbed |= light
        if absorbed.any():
            slow[absorbed] = self._fast[absorbed]
            self._stood[absorbed] = 0
        for picture in (slow, self._fast, self._rival):
            picture *= np.float32(1 + (gain - 1) * rate)


def _largest(cv: Any, planes: Floats) -> Floats:
    """The largest of three channels, (h, w, 3) to (h, w)."""
    first, second, third = cv.split(planes)
    largest: Floats = cv.max(cv.max(first, second), third)
    return largest
