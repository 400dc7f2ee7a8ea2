"""Pictures into H.264, for video that cannot be kept as it came."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pipeline.clock import SECOND
from pipeline.stage import Picture

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream

TICKS = 90_000
"""Of a second: as RTP counts."""
KEY_S = 2.0
"""Seconds between two key frames, at most."""


class Encoder:
    """Gives a packet for each picture at once: no B-frames, no look-ahead."""

    def __init__(self, *, width: int, height: int, rate: float, quality: int, key_s: float = KEY_S) -> None:
        """``rate``: pictures a second, about. ``quality``: constant rate factor of x264, 0 to 51, the lower the better.
        ``key_s``: between two key frames, at most, whatever the rate is.

        An odd row or column at the end is left out, since colour is kept for each two.
        """
        import av
        from av.codec.context import Flags

        self._sink = av.open(os.devnull, "w", format="null")
        usual = {"preset": "veryfast", "tune": "zerolatency", "crf": str(quality)}
        made = self._sink.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options=usual)
        made.width, made.height, made.pix_fmt = width & ~1, height & ~1, "yuv420p"
        made.time_base = made.codec_context.time_base = Fraction(1, TICKS)
        made.codec_context.gop_size = max(round(rate * key_s), 1)
        made.codec_context.flags |= Flags.global_header
        self._sink.start_encoding()
        self._key_ns = round(key_s * SECOND)
        self._keyed_ns: int | None = None
        """When the last key frame was taken."""
        self.template: VideoStream = made
        """What the packets are of."""

    def picture(self, pixels: Picture, at_ns: int) -> "Iterator[Packet[VideoStream]]":
        """Encode uint8 (height, width, 3) BGR. OpenCV converts it, at an eighth of the cost of FFmpeg's conversion."""
        import av
        import cv2

        part = pixels[: self.template.height, : self.template.width]
        planes: Picture = cv2.cvtColor(part, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)
        yield from self.frame(av.VideoFrame.from_ndarray(planes, format="yuv420p"), at_ns)

    def frame(self, frame: "VideoFrame", at_ns: int) -> "Iterator[Packet[VideoStream]]":
        """Encode a picture as a decoder gave it."""
        from av.video.frame import PictureType

        made = frame.reformat(width=self.template.width, height=self.template.height, format="yuv420p")
        due = self._keyed_ns is not None and at_ns - self._keyed_ns >= self._key_ns
        made.pict_type = PictureType.I if due else PictureType.NONE  # the source's key frames are not ours
        made.pts, made.time_base = (at_ns * TICKS + SECOND // 2) // SECOND, Fraction(1, TICKS)
        for packet in self.template.encode(made):
            if packet.is_keyframe:
                self._keyed_ns = at_ns
            yield packet

    def finish(self) -> "Iterator[Packet[VideoStream]]":
        """What it still holds."""
        yield from self.template.encode(None)
        self._sink.close()
