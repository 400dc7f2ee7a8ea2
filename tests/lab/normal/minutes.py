"""Stretches that were never filmed, for reservoirs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lab.normal.stretch import LASTS_NS, Header, Stretch, pack, unpack
from pipeline.clock import SECOND
from stages.alert.normal.observed import Observed
from tests.lab.normal.conftest import DETECTOR, film

DAY_NS = 86_400 * SECOND
MONDAY_NS = 1_767_571_200 * SECOND
"""2026-01-05 00:00 UTC."""
FPS = 2


def minute(
    number: int, *, hour: float | None = None, day: int = 0, origin: str = "o", seed: int | None = None, lasts: int = 60
) -> Stretch:
    """One minute, or less; ``number`` of the log. Frames as they are after they were kept."""
    frames = shifted(film(lasts, number if seed is None else seed, fps=FPS), number * LASTS_NS)
    wall = None if hour is None else MONDAY_NS + day * DAY_NS + round(hour * 3600) * SECOND
    header = Header(origin, number, DETECTOR, ("person",), frames[0].media_ns, frames[-1].media_ns, wall)
    return unpack(pack(Stretch(header, frames)))


def shifted(frames: Sequence[Observed], by_ns: int) -> list[Observed]:
    """The same, later."""
    return [replace(each, media_ns=each.media_ns + by_ns, index=each.index + by_ns * FPS // SECOND) for each in frames]


def with_object(
    frames: Sequence[Observed], subject: int, *, at: range, box: tuple[float, float, float, float], speed: float
) -> list[Observed]:
    """The same with one more object, and the motion under its box, at these places of the sequence."""
    found = list(frames)
    for place in at:
        frame = found[place]
        flow = frame.flow
        assert flow is not None
        field = flow.speed.copy()
        rows, columns = field.shape
        field[
            int(box[1] * rows) : int(np.ceil(box[3] * rows)), int(box[0] * columns) : int(np.ceil(box[2] * columns))
        ] = speed
        found[place] = replace(
            frame,
            subject=np.append(frame.subject, np.int32(subject)),
            class_id=np.append(frame.class_id, np.int32(0)),
            confidence=np.append(frame.confidence, np.float32(0.8)),
            box=np.concatenate([frame.box, [box]]),
            motion=replace(flow, speed=field),
        )
    return found
