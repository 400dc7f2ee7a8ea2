"""Reading a source in tests: what came, and what ended it."""

from dataclasses import dataclass, field

from pipeline.clock import SystemClock
from pipeline.errors import SourceError
from pipeline.stage import Grab, Picture, Source
from stages.capture.options import CameraOptions
from stages.capture.pattern import read_barcode
from stages.capture.sources import open_source


@dataclass
class Reading:
    """Some pictures of a source."""

    barcodes: list[int | None] = field(default_factory=list)
    pts_ns: list[int | None] = field(default_factory=list)
    grabs: list[Grab] = field(default_factory=list)
    error: SourceError | None = None
    """What ended it, if it ended by itself."""


def source_of(source: str, **options: object) -> Source:
    """The source of these camera options, with timeouts fit for loopback."""
    values = {"open_timeout_s": 8.0, "read_timeout_s": 5.0, **options, "source": source}
    return open_source(CameraOptions.model_validate(values), SystemClock())


def read_some(source: Source, count: int, canvas: Picture | None = None) -> Reading:
    """Up to ``count`` pictures; stops at the first error. Pixels in ``canvas`` are overwritten by the next."""
    reading = Reading()
    for _ in range(count):
        try:
            grab = source.read(canvas)
        except SourceError as error:
            reading.error = error
            break
        reading.barcodes.append(read_barcode(grab.pixels))
        reading.pts_ns.append(grab.pts_ns)
        reading.grabs.append(grab)
    return reading
