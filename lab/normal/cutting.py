"""Normal time without what was reported: frames from which objects are cut, with the motion under their boxes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lab.normal.alarms import MARGIN_NS, Alarm
from pipeline.clock import SECOND
from stages.alert.geometry import shared
from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.observed import Observed
from stages.alert.rules.anomaly import SAME

AROUND = 2
"""Cells around a box that move with it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of a clip."""

    clips: list[list[Observed]]
    """Its frames, apart where some were left out."""
    objects: int
    """That were cut out."""
    seconds: float
    """That were left out altogether."""


def cut(frames: Sequence[Observed], alarms: Iterable[Alarm]) -> Cut:
    """Leave out what alarms name.

    An object is cut out of each frame in which it is seen: its row, rows of boxes that lie on it (the rider of a
    bicycle), and the motion under its box. It may still be in the picture a moment before and after, and while it is
    not seen, but nobody knows where: these frames are left out altogether, and so is the time of an alarm that names
    no object.
    """
    alarms = list(alarms)
    subjects = {subject for each in alarms for subject in each.subjects}
    spans = [each.span for each in alarms if each.placed]
    seen: dict[int, list[int]] = {}
    for frame in frames:
        for subject in subjects.intersection(frame.subject.tolist()):
            seen.setdefault(subject, []).append(frame.media_ns)
    if not seen and not any(start <= frames[-1].media_ns and end >= frames[0].media_ns for start, end in spans):
        return Cut([list(frames)], 0, 0.0)
    clean = _clean(np.array([each.media_ns for each in frames], np.int64), seen, spans)
    kept = [_without(frame, seen) if good else None for frame, good in zip(frames, clean, strict=True)]
    steps = [min(after.media_ns - before.media_ns, 2 * SECOND) for before, after in pairwise(frames)]
    lost = sum(step for step, frame in zip([*steps, 0], kept, strict=True) if frame is None)
    return Cut(list(_runs(kept)), len(seen), lost / SECOND)


def _clean(
    times: npt.NDArray[np.int64], seen: dict[int, list[int]], spans: Sequence[tuple[int, float]]
) -> npt.NDArray[np.bool_]:
    """bool (n,): whether a frame of that time is kept."""
    clean = np.ones(len(times), np.bool_)
    for start, end in spans:
        clean &= (times < start) | (times > end)
    for there in seen.values():
        first, last = np.searchsorted(times, (there[0] - MARGIN_NS, there[-1] + MARGIN_NS + 1))
        near, own = times[first:last], np.array(there, np.int64)
        after = np.minimum(np.searchsorted(own, near), len(own) - 1)
        away = np.minimum(abs(near - own[after]), abs(near - own[np.maximum(after - 1, 0)]))
        clean[first:last] &= (away == 0) | (away > MARGIN_NS)
    return clean


def _without(frame: Observed, seen: dict[int, list[int]]) -> Observed:
    boxes = frame.box.tolist()
    gone = [box for box, subject in zip(boxes, frame.subject.tolist(), strict=True) if subject in seen]
    if not gone:
        return frame
    kept = np.array([max(shared(box, other) for other in gone) < SAME for box in boxes], np.bool_)
    looks = frame.looks
    if looks is not None:
        looks = looks.select(np.flatnonzero(kept[looks.row]).tolist())
        if looks is not None:
            looks = replace(looks, row=(np.cumsum(kept)[looks.row] - 1).astype(np.int32))
    return replace(
        frame,
        subject=frame.subject[kept],
        class_id=frame.class_id[kept],
        confidence=frame.confidence[kept],
        box=frame.box[kept],
        motion=None if (flow := frame.flow) is None else _still(flow, gone),
        looks=looks,
        behaviour={name: scores[kept] for name, scores in frame.behaviour.items()},
        first_ns=None if frame.first_ns is None else frame.first_ns[kept],
    )


def _still(flow: FlowField, boxes: Sequence[Sequence[float]]) -> FlowField:
    """The same field, in which nothing moves under these boxes. A copy."""
    speed, (wide, high) = flow.speed.copy(), flow.span
    for left, top, right, bottom in boxes:
        rows = slice(max(int(top * high) - AROUND, 0), int(np.ceil(bottom * high)) + AROUND)
        speed[rows, max(int(left * wide) - AROUND, 0) : int(np.ceil(right * wide)) + AROUND] = 0.0
    return replace(flow, speed=speed)


def _runs(frames: Iterable[Observed | None]) -> Iterator[list[Observed]]:
    """What stands between those that were left out."""
    run: list[Observed] = []
    for each in frames:
        if each is not None:
            run.append(each)
        elif run:
            yield run
            run = []
    if run:
        yield run
