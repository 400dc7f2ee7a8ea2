"""Frames that show an object well: by size and confidence, and whole. Which of them is sharp, only pixels can tell."""

import math
from collections.abc import Sequence

import msgspec

from pipeline.clock import SECOND

Box = tuple[float, float, float, float]

BETWEEN_NS = SECOND // 2
"""Of frames closer together only the better one is kept: they look alike."""
BEFORE_NS = 5 * SECOND
"""How far before an event its best frame may lie: who crosses a line was on the way to it."""
AGAIN_NS = 3 * SECOND // 2
"""Live: after this time an object is pictured again though it is seen no better: of three pictures one may be sharp."""
CLEARLY = 1.1
"""A live camera's frame is worth a picture if it shows an object this many times better than those before it."""
_BORDER = 0.01
"""A box this near to the border of the picture may be cut off by it."""
_CUT_OFF = 0.5
"""What such a box counts."""


class View(msgspec.Struct, frozen=True, array_like=True):
    """One frame of one object."""

    index: int
    media_ns: int
    track_id: int
    confidence: float
    box: Box
    box_px: Box
    score: float


def view(index: int, media_ns: int, track_id: int, confidence: float, box: Box, box_px: Box) -> View:
    """A frame with its score: the side of a square of the box's size, times the detector's confidence, half of that
    where the border of the picture may cut the object off."""
    side = math.sqrt(max(box_px[2] - box_px[0], 0.0) * max(box_px[3] - box_px[1], 0.0))
    cut_off = min(box[0], box[1], 1 - box[2], 1 - box[3]) < _BORDER
    return View(index, media_ns, track_id, confidence, box, box_px, side * confidence * (_CUT_OFF if cut_off else 1.0))


def note_recent(views: list[View], new: View) -> None:
    """Keep the views of the last five seconds, two a second at most; in order of time."""
    _add(views, new)
    forget_old(views, new.media_ns)


def forget_old(views: list[View], now_ns: int) -> None:
    """Drop the views that are older than five seconds."""
    while views and now_ns - views[0].media_ns > BEFORE_NS:
        del views[0]


def note_together(shown: Sequence[tuple[list[View], View]], now_ns: int) -> bool:
    """Note a live camera's frame, whose picture is kept if it is noted: of all objects that it shows, or of none.
    Whether it was.

    ``shown``: the views of each object, and that of this frame. It is noted if it shows one of them clearly better
    than the frames of the last five seconds that were, or if the last of these is so old that it may be sharper.
    """
    for views, _ in shown:
        forget_old(views, now_ns)
    if not any(_is_wanted(new, views) for views, new in shown):
        return False
    for views, new in shown:
        note_recent(views, new)
    return True


def note_best(views: list[View], new: Sequence[View], most: int) -> None:
    """Keep the ``most`` best views of an event, in order of time; ``new`` follow on those that were noted."""
    for each in new:
        _add(views, each)
        if len(views) > most:
            views.remove(min(views, key=lambda view: view.score))


def best_first(views: Sequence[View]) -> list[View]:
    """By score; of equal ones the earlier first."""
    return sorted(views, key=lambda view: (-view.score, view.index))


def _is_wanted(new: View, views: Sequence[View]) -> bool:
    if not views or new.media_ns - views[-1].media_ns >= AGAIN_NS:
        return True
    return new.score > CLEARLY * max(view.score for view in views)


def _add(views: list[View], new: View) -> None:
    if not views or new.media_ns - views[-1].media_ns >= BETWEEN_NS:
        views.append(new)
    elif new.score > views[-1].score:
        views[-1] = new
