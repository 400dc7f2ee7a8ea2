"""Pixels between processes of one machine: a ring of slots in a memory-mapped file.

One writer makes one file for its lifetime; a successor makes another, so a reference can never name pixels of
somebody else's. Only references (``Slot``) travel. Each slot has a generation, odd while it is written: the reader
compares it before and after use (a sequence lock). That is the second line of defence and needs ordered stores
(x86) to be exact; the first is that the writer reuses a slot only after it was released.

Space is reserved with ``posix_fallocate``: a full /dev/shm is an error at the start, and not a SIGBUS later.
``multiprocessing.shared_memory`` is not used: up to 3.12 a reader's exit unlinks the writer's segment.

File layout, little endian: one page with the header, one u64 generation for each slot in whole pages, then the
slots, each page aligned: pixels uint8 (h, w, 3), then the auxiliary plane uint8 (h, w) at a multiple of 64.
"""

import contextlib
import mmap
import os
import secrets
import stat
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from pipeline.errors import RingError, StaleSlot
from pipeline.messages import Slot
from pipeline.run_directory import claim, sweep
from pipeline.spare_room import FULL_DISK

__all__ = ["RingReader", "RingWriter", "SlotView", "claim", "sweep"]

Bytes = npt.NDArray[np.uint8]

_MAGIC = b"BZRING\x00\x01"
_HEADER = struct.Struct("<8s6I")
_PAGE = 4096
_MAX_BYTES = 1 << 40


