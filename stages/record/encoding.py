"""Video that must be encoded before it is kept: privacy masks, devices, and codecs that an MP4 file cannot hold."""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pipeline.stage import Picture

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream

Paint = Callable[[Picture], None]
"""Paints what nobody may see black, in place."""
TICKS = 90_000
"""Of a second: as RTP counts."""


class Encoder:
    """Turns packets of one stream into packets of H.264, each picture painted over first.

    Without B-frames and look-ahead, so that a packet comes for each picture at once. A key frame comes at least every
    ``key_s`` seconds.
    """

    def __init__(self, source: "VideoStream", *, paint: Paint | None, rate: float, key_s: float, quality: int) -> None:
        """``quality``: the constant rate factor of x264, 0 to 51, the lower the better."""
        import av
        from av.codec.context import Flags

        self._source = source
        self._paint = paint
        self._sink = av.open(os.devnull, "w", format="null")
        usual = {"preset": "veryfast", "tune": "zerolatency", "crf": str(quality)}
        made = self._sink.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options=usual)
        made.width, made.height, made.pix_fmt = source.width & ~1, source.height & ~1, "yuv420p"
        made.time_base = made.codec_context.time_base = Fraction(1, TICKS)
        made.codec_context.gop_size = max(round(rate * key_s), 1)
        made.codec_context.flags |= Flags.global_header
        self._sink.start_encoding()
        self.template: VideoStream = made
        """What the packets are of."""

    def encode(self, packet: "Packet[VideoStream]") -> "Iterator[Packet[VideoStream]]":
        """The packets that come of the next one; damaged ones are left out. Without data: all that is still to come."""
        from av.error import InvalidDataError

        try:
            frames = packet.decode()
        except InvalidDataError:
            return
        for frame in frames:
            if frame.pts is not None and frame.time_base is not None:
                yield from self.template.encode(self._painted(frame, frame.pts * frame.time_base * TICKS))

    def finish(self) -> "Iterator[Packet[VideoStream]]":
        """What the encoder still holds."""
        yield from self.template.encode(None)
        self._sink.close()

    def _painted(self, frame: "VideoFrame", ticks: Fraction) -> "VideoFrame":
        import av
        from av.video.frame import PictureType

        wide, high = self.template.width, self.template.height
        if self._paint is None:
            made = frame.reformat(width=wide, height=high, format="yuv420p")
        else:
            pixels: Picture = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
            self._paint(pixels)
            made = av.VideoFrame.from_ndarray(pixels[:high, :wide], format="bgr24").reformat(format="yuv420p")
        made.pict_type = PictureType.NONE  # the source's key frames are not ours
        made.pts, made.time_base = round(ticks), Fraction(1, TICKS)
        return made
