"""Tracks of one camera as they come: an append-only file that can be cut back to what was committed.

The alert process writes a frame's tracks here before it commits its position, and the position names the length of
this file. After a crash the file is cut to that length, so no row is lost or doubled.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from pipeline.detections import Tracks
from pipeline.errors import CannotStart
from pipeline.stage import TrackedFrame

_PIECE = 1 << 18
VOID_BYTES = 1 + 9 + 9 + 1 + 6 * 2
"""A packed frame has tracks if it takes more: here are the array's head, two numbers, no count, six empty strings; one
track adds its 33 bytes."""


class _Row(msgspec.Struct, array_like=True):
    index: int
    media_ns: int
    tracks: int
    xyxy: bytes
    confidence: bytes
    class_id: bytes
    track_id: bytes
    observed: bytes
    vote: bytes
    detection: bytes | None = None
    """Left out where there is none, and where there are no tracks."""


class Spool:
    """Writer of one camera's tracks; ``length`` is where the next frame goes."""

    def __init__(self, path: Path, length: int) -> None:
        """Raises ``CannotStart`` when the file is shorter than ``length``: what was committed is gone."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        size = os.fstat(self._descriptor).st_size
        if size < length:
            os.close(self._descriptor)
            raise CannotStart(
                f"{path} has {size} bytes, {length} were committed: it was cut or removed; start anew with --overwrite"
            )
        os.ftruncate(self._descriptor, length)
        os.lseek(self._descriptor, length, os.SEEK_SET)
        self.length = length

    def append(self, frames: list[TrackedFrame]) -> None:
        """Write the frames, those without tracks too: they say when nothing was there."""
        data = b"".join(_pack(frame) for frame in frames)
        while data:
            written = os.write(self._descriptor, data)
            self.length += written
            data = data[written:]

    def sync(self) -> None:
        """Wait until everything lies on the disk."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read(path: Path) -> Iterator[TrackedFrame]:
    """All whole frames of a spool, in order; a torn end is left out."""
    return map(unpack, packed_frames(path))


def packed_frames(path: Path) -> Iterator[bytes]:
    """The frames of a spool as they lie there, for ``unpack``."""
    return (packed for _, packed in placed_frames(path))


def placed_frames(path: Path, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The frames of a spool from an offset on that this gave, or from its beginning: where each lies, and itself."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        data = b""
        while piece := file.read(_PIECE):
            data += piece
            position, end = 0, len(data)
            while (start := position + 4) <= end:
                stop = start + int.from_bytes(data[position:start], "little")
                if stop > end:
                    break
                yield offset + position, data[start:stop]
                position = stop
            data = data[position:]
            offset += position


def _pack(frame: TrackedFrame) -> bytes:
    t = frame.tracks
    looked_up = () if t.detection is None or not len(t) else (t.detection,)
    arrays = (t.xyxy, t.confidence, t.class_id, t.track_id, t.observed, t.vote, *looked_up)
    body = msgspec.msgpack.encode((frame.index, frame.media_ns, len(t), *(a.tobytes() for a in arrays)))
    return len(body).to_bytes(4, "little") + body


def unpack(data: bytes) -> TrackedFrame:
    """A frame of ``packed_frames``."""
    row = _decode(data)
    tracks = Tracks(
        np.frombuffer(row.xyxy, np.float32).reshape(row.tracks, 4),
        np.frombuffer(row.confidence, np.float32),
        np.frombuffer(row.class_id, np.int32),
        np.frombuffer(row.track_id, np.int32),
        np.frombuffer(row.observed, np.bool_),
        np.frombuffer(row.vote, np.float32),
        None if row.detection is None else np.frombuffer(row.detection, np.int32),
    )
    return TrackedFrame(row.index, row.media_ns, tracks)


_decode = msgspec.msgpack.Decoder(_Row).decode
