"""People whom an event is not about, made unrecognisable."""

import math
from collections.abc import Collection, Iterator, Sequence

from pipeline.messages import Event
from pipeline.stage import NOBODY, Around, Picture, Seen
from stages.evidence.parties import parties

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

CELLS = 8
"""What is left of a box along its longer side: a head is about one of them."""
_MARGIN = 0.1
"""How far a box is widened on each side, as a share of its size: detectors cut off hair, hands and feet."""
_LEAST_PX = 2
SAME = 0.5
"""A detection that overlaps the object's box this much is the object itself."""


def bystanders(event: Event, around: Around, people: Collection[str]) -> list[Box]:
    """Boxes of the people in a frame whom the event is not about."""
    about = parties([event])
    own = [] if event.object is None or not event.object.track_id else [event.object.box_px]
    own += [seen.box_px for seen in around.seen if seen.track_id in about]
    return [seen.box_px for seen in persons(around, people) if not _is_of(seen, about, own)]


def kept(event: Event, around: Around | None) -> list[Box]:
    """Boxes in a frame that stay as they are: of the event's object, and of others whom it is about."""
    own = [] if event.object is None else [event.object.box_px]
    about = parties([event]) - {0 if event.object is None else event.object.track_id}
    return own + [seen.box_px for seen in (around or NOBODY).seen if seen.track_id in about]


def persons(around: Around, people: Collection[str]) -> Iterator[Seen]:
    """What is, or may be, a person.

    Where the detector knows no class of ``people``, such as one that finds whatever moves, anything may be a person.
    """
    known = any(name in people for name in around.names)
    return (seen for seen in around.seen if not known or seen.class_name in people)


def _is_of(seen: Seen, about: Collection[int], own: Sequence[Box]) -> bool:
    """Whether it is one whom the event is about: by its track, or because it lies where one of them is."""
    if seen.track_id:
        return seen.track_id in about
    return any(iou(seen.box_px, box) >= SAME for box in own)


def hidden(pixels: Picture, boxes: Sequence[Box], *, keep: Sequence[Box], cells: int = CELLS) -> Picture:
    """A copy in which nothing inside ``boxes``, a little widened, has more detail than so many cells along its longer
    side, wherever it is not inside one of ``keep``. Cells go over into one another."""
    import cv2

    picture = pixels.copy()
    height, width = pixels.shape[:2]
    for box in sorted(boxes, key=lambda box: (_area(box), box)):  # the coarsest last: it must not be refined again
        wide, high = box[2] - box[0], box[3] - box[1]
        left, top = wide * _MARGIN + _LEAST_PX, high * _MARGIN + _LEAST_PX
        x1, y1, x2, y2 = pixels_of((box[0] - left, box[1] - top, box[2] + left, box[3] + top), width, height)
        if x1 >= x2 or y1 >= y2:
            continue
        part = pixels[y1:y2, x1:x2]
        side = max(wide + 2 * left, high + 2 * top) / cells
        size = max(round((x2 - x1) / side), 1), max(round((y2 - y1) / side), 1)
        few = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        picture[y1:y2, x1:x2] = cv2.resize(few, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
    for box in keep:
        x1, y1, x2, y2 = pixels_of(box, width, height)
        picture[y1:y2, x1:x2] = pixels[y1:y2, x1:x2]
    return picture


def pixels_of(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
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


def iou(one: Box, other: Box) -> float:
    """What two boxes share, as a share of what either covers."""
    shared = _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    either = _area(one) + _area(other) - shared
    return shared / either if either > 0 else 0.0
