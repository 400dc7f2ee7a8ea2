"""Filling, afterwards, the gaps in finished tracks: where an object was while something hid it.

Between two sightings of a track the box goes straight from one to the other at even pace in media time, as
tracking challenges do it for finished results. That is hindsight: no rule ever sees these rows, and they are marked.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LONGEST_S = 2.0
"""Gaps up to this are filled. Longer ones are more often a wrong guess about the way taken than a right one."""

FOUNDED = 0.5
"""Share of the frames before a gap, and of those after it, in which the track must have been seen."""


@dataclass(frozen=True, slots=True)
class TrackRows:
    """Boxes of tracks, one row each (n): ``index`` counts frames from 0, ``xyxy`` is pixels."""

    index: npt.NDArray[np.int64]
    media_ns: npt.NDArray[np.int64]
    track_id: npt.NDArray[np.int32]
    class_id: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.float32]
    xyxy: npt.NDArray[np.float32]
    filled: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.index)

    def pick(self, rows: npt.NDArray[np.intp]) -> "TrackRows":
        """These rows, in this order."""
        return TrackRows(
            self.index[rows],
            self.media_ns[rows],
            self.track_id[rows],
            self.class_id[rows],
            self.confidence[rows],
            self.xyxy[rows],
            self.filled[rows],
        )


def fill_gaps(
    rows: TrackRows, frames: npt.NDArray[np.int64], media_ns: npt.NDArray[np.int64], *, longest_s: float = LONGEST_S
) -> TrackRows:
    """The rows that are missing between two rows of a track no more than ``longest_s`` apart, marked ``filled``.

    ``frames`` (m,) are the indexes of all frames that the camera gave, rising, and ``media_ns`` (m,) their times: only
    they get rows. Class and confidence come from the row before the gap, the confidence lowered to that of the row
    after it if that is less sure. Ids are never changed.
    """
    ordered = rows.pick(np.lexsort((rows.index, rows.track_id)))
    at = np.searchsorted(frames, ordered.index)
    missing = at[1:] - at[:-1] - 1
    apart_s = (ordered.media_ns[1:] - ordered.media_ns[:-1]) * 1e-9
    same = ordered.track_id[1:] == ordered.track_id[:-1]
    before = np.flatnonzero(same & (missing > 0) & (apart_s <= longest_s))
    before = before[_well_founded(ordered.track_id, at, before, missing[before] + 1)]
    left = np.repeat(before, missing[before])
    ends = np.cumsum(missing[before])
    step = np.arange(len(left)) - np.repeat(ends - missing[before], missing[before]) + 1
    frame = at[left] + step
    share = (media_ns[frame] - ordered.media_ns[left]) / (ordered.media_ns[left + 1] - ordered.media_ns[left])
    start, end = ordered.xyxy[left].astype(np.float64), ordered.xyxy[left + 1].astype(np.float64)
    return TrackRows(
        index=frames[frame],
        media_ns=media_ns[frame],
        track_id=ordered.track_id[left],
        class_id=ordered.class_id[left],
        confidence=np.minimum(ordered.confidence[left], ordered.confidence[left + 1]),
        xyxy=(start + share[:, None] * (end - start)).astype(np.float32),
        filled=np.ones(len(left), bool),
    )


def _well_founded(
    track_id: npt.NDArray[np.int32],
    at: npt.NDArray[np.int64],
    before: npt.NDArray[np.intp],
    width: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """For rows ordered by track and frame position ``at``: which gaps, after the rows ``before``, have enough
    sightings within ``width`` frames on either side."""
    stride = int(at.max(initial=0)) + 1
    key = track_id.astype(np.int64) * stride + at
    first = np.searchsorted(key, track_id[before].astype(np.int64) * stride + np.maximum(at[before] - width + 1, 0))
    last_position = np.minimum(at[before + 1] + width - 1, stride - 1)
    last = np.searchsorted(key, track_id[before].astype(np.int64) * stride + last_position, side="right")
    founded: npt.NDArray[np.bool_] = (before - first + 1 >= FOUNDED * width) & (last - before - 1 >= FOUNDED * width)
    return founded
