"""All that a tracker remembers of its tracks, as a struct of arrays that can be packed into bytes and back."""

from dataclasses import dataclass, field, fields
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.errors import MessageError
from stages.track import kalman
from stages.track.kalman import Floats

VOTES = 10
"""Sightings whose confidences make the vote."""
HABIT_S = 0.8
"""Time over which the habitual speed is averaged."""
MOST_WEIGHT = 5.0
"""A class that won long ago can be voted out by sightings of this total confidence."""
GUESS, GUESS_GROWTH, GUESS_LIMIT = 0.12, 0.1, 0.8
"""Standard deviation of a lost object's place, heights: at once, more for each second, at most."""
GUESS_UP, GUESS_SIZE = 0.4, 0.1
"""The same upwards as a share of sideways, and for the size."""

_LAYOUT: dict[str, tuple[type, tuple[int, ...]]] = {
    "track_id": (np.int32, ()),
    "state": (np.float64, (5, 4)),
    "born_ns": (np.int64, ()),
    "seen_ns": (np.int64, ()),
    "hits": (np.int32, ()),
    "evidence": (np.float64, ()),
    "confidences": (np.float32, (VOTES,)),
    "class_id": (np.int32, ()),
    "class_weight": (np.float64, ()),
    "last_place": (np.float64, (4,)),
    "habit": (np.float64, (2,)),
}


