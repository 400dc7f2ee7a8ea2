"""What was seen in one frame, as structs of arrays: detections, and detections with identities (tracks)."""

from dataclasses import dataclass, field
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.errors import MessageError

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
VectorArray = npt.NDArray[np.floating[Any]]
"""float16 or float32."""


def _checked(name: str, array: npt.NDArray[Any], dtype: type, shape: tuple[int | None, ...]) -> None:
    free = 1 if shape[0] is None else 0
    if array.ndim == len(shape) and array.shape[free:] == shape[free:] and array.dtype == dtype:
        return
    fits = len(array.shape) == len(shape) and all(w is None or g == w for g, w in zip(array.shape, shape, strict=True))
    if array.dtype != dtype or not fits:
        wanted = ", ".join("n" if side is None else str(side) for side in shape)
        raise ValueError(f"{name} must be {np.dtype(dtype)} ({wanted}), got {array.dtype} {array.shape}")


def _number(size: int, numbers: int) -> type[np.floating[Any]]:
    """What so many numbers in so many bytes are."""
    return np.float16 if size == 2 * numbers else np.float32


@dataclass(frozen=True, slots=True)
class Detections:
    """The boxes that one frame yielded.

    ``xyxy``: float32 (n, 4), pixels of the source frame, left top right bottom.
    ``confidence``: float32 (n,), 0 to 1. ``class_id``: int32 (n,).
    ``embedding``: float16 or float32 (n, d), one pooled feature vector for each box, or None. Detectors give halves:
    the vectors are most of a log.

    Raises ``ValueError`` when an array has another dtype or shape.
    """

    xyxy: FloatArray
    confidence: FloatArray
    class_id: IntArray
    embedding: VectorArray | None = None

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        _checked("xyxy", self.xyxy, np.float32, (None, 4))
        _checked("confidence", self.confidence, np.float32, (n,))
        _checked("class_id", self.class_id, np.int32, (n,))
        if self.embedding is not None:
            halves = self.embedding.dtype == np.float16
            _checked("embedding", self.embedding, np.float16 if halves else np.float32, (n, None))

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def empty(cls) -> Self:
        """No boxes at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))

    def select(self, keep: npt.NDArray[Any]) -> "Detections":
        """The boxes that a boolean mask or an index array picks, in its order."""
        embedding = None if self.embedding is None else self.embedding[keep]
        return Detections(self.xyxy[keep], self.confidence[keep], self.class_id[keep], embedding)

    def pack(self) -> bytes:
        """Bytes for a message or a log record; the same boxes always give the same bytes."""
        wide = 0 if self.embedding is None else self.embedding.shape[1]
        parts = [self.xyxy.tobytes(), self.confidence.tobytes(), self.class_id.tobytes()]
        parts.append(b"" if self.embedding is None else self.embedding.tobytes())
        return msgspec.msgpack.encode((len(self), wide, *parts))

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """The inverse of ``pack``; empty bytes mean no boxes. Raises ``MessageError`` on anything else."""
        if not packed:
            return cls.empty()
        try:
            n, wide, xyxy, confidence, class_id, embedding = msgspec.msgpack.decode(
                packed, type=tuple[int, int, bytes, bytes, bytes, bytes]
            )
            return cls(
                np.frombuffer(xyxy, np.float32).reshape(n, 4),
                np.frombuffer(confidence, np.float32).reshape(n),
                np.frombuffer(class_id, np.int32).reshape(n),
                np.frombuffer(embedding, _number(len(embedding), n * wide)).reshape(n, wide) if wide else None,
            )
        except (msgspec.MsgspecError, ValueError) as error:
            raise MessageError(f"detections cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Tracks:
    """The objects known at one moment on one camera; identities are unique within the camera, counting from 1.

    ``xyxy``: float32 (n, 4), pixels. ``confidence``: float32 (n,), the latest detection's.
    ``class_id``: int32 (n,), by vote over the track. ``track_id``: int32 (n,).
    ``observed``: bool (n,), False where the box is held or predicted because no detection supports it now.
    ``vote``: float32 (n,), median confidence of the track's last detections.
    ``detection``: int32 (n,), the row of this frame's ``Detections`` that supports the track, -1 where none does. None
    where the detections have no ``embedding``, the only thing that is looked up in them, or the tracker does not say.
    """

    xyxy: FloatArray
    confidence: FloatArray
    class_id: IntArray
    track_id: IntArray
    observed: BoolArray
    vote: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    detection: IntArray | None = None

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        _checked("xyxy", self.xyxy, np.float32, (None, 4))
        _checked("confidence", self.confidence, np.float32, (n,))
        _checked("class_id", self.class_id, np.int32, (n,))
        _checked("track_id", self.track_id, np.int32, (n,))
        _checked("observed", self.observed, np.bool_, (n,))
        _checked("vote", self.vote, np.float32, (n,))
        if self.detection is not None:
            _checked("detection", self.detection, np.int32, (n,))

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def empty(cls) -> Self:
        """Nobody there."""
        none = np.zeros(0, np.int32)
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), none, none, np.zeros(0, np.bool_))

    def embedding(self, detections: Detections) -> VectorArray | None:
        """The vectors (n, d) of the detections that support the tracks; NaN where none does; None if they have none."""
        vectors, rows = detections.embedding, self.detection
        if vectors is None or rows is None:
            return None
        found = np.full((len(rows), vectors.shape[1]), np.nan, vectors.dtype)
        known = (rows >= 0) & (rows < len(vectors))
        found[known] = vectors[rows[known]]
        return found