def _pages(size: int) -> int:
    return -(-size // _PAGE) * _PAGE


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where everything lies in the file."""

    slots: int
    shape: tuple[int, int, int]
    aux_shape: tuple[int, int]

    def __post_init__(self) -> None:
        h, w, channels = self.shape
        fits = self.slots > 0 and h > 0 and w > 0 and channels == 3 and min(self.aux_shape) >= 0
        if not fits or self.size > _MAX_BYTES:
            raise RingError(f"no ring of {self.slots} slots of {self.shape} with aux {self.aux_shape} can be made")

    @property
    def aux_offset(self) -> int:
        h, w, channels = self.shape
        return -(-h * w * channels // 64) * 64

    @property
    def stride(self) -> int:
        return _pages(self.aux_offset + self.aux_shape[0] * self.aux_shape[1])

    @property
    def first(self) -> int:
        return _PAGE + _pages(8 * self.slots)

    @property
    def size(self) -> int:
        return self.first + self.slots * self.stride

    def pack(self) -> bytes:
        return _HEADER.pack(_MAGIC, self.slots, *self.shape, *self.aux_shape)

    @classmethod
    def unpack(cls, header: bytes, path: str) -> Self:
        if len(header) < _HEADER.size or not header.startswith(_MAGIC):
            raise RingError(f"{path} is not a ring of this version")
        _, slots, h, w, channels, aux_h, aux_w = _HEADER.unpack_from(header)
        return cls(slots, (h, w, channels), (aux_h, aux_w))


class _Map:
    """A mapped ring file, its generations and its slots as arrays; read only or writable."""

    def __init__(self, descriptor: int, layout: _Layout, *, access: int) -> None:
        self.layout = layout
        self._map = mmap.mmap(descriptor, layout.size, access=access)
        view = memoryview(self._map)
        self.generations = view[_PAGE : _PAGE + 8 * layout.slots].cast("Q")
        whole = np.frombuffer(view, np.uint8)
        self.pixels = [self._plane(whole, n, 0, layout.shape) for n in range(layout.slots)]
        has_aux = layout.aux_shape[0] * layout.aux_shape[1] > 0
        aux = layout.aux_offset
        self.aux = [self._plane(whole, n, aux, layout.aux_shape) if has_aux else None for n in range(layout.slots)]

    def _plane(self, whole: Bytes, number: int, offset: int, shape: tuple[int, ...]) -> Bytes:
        start = self.layout.first + number * self.layout.stride + offset
        return whole[start : start + int(np.prod(shape))].reshape(shape)

    def is_whole(self) -> bool:
        """Whether the file still has its length: touching pages beyond its end would be a SIGBUS."""
        return self._map.size() >= self.layout.size

    def close(self) -> None:
        """Let go. Memory is unmapped when the last array that somebody still holds is gone."""
        self.pixels, self.aux = [], []
        self.generations.release()
        with contextlib.suppress(BufferError):
            self._map.close()


class RingWriter:
    """The one writer of a ring. Slots are free for writing when their user says so: see ``begin``."""

    def __init__(self, path: Path, mapped: _Map) -> None:
        self._path = path
        self._mapped = mapped

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        name: str,
        slots: int,
        shape: tuple[int, int, int],
        aux_shape: tuple[int, int] = (0, 0),
    ) -> Self:
        """A new ring file in ``directory``, its name made unique, all its space reserved.

        ``shape`` is (height, width, 3), ``aux_shape`` (height, width). Raises ``RingError`` when there is no room.
        """
        layout = _Layout(slots, shape, aux_shape)
        path = directory / f"{name}-{secrets.token_hex(4)}.ring"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RingError(f"ring {path} cannot be created: {error.strerror}") from error
        try:
            os.posix_fallocate(descriptor, 0, layout.size)
            os.pwrite(descriptor, layout.pack(), 0)
            return cls(path, _Map(descriptor, layout, access=mmap.ACCESS_WRITE))
        except OSError as error:
            path.unlink(missing_ok=True)
            raise RingError(_no_room(directory, layout, error)) from error
        finally:
            os.close(descriptor)

    @property
    def path(self) -> Path:
        """The ring's file."""
        return self._path

    @property
    def slots(self) -> int:
        """How many slots there are."""
        return self._mapped.layout.slots

    def canvas(self, number: int) -> Bytes:
        """The pixels of a slot, uint8 (h, w, 3), to be written between ``begin`` and ``commit``."""
        return self._mapped.pixels[number]

    def aux(self, number: int) -> Bytes | None:
        """The auxiliary plane of a slot, uint8 (h, w), or None in a ring without."""
        return self._mapped.aux[number]

    def begin(self, number: int) -> None:
        """Mark a slot as being written: from now on every older reference to it is stale. May be repeated."""
        self._mapped.generations[number] |= 1

    def commit(self, number: int) -> Slot:
        """Mark a slot as written and give the reference to it. Raises ``RingError`` without a ``begin``."""
        generation = self._mapped.generations[number]
        if not generation & 1:
            raise RingError(f"slot {number} of {self._path} was committed without being begun")
        self._mapped.generations[number] = generation + 1
        layout = self._mapped.layout
        return Slot(str(self._path), number, generation + 1, layout.shape, layout.aux_shape)

    def close(self, *, unlink: bool = True) -> None:
        """Unmap, and remove the file unless told otherwise. Readers that have it mapped keep their pixels."""
        self._mapped.close()
        if unlink:
            self._path.unlink(missing_ok=True)


def _no_room(directory: Path, layout: _Layout, error: OSError) -> str:
    if error.errno not in FULL_DISK:
        return f"ring in {directory} cannot be created: {error.strerror}"
    space = os.statvfs(directory)
    free = space.f_bavail * space.f_frsize
    return (
        f"{directory} is full: a ring of {layout.slots} slots of {layout.shape} needs {layout.size / 2**20:.1f} MiB, "
        f"{free / 2**20:.1f} MiB are free; enlarge it (docker: --shm-size), use fewer slots or a smaller picture"
    )


class SlotView(NamedTuple):
    """What lies in a slot, read only: pixels uint8 (h, w, 3) and the auxiliary plane uint8 (h, w), if any."""

    pixels: Bytes
    aux: Bytes | None


class RingReader:
    """Reads slots of any number of rings; keeps the files used last mapped, at most ``max_maps`` of them."""

    def __init__(self, *, max_maps: int = 64) -> None:
        self._max_maps = max_maps
        self._maps: OrderedDict[str, _Map] = OrderedDict()

    def view(self, slot: Slot) -> SlotView:
        """What the slot holds, without copying. Call ``check`` when done with it.

        Raises ``StaleSlot`` if it holds another frame or is being written, ``RingError`` if the ring is gone,
        damaged or another one than the reference says.
        """
        mapped = self._mapped(slot)
        if mapped.generations[slot.number] != slot.generation:
            raise StaleSlot(f"slot {slot.number} of {slot.ring} no longer holds generation {slot.generation}")
        return SlotView(mapped.pixels[slot.number], mapped.aux[slot.number])

    def check(self, slot: Slot) -> None:
        """Raises ``StaleSlot`` if what ``view`` gave has been overwritten meanwhile, as ``view`` otherwise."""
        self.view(slot)

    def forget(self, path: str) -> None:
        """Unmap a ring; unknown ones are ignored."""
        if mapped := self._maps.pop(path, None):
            mapped.close()

    def close(self) -> None:
        """Unmap all rings."""
        while self._maps:
            self.forget(next(iter(self._maps)))

    def _mapped(self, slot: Slot) -> _Map:
        mapped = self._maps.get(slot.ring)
        if mapped is None:
            for path in [path for path in self._maps if not os.path.exists(path)]:
                self.forget(path)  # its writer is dead: the memory would stay in use
            mapped = self._maps[slot.ring] = _open(slot.ring)
            if len(self._maps) > self._max_maps:
                self.forget(next(iter(self._maps)))
        self._maps.move_to_end(slot.ring)
        if not mapped.is_whole():
            self.forget(slot.ring)
            raise RingError(f"ring {slot.ring} has been truncated")
        layout = mapped.layout
        fits = slot.shape == layout.shape and slot.aux_shape == layout.aux_shape
        if not fits or not 0 <= slot.number < layout.slots:
            raise RingError(f"ring {slot.ring} has {layout.slots} slots of {layout.shape}: {slot} is not one of them")
        return mapped


def _open(path: str) -> _Map:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise RingError(f"ring {path!r} cannot be opened: {error}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise RingError(f"{path} is not a ring: not a regular file")
        layout = _Layout.unpack(os.pread(descriptor, _HEADER.size, 0), path)
        if found.st_size < layout.size:
            raise RingError(f"ring {path} is truncated: {found.st_size} of {layout.size} bytes")
        return _Map(descriptor, layout, access=mmap.ACCESS_READ)
    except OSError as error:
        raise RingError(f"ring {path} cannot be mapped: {error}") from error
    finally:
        os.close(descriptor)
