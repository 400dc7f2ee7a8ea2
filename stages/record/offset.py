"""By how much a clip and the pictures of the analysis are apart, measured on what both show.

Without a common clock, a main stream and a sub-stream are dated by when they came here, so a clip may show an event a
little before or after it is said to be. The picture of the event settles it: its object looks like that, there, in the
pictures of one short time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av import VideoFrame

Box = tuple[float, float, float, float]
SIDE = 32
"""Pixels of a patch, along each side: what is smaller differs between two encodings."""
MARGIN = 0.12
"""Of a box on each side, on which its frame is drawn."""
LEAST = 0.80
"""Correlation of the patch with the picture that shows the same."""
CLEAR = 0.06
"""Lower by so much, and it shows something else."""
WIDEST_S = 0.5
"""Where everything within so much looks alike, nothing can be said."""


@dataclass(frozen=True, slots=True)
class Offset:
    """When a clip shows what it should show at some moment: so much later than that moment; earlier if negative."""

    seconds: float
    within_s: float
    """It is right to so much, either way."""


def measure_offset(clip: Path, picture: bytes, *, box: Box, box_px: Box, at_s: float, reach_s: float) -> Offset | None:
    """Find in a clip what a picture of the analysis shows in a box.

    ``picture``: JPEG, with or without a caption below it. ``box``: normalised, ``box_px``: the same in its pixels.
    ``at_s``: when the clip should show it; it is looked for up to ``reach_s`` around that.

    None where it cannot be told: the object stands still, looks like what is behind it, or is not in the clip. Raises
    ``av.error.FFmpegError`` for a clip that cannot be read, ``ValueError`` for a picture that is none.
    """
    import cv2

    shown = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    if shown is None:
        raise ValueError(f"{len(picture)} bytes are no picture")
    wanted = _patch(shown, box_px)
    if wanted is None:
        return None
    times, alike = [], []
    for time_s, frame in _frames(clip, at_s - reach_s, at_s + reach_s):
        height, width = frame.shape
        patch = _patch(frame, (box[0] * width, box[1] * height, box[2] * width, box[3] * height))
        if patch is not None:
            times.append(time_s)
            alike.append(float(np.vdot(wanted, patch)))
    return _peak(np.array(times), np.array(alike), at_s)


def _peak(times: npt.NDArray[np.float64], alike: npt.NDArray[np.float64], at_s: float) -> Offset | None:
    if len(times) < 3:
        return None
    best = int(np.argmax(alike))
    if alike[best] < LEAST or best in (0, len(times) - 1):
        return None
    near = np.flatnonzero(alike > alike[best] - CLEAR)
    low, high = times[max(near[0] - 1, 0)], times[min(near[-1] + 1, len(times) - 1)]
    if high - low > 2 * WIDEST_S or near[0] == 0 or near[-1] == len(times) - 1:
        return None
    return Offset(round(float(times[best]) - at_s, 3), round(float(max(high - times[best], times[best] - low)), 3))


def _patch(picture: npt.NDArray[Any], box: Box) -> npt.NDArray[np.float32] | None:
    """What is in a box, grey, of one size, mean 0 and length 1; None if it is of one colour or too small."""
    import cv2

    left, top, right, bottom = box
    x, y = (right - left) * MARGIN, (bottom - top) * MARGIN
    part = picture[max(round(top + y), 0) : round(bottom - y), max(round(left + x), 0) : round(right - x)]
    if min(part.shape, default=0) < 4:
        return None
    patch = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    patch -= patch.mean()
    length = float(np.linalg.norm(patch))
    return None if length < SIDE else (patch / length).astype(np.float32)


def _frames(clip: Path, from_s: float, to_s: float) -> Iterator[tuple[float, npt.NDArray[np.uint8]]]:
    """Grey pictures of a clip between two moments, with when they are shown."""
    import av

    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        container.seek(max(round(from_s * 1e6), 0))
        frame: VideoFrame
        for frame in container.decode(stream):
            if frame.time is None or frame.time < from_s:
                continue
            if frame.time > to_s:
                return
            yield frame.time, frame.to_ndarray(format="gray").astype(np.uint8, copy=False)
