"""A stretch: about a minute of a camera as the model of normal sees it, small enough to be kept.

Packed, a frame of ``vtest.avi`` with eight objects takes about 0.7 kB: boxes in 1/65535 of the picture, speeds in
steps of a twentieth. It holds no picture, nothing is executed when it is read, and equal stretches give equal bytes.
"""

import lzma
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.clock import SECOND
from stages.alert.normal.flow_field import FlowField, PackedFlow
from stages.alert.normal.looks import Looks
from stages.alert.normal.observed import Observed
from stages.capture.flow import LOW

LASTS_NS = 60 * SECOND
"""Stretches begin at whole multiples of this in media time, and where the stream broke off."""
STEPS = 20.0
"""Speeds are told in half of the steps in which capture tells them."""
_BOX = 65535
_SURE = 255
MOST_BYTES = 64 << 20
"""A stretch that unpacks to more is none."""


class Header(msgspec.Struct, frozen=True):
    """What a stretch is of. Together with its frames it is all that is known of it."""

    origin: str
    """Names the recording or the live run, see ``stages.alert.identity.origin``."""
    number: int
    """Which multiple of ``LASTS_NS``."""
    detector: str
    """sha256 of the detector's weights."""
    names: tuple[str, ...]
    """Of its classes."""
    start_ns: int
    """Media time of the first frame ..."""
    end_ns: int
    """... and of the last."""
    wall_ns: int | None
    """UTC of the first, where known."""

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return (self.end_ns - self.start_ns) / SECOND


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of one camera without a break; of one detector."""

    header: Header
    frames: Sequence[Observed]


class _Packed(msgspec.Struct):
    header: Header
    index: list[int]
    media_ns: list[int]
    counts: list[int]
    """Objects of each frame; the arrays below have all of them in order."""
    arrays: dict[str, bytes]
    motion: list[int]
    """For each frame which field, from 0; -1: none."""
    cells: tuple[int, int]
    span: tuple[float, float]
    looks: list[tuple[int, bytes, bytes]]
    """Of some frames: which, rows, and vectors."""
    wide: int = 0
    """Numbers of a vector."""
    behaviour: list[tuple[int, str, bytes]] = []
    """Of some frames: which, what it is called, and a score for each object."""
    first_ns: list[tuple[int, int]] = []
    """When each subject was first seen, where that is known."""


def pack(stretch: Stretch) -> bytes:
    """As bytes."""
    frames = stretch.frames
    fields, motion = _fields(frames)
    cells = fields[0].speed.shape if fields else (0, 0)
    arrays = {
        "subject": _joined([each.subject for each in frames]).astype("<i4").tobytes(),
        "class_id": _joined([each.class_id for each in frames]).astype("<i4").tobytes(),
        "confidence": np.rint(_joined([each.confidence for each in frames]) * _SURE).astype(np.uint8).tobytes(),
        "box": np.rint(np.concatenate([np.zeros((0, 4)), *(each.box for each in frames)]) * _BOX)
        .astype("<u2")
        .tobytes(),
        "speed": b"".join(_steps(each.speed).tobytes() for each in fields),
    }
    seen = [(number, looks) for number, each in enumerate(frames) if (looks := each.looks) is not None]
    packed = _Packed(
        stretch.header,
        [each.index for each in frames],
        [each.media_ns for each in frames],
        [len(each) for each in frames],
        arrays,
        motion,
        (int(cells[0]), int(cells[1])),
        fields[0].span if fields else (0.0, 0.0),
        [(number, one.row.astype("<i4").tobytes(), one.vector.astype("<f2").tobytes()) for number, one in seen],
        seen[0][1].vector.shape[1] if seen else 0,
        [
            (number, name, scores.astype("<f4").tobytes())
            for number, each in enumerate(frames)
            for name, scores in sorted(each.behaviour.items())
        ],
        sorted({pair for each in frames if each.first_ns is not None for pair in _first(each, each.first_ns)}),
    )
    return lzma.compress(msgspec.msgpack.encode(packed), format=lzma.FORMAT_XZ, preset=3)


def unpack(content: bytes) -> Stretch:
    """The stretch again. Raises ``ValueError`` for bytes that are none."""
    try:
        opened = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MOST_BYTES)
        packed = msgspec.msgpack.decode(opened.decompress(content, MOST_BYTES), type=_Packed)
        if not opened.eof:
            raise ValueError("too long, or cut short")
        return Stretch(packed.header, _frames(packed))
    except (lzma.LZMAError, EOFError, msgspec.MsgspecError, LookupError, TypeError) as error:
        raise ValueError(str(error)) from error


def _fields(frames: Sequence[Observed]) -> tuple[list[FlowField], list[int]]:
    """The fields, each once, and which of them each frame has; those of another shape than the first are left out."""
    fields: list[FlowField] = []
    numbers: list[int] = []
    before: Any = None
    for each in frames:
        flow = None if each.motion is None or each.motion is before else each.flow
        if flow is not None and (not fields or flow.speed.shape == fields[0].speed.shape):
            fields.append(flow)
            before = each.motion
        numbers.append(len(fields) - 1 if each.motion is not None and each.motion is before else -1)
    return fields, numbers


def _steps(speed: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    steps = np.clip(np.rint(np.log1p(speed / LOW) * STEPS), 0, 255)
    return np.asarray(steps, np.uint8)


def _frames(packed: _Packed) -> list[Observed]:
    total, frames = sum(packed.counts), len(packed.index)
    box = np.frombuffer(packed.arrays["box"], "<u2").reshape(total, 4) / _BOX
    ids = {name: _exactly(packed.arrays[name], "<i4", total).astype(np.int32) for name in ("subject", "class_id")}
    sure = _exactly(packed.arrays["confidence"], "u1", total).astype(np.float32) / np.float32(_SURE)
    motion = _motion(packed)
    if not frames == len(packed.media_ns) == len(packed.counts) == len(packed.motion) or min(packed.counts) < 0:
        raise ValueError("its lists have other lengths")
    looks = {number: _looks(row, vector, packed.wide) for number, row, vector in packed.looks}
    behaviour: dict[int, dict[str, npt.NDArray[np.float64]]] = {}
    for number, name, scores in packed.behaviour:
        told = _exactly(scores, "<f4", packed.counts[number]).astype(np.float64)
        behaviour.setdefault(number, {})[name] = told
    since = dict(packed.first_ns)
    found, first = [], 0
    for number, count in enumerate(packed.counts):
        rows = slice(first, first + count)
        first += count
        found.append(
            Observed(
                packed.index[number],
                packed.media_ns[number],
                ids["subject"][rows],
                ids["class_id"][rows],
                sure[rows],
                box[rows],
                None if packed.motion[number] < 0 else motion[packed.motion[number]],
                looks.get(number),
                behaviour.get(number, {}),
                np.array([since[each] for each in ids["subject"][rows].tolist()], np.int64) if since else None,
            )
        )
    return found


def _first(frame: Observed, first_ns: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    return zip(frame.subject.tolist(), first_ns.tolist(), strict=True)


def _motion(packed: _Packed) -> list[PackedFlow]:
    rows, columns = packed.cells
    number = max(packed.motion, default=-1) + 1
    speed = _exactly(packed.arrays["speed"], "u1", number * rows * columns).reshape(number, rows * columns)
    told = {"cells": [rows, columns], "span": list(packed.span), "low": LOW, "steps": STEPS}
    return [PackedFlow.of({**told, "speed": zlib.compress(each.tobytes(), 1)}) for each in speed]


def _looks(row: bytes, vector: bytes, wide: int) -> Looks:
    rows = np.frombuffer(row, "<i4").astype(np.int32)
    return Looks(rows, np.frombuffer(vector, "<f2").reshape(len(rows), wide).astype(np.float16))


def _exactly(content: bytes, kind: str, length: int) -> npt.NDArray[Any]:
    found = np.frombuffer(content, kind)
    if len(found) != length:
        raise ValueError(f"an array has {len(found)} numbers, not {length}")
    return found


def _joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0)
