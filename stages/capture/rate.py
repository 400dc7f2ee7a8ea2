"""Thinning a camera's frames to a rate in media time."""

from fractions import Fraction

from pipeline.clock import SECOND


class RateLimit:
    """Passes the frames that lie nearest to an even grid of ``fps`` a second, without drift; None passes all."""

    def __init__(self, fps: float | None) -> None:
        self._rate = None if fps is None else Fraction(fps).limit_denominator(1000) / SECOND
        self._slot: int | None = None
        self._media_ns = 0

    def passes(self, media_ns: int) -> bool:
        """Whether the next frame is to be analysed. The first one is."""
        if self._rate is None:
            return True
        half_ns = min(media_ns - self._media_ns, int(1 / self._rate)) // 2
        self._media_ns = media_ns
        # floor of an exact fraction: int() of it would round towards zero, // does not
        slot = (media_ns + half_ns) * self._rate.numerator // self._rate.denominator
        if self._slot is not None and slot <= self._slot:
            return False
        self._slot = slot
        return True
