"""A detector that keeps what it said of a clip: detecting takes longest, and the same pictures give the same boxes."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pipeline.detections import Detections
from pipeline.errors import UsageError
from pipeline.stage import Detector, View
from pipeline.whole_file import write_whole


class RememberingDetector:
    """Fulfils ``Detector`` for one clip; asks another detector only for frames that it has not kept.

    Used as a context, it writes what is new when the clip is through.
    """

    def __init__(self, detector: Detector, file: Path) -> None:
        """``file``: where boxes of this clip, by this detector, are kept. Raises ``UsageError`` for a damaged one."""
        self._detector = detector
        self._file = file
        self._kept: dict[int, bytes] = {}
        self._new = False
        self.engine, self.model = detector.engine, detector.model
        self.names, self.capacity = detector.names, detector.capacity
        if file.is_file():
            try:
                self._kept = msgspec.msgpack.decode(file.read_bytes(), type=dict[int, bytes])
            except (OSError, msgspec.MsgspecError) as error:
                raise UsageError(f"{file}: kept boxes cannot be read ({error}); delete the file") from error

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """Boxes of each frame, known or found."""
        missing = [view for view in batch if view.frame.index not in self._kept]
        for view, found in zip(missing, self._detector.process(missing) if missing else [], strict=True):
            self._kept[view.frame.index] = found.pack()
            self._new = True
        return [Detections.unpack(self._kept[view.frame.index]) for view in batch]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or not self._new:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._file, [msgspec.msgpack.encode(self._kept)], flush=False)
        except OSError as failure:
            raise UsageError(f"--cache {self._file.parent}: cannot be written: {failure.strerror}") from failure
