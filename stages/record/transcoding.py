"""A stream that is encoded again on its way: what privacy masks hide is gone, and an MP4 file can hold it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from pipeline.clock import SECOND
from pipeline.stage import Picture
from stages.record.encoding import Encoder
from stages.record.gops import Arrival

if TYPE_CHECKING:
    from av import VideoStream

Paint = Callable[[Picture], None]
"""Paints what nobody may see black, in place."""
USUAL_RATE = 25.0


class Transcoder:
    """Packets of one stream in, packets of H.264 out, one for each picture."""

    def __init__(self, source: "VideoStream", *, paint: Paint | None, quality: int) -> None:
        self._paint = paint
        self._encoder = Encoder(
            width=source.width, height=source.height, rate=float(source.average_rate or USUAL_RATE), quality=quality
        )

    @property
    def template(self) -> "VideoStream":
        """What the packets are of."""
        return self._encoder.template

    def convert(self, arrival: Arrival) -> Iterator[Arrival]:
        """What comes of the next packet; pictures that cannot be decoded are left out."""
        from av.error import InvalidDataError

        packet = arrival.packet
        if packet.pts is None or packet.time_base is None:
            return
        begins_ns = arrival.at_ns - round(packet.pts * packet.time_base * SECOND)
        try:
            frames = packet.decode()
        except InvalidDataError:
            return
        for frame in frames:
            if frame.pts is None or frame.time_base is None:
                continue
            shown_ns = round(frame.pts * frame.time_base * SECOND)
            if self._paint is None:
                made = self._encoder.frame(frame, shown_ns)
            else:
                pixels: Picture = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
                self._paint(pixels)
                made = self._encoder.picture(pixels, shown_ns)
            yield from (Arrival(each, begins_ns + shown_ns) for each in made)
