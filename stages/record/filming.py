"""A clip of pictures that were decoded already: folders of pictures, masked recordings, codecs that no MP4 holds."""

from pathlib import Path

from pipeline.clock import SECOND
from pipeline.stage import Picture
from stages.record.encoding import Encoder
from stages.record.gops import Arrival
from stages.record.options import RecordOptions
from stages.record.parts import Recorded, drop_parts
from stages.record.take import Take

USUAL_RATE = 10.0


class Film:
    """Encodes pictures as they are handed in. Raises ``OSError`` if the file cannot be written."""

    def __init__(self, path: Path, options: RecordOptions) -> None:
        self._path = path
        self._options = options
        self._encoder: Encoder | None = None
        self._take: Take | None = None

    def add(self, pixels: Picture, media_ns: int) -> None:
        """The next picture, uint8 (height, width, 3) BGR; all of one size."""
        if self._encoder is None or self._take is None:
            height, width = pixels.shape[:2]
            self._encoder = Encoder(width=width, height=height, rate=USUAL_RATE, quality=self._options.quality)
            drop_parts(self._path)  # of a process that was killed: all is encoded again
            self._take = Take(self._path, self._encoder.template)
        for packet in self._encoder.picture(pixels, media_ns):
            self._take.add(Arrival(packet, media_ns))

    def close(self) -> Recorded | None:
        """Finish the file; None, and no file, if there was no picture."""
        if self._encoder is None or self._take is None:
            return None
        for packet in self._encoder.finish():
            if packet.pts is not None and packet.time_base is not None:
                self._take.add(Arrival(packet, round(packet.pts * packet.time_base * SECOND)))
        return self._take.close()
