"""Recording in tests: streams of numbered pictures as packets, and the numbers that a file shows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.capture.pattern import read_barcode
from stages.record.gops import Arrival
from tests.servers.clips import write_clip

Stream = tuple[av.VideoStream, list[Arrival]]
MakeStream = Callable[..., Stream]


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[MakeStream]:
    """Make a stream of ``frames`` numbered pictures, 10 a second, a key frame every 10; what arrives, from time 0."""
    opened = []

    def make(*, frames: int = 100, codec: str = "libx264", begins_ns: int = 0, **options: str) -> Stream:
        container = av.open(str(write_clip(tmp_path / "source.mp4", frames=frames, codec=codec, options=options)))
        opened.append(container)
        video = container.streams.video[0]
        packets = [packet for packet in container.demux(video) if packet.pts is not None]
        origin = min(packet.pts for packet in packets if packet.pts is not None)
        base = video.time_base
        assert base is not None
        return video, [
            Arrival(packet, begins_ns + round(((packet.pts or 0) - origin) * base * SECOND)) for packet in packets
        ]

    yield make
    for container in opened:
        container.close()


def numbers(path: Path) -> list[int | None]:
    """The numbers of the pictures that a file shows, in order."""
    with av.open(str(path)) as container:
        return [read_barcode(frame.to_ndarray(format="bgr24").astype(np.uint8)) for frame in container.decode(video=0)]


def times(path: Path) -> list[float]:
    """When a file shows its pictures, in seconds."""
    with av.open(str(path)) as container:
        return [round(frame.time or 0.0, 3) for frame in container.decode(video=0)]
