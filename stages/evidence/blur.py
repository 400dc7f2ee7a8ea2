"""People whom an event is not about, made unrecognisable."""

import math
from collections.abc import Collection, Sequence

from pipeline.messages import Event
from pipeline.stage import Around, Picture

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

_CELLS = 8
"""What is left of a box along its longer side: a head is about one of them."""
_MARGIN = 0.1
"""How far a box is widened on each side, as a share of its size: detectors cut off hair, hands and feet."""
_LEAST_PX = 2
_SAME = 0.5
"""A detection that overlaps the object's box this much is the object itself."""


def bystanders(event: Event, around: Around, people: Collection[str]) -> list[Box]:
    """Boxes of the people in a frame whom the event is not about.

    Where the detector knows no class of ``people``, such as one that finds whatever moves, anything may be a person.
    """
    known = any(name in people for name in around.names)
    own = event.object
    found: list[Box] = []
    for seen in around.seen:
        if known and seen.class_name not in people:
            continue
        if own is not None and own.track_id:
            is_own = seen.track_id == own.track_id if seen.track_id else _iou(seen.box_px, own.box_px) >= _SAME
            if is_own:
                continue
        found.append(seen.box_px)
    return found


def hidden(pixels: Picture, boxes: Sequence[Box], *, keep: Box | None) -> Picture:
    """A copy in which nothing inside ``boxes``, a little widened, has more detail than eight cells along its longer
    side, wherever it is not inside ``keep``. Cells go over into one another."""
    import cv2

    picture = pixels.copy()
    height, width = pixels.shape[:2]
    for box in sorted(boxes, key=lambda box: (_area(box), box)):  # the coarsest last: it must not be refined again
        wide, high = box[2] - box[0], box[3] - box[1]
        left, top = wide * _MARGIN + _LEAST_PX, high * _MARGIN + _LEAST_PX
        x1, y1, x2, y2 = _pixels((box[0] - left, box[1] - top, box[2] + left, box[3] + top), width, height)
        if x1 >= x2 or y1 >= y2:
            continue
        part = pixels[y1:y2, x1:x2]
        side = max(wide + 2 * left, high + 2 * top) / _CELLS
        cells = max(round((x2 - x1) / side), 1), max(round((y2 - y1) / side), 1)
        few = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
        picture[y1:y2, x1:x2] = cv2.resize(few, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
    if keep is not None:
        x1, y1, x2, y2 = _pixels(keep, width, height)
        picture[y1:y2, x1:x2] = pixels[y1:y2, x1:x2]
    return picture


def _pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The pixels that a box touches, within the picture."""
    left, top, right, bottom = box
    return (
        max(math.floor(left), 0),
        max(math.floor(top), 0),
        min(math.ceil(right), width),
        min(math.ceil(bottom), height),
    )


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def _iou(one: Box, other: Box) -> float:
    shared = _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    either = _area(one) + _area(other) - shared
    return shared / either if either > 0 else 0.0
