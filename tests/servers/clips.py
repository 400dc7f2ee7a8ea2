"""Small video files of the test pattern, made with real encoders at test time."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av

from pipeline.stage import Picture
from stages.capture.pattern import Pattern

PATTERN = "synthetic:320x240@10"
"""Source of the usual clip, without its length."""
_OPTIONS = {
    # several slices a picture would reach a receiver as several packets with one time
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "crf": "18", "x264-params": "sliced-threads=0"},
    "libx265": {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none"},
}
_PIXELS = {"mjpeg": "yuvj420p", "rawvideo": "bgr24"}


def pattern_pictures(source: str, count: int) -> Iterable[Picture]:
    """The first ``count`` pictures of a synthetic source."""
    pattern = Pattern.parse(source)
    return (pattern.draw(number) for number in range(count))


def copy_beginning(source: Path, target: Path, *, seconds: float) -> Path:
    """The packets of the first seconds of a recording, in a file of their own; whole groups of pictures."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        (stream,) = given.streams.video
        copy, tick = made.add_stream_from_template(stream), stream.time_base
        assert tick is not None  # every file says it
        for packet in given.demux(stream):
            if packet.pts is not None and packet.pts * tick < seconds:
                packet.stream = copy
                made.mux(packet)
    return target


def write_clip(
    path: Path,
    *,
    frames: int = 30,
    source: str = PATTERN,
    codec: str = "libx264",
    at: Sequence[int] | None = None,
    container: str | None = None,
    options: Mapping[str, str] | None = None,
) -> Path:
    """Encode the first ``frames`` pictures of ``source``. ``at`` gives each one's time in ticks of 1/1000 s,
    ``options`` those of the encoder that are not as usual."""
    pattern = Pattern.parse(source)
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=Fraction(pattern.rate).limit_denominator(1000))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = pattern.width, pattern.height
        stream.pix_fmt = _PIXELS.get(codec, "yuv420p")
        stream.options = {**_OPTIONS.get(codec, {}), **(options or {})}
        stream.gop_size = 10
        if codec == "mjpeg":
            stream.options = {"huffman": "default"}
        if at is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(pattern.draw(number), format="bgr24")
            if at is not None:
                frame.pts, frame.time_base = at[number], Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
