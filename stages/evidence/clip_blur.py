"""Hides in the pictures of a clip everybody whom its event is not about, and what masks cover."""

from collections.abc import Collection, Sequence

import numpy as np

from pipeline.messages import Event
from pipeline.stage import Moment, Picture
from stages.evidence.blur import Box, hidden, pixels_of
from stages.evidence.parties import parties
from stages.evidence.whereabouts import People

CELLS = 4
"""What is left of somebody along his longer side: half of that in a single picture, since cells that move over a face
picture by picture tell more of it."""
WHOLE = 16
"""What is left of a picture of which nothing is known, along its longer side."""


class ClipBlur:
    """Hides people of one event's clip. Equal arguments give equal pictures."""

    def __init__(
        self,
        messages: Sequence[Event],
        moments: Sequence[Moment],
        *,
        people: Collection[str],
        areas: Sequence[Sequence[tuple[float, float]]] = (),
        slack_ns: int,
    ) -> None:
        """``messages``: all of the event. ``people``: classes that are people; none: nobody is hidden. ``areas``:
        polygons, corners as shares of the picture, in which nobody looked for people. ``slack_ns``: as ``People`` has
        it."""
        things = [event.object.box for event in messages if event.object is not None and not event.object.track_id]
        about = parties(messages)
        self._people = People(moments, about, things[0] if things else None, people=people, slack_ns=slack_ns)
        self._areas = areas
        self._hides_people = bool(people)

    def process(self, pixels: Picture, at_ns: int) -> tuple[Picture, bool]:
        """A copy of uint8 (height, width, 3) BGR that shows nobody else, and whether it was known where they are: if
        not, nothing can be made out in it. ``at_ns``: time of the picture in the clip."""
        if not self._hides_people:
            picture = pixels.copy()
            self._darken(picture)
            return picture, True
        height, width = pixels.shape[:2]
        found = self._people.at(at_ns)
        if found is None:
            picture = hidden(pixels, [(0.0, 0.0, width, height)], keep=[], cells=WHOLE)
            self._darken(picture)
            return picture, False
        others, own, before = (
            [_scaled(box, width, height) for box in boxes] for boxes in (found.others, found.own, found.before)
        )
        shown = hidden(pixels, others, keep=[], cells=CELLS)
        picture = shown.copy()
        for boxes, source in ((own, pixels), (before, shown)):
            for box in boxes:
                left, top, right, bottom = pixels_of(box, width, height)
                picture[top:bottom, left:right] = source[top:bottom, left:right]
        self._darken(picture)
        return picture, True

    def _darken(self, picture: Picture) -> None:
        import cv2

        height, width = picture.shape[:2]
        for area in self._areas:
            corners = np.rint(np.asarray(area, np.float64) * [width, height]).astype(np.int32)
            cv2.fillPoly(picture, [corners], (0, 0, 0))


def _scaled(box: Box, width: int, height: int) -> Box:
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height
