"""The slots of one capture: which are free, which frame lies in which; a new ring when the picture changes size."""

from collections import deque
from pathlib import Path

import numpy as np

from pipeline.errors import RingError
from pipeline.messages import Slot
from pipeline.rings import RingWriter
from pipeline.stage import Captured, Picture


class SlotPool:
    """Free and lent slots. A ring whose picture size is out of date is closed when its last slot comes back."""

    def __init__(self, directory: Path, *, name: str, slots: int) -> None:
        self._directory = directory
        self._name = name
        self._slots = slots
        self._ring: RingWriter | None = None
        self._free: deque[int] = deque()
        self._lent: dict[int, tuple[RingWriter, int]] = {}

    @property
    def full(self) -> bool:
        """No slot is free (before the first frame there is no ring yet, so it is not)."""
        return self._ring is not None and not self._free

    @property
    def has_ring(self) -> bool:
        """A frame has been placed."""
        return self._ring is not None

    @property
    def lent(self) -> list[int]:
        """Indexes of the frames whose slots are in use."""
        return list(self._lent)

    def canvas(self) -> Picture | None:
        """Where to decode the next frame, marked as being written; None before the first frame or when full."""
        if self._ring is None or not self._free:
            return None
        self._ring.begin(self._free[0])
        return self._ring.canvas(self._free[0])

    def place(self, captured: Captured) -> Slot | None:
        """Put a captured frame into the slot of ``canvas`` (copying it only if it lies elsewhere). None when full.

        Raises ``RingError`` when there is no room for a ring.
        """
        if self._ring is None or not self._fits(self._ring, captured):
            self._start(captured)
        ring = self._ring
        if ring is None or not self._free:
            return None
        number = self._free.popleft()
        ring.begin(number)
        target = ring.canvas(number)
        if not np.shares_memory(captured.pixels, target):
            np.copyto(target, captured.pixels)
        aux = ring.aux(number)
        if aux is not None and captured.aux is not None:
            np.copyto(aux, captured.aux)
        self._lent[captured.frame.index] = (ring, number)
        return ring.commit(number)

    def release(self, index: int) -> None:
        """The frame's slot is free again; unknown frames are ignored."""
        ring, number = self._lent.pop(index, (None, 0))
        if ring is None:
            return
        if ring is self._ring:
            self._free.append(number)
        elif not any(other is ring for other, _ in self._lent.values()):
            ring.close()

    def check(self) -> None:
        """Raises ``RingError`` if somebody removed the ring: readers could not open it any more."""
        if self._ring is not None and not self._ring.path.exists():
            raise RingError(f"{self._ring.path} has been removed from outside; starting again with a new ring")

    def close(self) -> None:
        """Remove all rings."""
        rings = {id(ring): ring for ring, _ in self._lent.values()}
        if self._ring is not None:
            rings[id(self._ring)] = self._ring
        for ring in rings.values():
            ring.close()
        self._ring = None
        self._lent.clear()

    def _fits(self, ring: RingWriter, captured: Captured) -> bool:
        aux = ring.aux(0)
        aux_shape = None if captured.aux is None else captured.aux.shape
        return ring.canvas(0).shape == captured.pixels.shape and (None if aux is None else aux.shape) == aux_shape

    def _start(self, captured: Captured) -> None:
        old = self._ring
        height, width, channels = captured.pixels.shape
        aux_shape = (0, 0) if captured.aux is None else (captured.aux.shape[0], captured.aux.shape[1])
        self._ring = RingWriter.create(
            self._directory,
            name=self._name,
            slots=self._slots,
            shape=(height, width, channels),
            aux_shape=aux_shape,
        )
        self._free = deque(range(self._slots))
        if old is not None and not any(ring is old for ring, _ in self._lent.values()):
            old.close()