@dataclass(slots=True)
class Memory:
    """One row for each track (n), in order of birth."""

    track_id: npt.NDArray[np.int32]
    """(n,): from 1, or 0 until confirmed."""
    state: Floats
    """(n, 5, 4): the Kalman filter, predicted to now."""
    born_ns: npt.NDArray[np.int64]
    seen_ns: npt.NDArray[np.int64]
    """(n,): media time of the last sighting, moved along while the picture is static."""
    hits: npt.NDArray[np.int32]
    evidence: Floats
    """(n,): sum of the confidences of all sightings."""
    confidences: npt.NDArray[np.float32]
    """(n, VOTES): of the last sightings, newest first, then NaN."""
    class_id: npt.NDArray[np.int32]
    class_weight: Floats
    last_place: Floats
    """(n, 4): filtered box at the last sighting, centre form."""
    habit: Floats
    """(n, 2): average speed, pixels a second: steadier than the filter's when an object is about to vanish."""
    detection: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """(n,): row of the detection of the last sighting, in its frame. Of that frame only, so ``pack`` leaves it out."""

    @classmethod
    def empty(cls) -> "Memory":
        """No tracks."""
        return cls(**{name: np.zeros((0, *shape), dtype) for name, (dtype, shape) in _LAYOUT.items()})

    def __len__(self) -> int:
        return len(self.track_id)

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """Forget all other tracks."""
        if not rows.all():
            for each in fields(self):
                setattr(self, each.name, getattr(self, each.name)[rows])

    def advance(self, seconds: float) -> None:
        """Let the objects move on."""
        if len(self) and seconds > 0:
            self.state = kalman.predict(self.state, seconds)

    def hold(self, nanoseconds: int) -> None:
        """Let time pass in which nothing moved and nobody grew older."""
        self.born_ns = self.born_ns + nanoseconds
        self.seen_ns = self.seen_ns + nanoseconds

    def unseen_s(self, now_ns: int) -> Floats:
        """Seconds since each track was last seen (n,)."""
        return (now_ns - self.seen_ns).astype(np.float64) * 1e-9

    def expect(self, now_ns: int, lost: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Expected boxes (n, 4), centre form, and their variances.

        A track that is not ``lost`` is where its filter says. A lost one went on at its habitual speed from where it
        was last seen (Cao et al. 2023: trust observations, not the filter's last steps before it vanished).
        """
        place, spread = self.state[:, kalman.PLACE], self.state[:, kalman.VAR_PLACE]
        if lost.any():
            place, spread = place.copy(), spread.copy()
            unseen = self.unseen_s(now_ns)[lost][:, None]
            reach: Floats = kalman.MEMORY_S * (1.0 - np.exp(-unseen / kalman.MEMORY_S))
            height = self.last_place[lost][:, 3:]
            guess = np.minimum(GUESS + GUESS_GROWTH * unseen, GUESS_LIMIT) * height
            place[lost] = self.last_place[lost]
            place[lost, :2] += reach * self.habit[lost]
            spread[lost] = np.concatenate([guess, GUESS_UP * guess, GUESS_SIZE * height, GUESS_SIZE * height], 1) ** 2
        return place, spread

    def see(
        self,
        rows: npt.NDArray[np.intp],
        now_ns: int,
        boxes: Floats,
        error: Floats,
        confidence: npt.NDArray[np.float32],
        class_id: npt.NDArray[np.int32],
        detection: npt.NDArray[np.int32],
    ) -> None:
        """The tracks ``rows`` were seen now, at ``boxes`` (centre form, error variances), with these votes."""
        self.state[rows] = kalman.update(self.state[rows], boxes, error)
        place = self.state[rows, kalman.PLACE]
        passed = (now_ns - self.seen_ns[rows])[:, None] * 1e-9
        moved = place[:, :2] - self.last_place[rows, :2]
        age = (self.seen_ns[rows] - self.born_ns[rows])[:, None] * 1e-9
        known, fade = 1.0 - np.exp(-age / HABIT_S), np.exp(-passed / HABIT_S)
        weight = 1.0 - fade * (1.0 - known)
        self.habit[rows] = (fade * known * self.habit[rows] + (1.0 - fade) * moved / np.maximum(passed, 1e-9)) / weight
        self.last_place[rows] = place
        self.seen_ns[rows] = now_ns
        self.detection[rows] = detection
        self.hits[rows] += 1
        self.evidence[rows] += confidence
        self.confidences[rows, 1:] = self.confidences[rows, :-1]
        self.confidences[rows, 0] = confidence
        self._vote(rows, confidence, class_id)

    def _vote(
        self, rows: npt.NDArray[np.intp], confidence: npt.NDArray[np.float32], class_id: npt.NDArray[np.int32]
    ) -> None:
        """Weighted majority in constant space (Boyer and Moore 1981)."""
        agrees = self.class_id[rows] == class_id
        weight = self.class_weight[rows] + np.where(agrees, confidence, -confidence)
        self.class_id[rows] = np.where(weight < 0, class_id, self.class_id[rows])
        self.class_weight[rows] = np.minimum(np.abs(weight), MOST_WEIGHT)

    def begin(
        self,
        now_ns: int,
        boxes: Floats,
        error: Floats,
        confidence: npt.NDArray[np.float32],
        class_id: npt.NDArray[np.int32],
        detection: npt.NDArray[np.int32],
    ) -> None:
        """New tracks, unconfirmed, seen once: now, at ``boxes`` (centre form)."""
        n = len(boxes)
        votes = np.full((n, VOTES), np.nan, np.float32)
        votes[:, 0] = confidence
        born: dict[str, npt.NDArray[Any]] = {
            "track_id": np.zeros(n, np.int32),
            "state": kalman.begin(boxes, error),
            "born_ns": np.full(n, now_ns, np.int64),
            "seen_ns": np.full(n, now_ns, np.int64),
            "hits": np.ones(n, np.int32),
            "evidence": confidence.astype(np.float64),
            "confidences": votes,
            "class_id": class_id,
            "class_weight": confidence.astype(np.float64),
            "last_place": boxes,
            "habit": np.zeros((n, 2)),
            "detection": detection,
        }
        for name, rows in born.items():
            setattr(self, name, np.concatenate([getattr(self, name), rows]))

    def votes(self) -> npt.NDArray[np.float32]:
        """Median confidence of each track's last sightings (n,)."""
        ordered = np.sort(self.confidences, axis=1)
        known = np.minimum(self.hits, VOTES)
        rows = np.arange(len(self))
        middle: npt.NDArray[np.float32] = (ordered[rows, (known - 1) // 2] + ordered[rows, known // 2]) / np.float32(2)
        return middle

    def pack(self) -> tuple[int, list[bytes]]:
        """Number of tracks and the bytes of each array, in the order of the fields."""
        return len(self), [np.ascontiguousarray(getattr(self, name)).tobytes() for name in _LAYOUT]

    @classmethod
    def unpack(cls, n: int, packed: list[bytes]) -> "Memory":
        """The inverse of ``pack``. Raises ``MessageError`` when the bytes do not fit."""
        try:
            arrays: dict[str, npt.NDArray[Any]] = {
                name: np.frombuffer(data, dtype).reshape(n, *shape).copy()
                for (name, (dtype, shape)), data in zip(_LAYOUT.items(), packed, strict=True)
            }
        except ValueError as error:
            raise MessageError(f"tracker state does not fit: {error}") from error
        return cls(**arrays, detection=np.full(n, -1, np.int32))


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A tracker's state on its way into bytes."""

    version: int
    started: bool
    now_ns: int
    looked_ns: int
    next_id: int
    tracks: int
    arrays: list[bytes]
