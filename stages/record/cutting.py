"""A clip out of a recording, without decoding it."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import SECOND
from pipeline.errors import SourceError
from stages.record.muxing import MP4_CODECS, WHOLE, Muxer
from stages.record.parts import Recorded, beside

if TYPE_CHECKING:
    from av.container import InputContainer

REORDERED = 32
"""Packets among which that of the first picture is: H.264 and H.265 hand over 16 pictures early at most."""


def cut(source: Path, path: Path, *, from_ns: int, to_ns: int) -> Recorded:
    """Write the part of ``source`` between two media times as ``path``, from the key frame before it on.

    Times count from the first picture of the source. ``Recorded`` says what the file really holds: it begins up to one
    group of pictures earlier. Raises ``SourceError`` for a source without video in that time, of a kind that an MP4
    file cannot hold, or one that cannot be read; ``OSError`` if ``path`` cannot be written.
    """
    import av
    from av.error import FFmpegError

    try:
        container = av.open(str(source))
    except FFmpegError as error:
        raise SourceError(f"{source}: cannot be read: {error.strerror}") from error
    new = beside(path)
    with container:
        if not container.streams.video:
            raise SourceError(f"{source}: has no video")
        stream = container.streams.video[0]
        codec = stream.codec_context.name
        if codec not in MP4_CODECS:
            raise SourceError(f"{source}: is {codec}, which an MP4 file cannot hold; its clips must be encoded")
        base, origin = stream.time_base, _first(container)
        if base is None or origin is None:
            raise SourceError(f"{source}: its pictures have no times; its clips must be encoded")
        container.seek(origin + int(max(from_ns, 0) / SECOND / base), stream=stream)
        path.parent.mkdir(parents=True, exist_ok=True)
        started_ns = ended_ns = -1
        with Muxer(new, stream, options=WHOLE) as muxer:
            for packet in container.demux(stream):
                if packet.pts is None:
                    continue
                if packet.dts is not None and (packet.dts - origin) * base * SECOND > to_ns:
                    break  # what is shown earlier has been decoded
                at_ns = round((packet.pts - origin) * base * SECOND)
                if muxer.add(packet):
                    started_ns = at_ns if started_ns < 0 else started_ns
                    ended_ns = max(ended_ns, at_ns)
    if not muxer.frames:
        new.unlink(missing_ok=True)
        raise SourceError(f"{source}: has no pictures between {from_ns / SECOND:.3f} and {to_ns / SECOND:.3f} s")
    new.replace(path)
    return Recorded(path, codec, started_ns, ended_ns, muxer.frames, path.stat().st_size)


def _first(container: "InputContainer") -> int | None:
    """When the first picture is shown, in ticks of the stream."""
    early = islice((packet.pts for packet in container.demux(container.streams.video[0])), REORDERED)
    return min((pts for pts in early if pts is not None), default=None)
