"""Where people are at any time of a clip, from the frames of it that were analysed."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pipeline.clock import SECOND
from pipeline.stage import Moment
from stages.evidence.blur import SAME, Box, iou, persons

EXACT_NS = SECOND // 500
"""Times that differ by no more are the same: a clip counts its own in other ticks."""
MOST_NS = SECOND * 6 // 10
"""Between two analysed frames; in a longer gap somebody may come and go unseen.

With a frame each 0.6 s nearly as many heads of others are hidden as with one each 0.1 s, with one each second fewer
(``benchmarks.bystanders --every``: 99.1 %, 99.3 %, 96.6 %).
"""
LOST_NS = SECOND
"""For as long at most it is known where somebody was who was not seen in between."""
_JOINED = 0.3
"""Detections at different times that overlap so much are taken for one."""
_INSIDE = 0.6
"""A detection of which so much lies in somebody's box is a part of him: his head, or half of him."""
_HEAD = 0.3
"""Share of a box's height, from above, in which the head is."""
_BESIDE = 0.2
"""Share of a box's width on either side of the head."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """At one time. Boxes are left, top, right, bottom as shares of the picture."""

    others: list[Box]
    """Wherever somebody may be whom the event is not about."""
    own: list[Box]
    """Where those are whom it is about."""
    before: list[Box]
    """Where others stand in front of those, and where heads of others show beside them."""


@dataclass(slots=True)
class _Frame:
    own: dict[int, Box] = field(default_factory=dict)
    others: dict[int, Box] = field(default_factory=dict)
    """By track."""
    loose: list[Box] = field(default_factory=list)
    """Of detections that belong to no track."""
    guessed: dict[int, Box] = field(default_factory=dict)
    """Where somebody whom the event is about is taken to be, and nobody saw whether it is he."""


class People:
    """Knows who is where, while nobody asks about more than the analysed frames tell."""

    def __init__(
        self,
        moments: Sequence[Moment],
        about: Collection[int],
        place: Box | None,
        *,
        people: Collection[str],
        slack_ns: int,
        most_ns: int = MOST_NS,
    ) -> None:
        """``moments`` in order of time. ``about``: tracks of those whom the event is about; ``place``: where it is, if
        it is about a thing that no track follows. ``slack_ns``: times of the clip and of the moments may be so far
        apart, and a detector may miss somebody for so long. ``most_ns``: the longest gap in which it is known who is
        there."""
        self._times = [moment.at_ns for moment in moments]
        self._place = [] if place is None else [place]
        self._slack_ns = slack_ns
        self._most_ns = most_ns
        self._frames = [_frame(moment, frozenset(about), people) for moment in moments]
        self._ways: dict[int, tuple[list[int], list[Box]]] = {}
        for at_ns, frame in zip(self._times, self._frames, strict=True):
            for track_id, box in (frame.own | frame.others).items():
                times, boxes = self._ways.setdefault(track_id, ([], []))
                times.append(at_ns)
                boxes.append(box)
        self._own = sorted({track_id for frame in self._frames for track_id in frame.own})
        self._others = sorted(set(self._ways).difference(self._own))

    def at(self, at_ns: int) -> Whereabouts | None:
        """Everybody at this time; None where that is not known: nobody looked shortly before, or shortly after."""
        last = bisect_right(self._times, at_ns + EXACT_NS) - 1
        following = bisect_left(self._times, at_ns - EXACT_NS)
        if last < 0 or following == len(self._times) or self._times[following] - self._times[last] > self._most_ns:
            return None
        begin = bisect_left(self._times, min(self._times[last], at_ns - self._slack_ns))
        end = bisect_right(self._times, max(self._times[following], at_ns + self._slack_ns))
        near = self._frames[begin:end]
        reach = {track_id: box for track_id in self._others if (box := self._box(track_id, at_ns)) is not None}
        loose: list[Box] = []
        for frame in near:
            for track_id, box in frame.others.items():
                reach[track_id] = _hull(reach.get(track_id, box), box)
            for box in frame.loose:
                _join(loose, box)
        places = {track_id: box for track_id in self._own if (box := self._box(track_id, at_ns)) is not None}
        for frame in (self._frames[last], self._frames[following]):
            loose += [box for track_id, box in frame.guessed.items() if track_id not in places]
        own = [*places.values(), *self._place]
        now = [self._box(track_id, at_ns) or box for track_id, box in reach.items()]
        now += [
            box
            for box in {*self._frames[last].loose, *self._frames[following].loose}
            if all(_covered(box, each) < _INSIDE for each in own)
        ]
        return Whereabouts([*reach.values(), *loose], own, _before(sorted(now), own))

    def _box(self, track_id: int, at_ns: int) -> Box | None:
        """Where somebody is, between where he was seen before and where he is seen next."""
        times, boxes = self._ways[track_id]
        last, following = bisect_right(times, at_ns + EXACT_NS) - 1, bisect_left(times, at_ns - EXACT_NS)
        if last < 0 or following == len(times) or times[following] - times[last] > LOST_NS:
            return None
        gone = times[following] - times[last]
        share = min(max((at_ns - times[last]) / gone, 0.0), 1.0) if gone > 0 else 0.0
        left, top, right, bottom = (
            (1 - share) * before + share * after for before, after in zip(boxes[last], boxes[following], strict=True)
        )
        return left, top, right, bottom


def _frame(moment: Moment, about: Collection[int], people: Collection[str]) -> _Frame:
    """Who is who at a moment."""
    width, height = moment.size
    found, around = _Frame(), moment.around
    for seen in around.seen:
        if seen.track_id in about:
            where = found.guessed if seen.held else found.own
            where[seen.track_id] = _shares(seen.box_px, width, height)
    for seen in sorted(persons(around, people), key=lambda seen: -seen.track_id):
        box = _shares(seen.box_px, width, height)
        if seen.track_id:
            if seen.track_id not in about:
                found.others[seen.track_id] = box
            continue
        if any(iou(box, own) >= SAME for own in found.own.values()):
            continue
        same = next((track_id for track_id, other in found.others.items() if iou(box, other) >= SAME), 0)
        if same:
            found.others[same] = _hull(found.others[same], box)
        else:
            found.loose.append(box)
    return found


def _before(others: Sequence[Box], own: Sequence[Box]) -> list[Box]:
    """What of others must be hidden although it lies where somebody is whom the event is about.

    Of two people the one whose feet are lower in the picture stands in front.
    """
    found = []
    for box in others:
        wide, high = box[2] - box[0], box[3] - box[1]
        head = box[0] + _BESIDE * wide, box[1], box[2] - _BESIDE * wide, box[1] + _HEAD * high
        for each in own:
            if box[3] >= each[3] and _covered(box, each) > 0:
                found.append(box)
            elif _covered(head, each) > 0:
                found.append(head)
    return found


def _shares(box: Box, width: int, height: int) -> Box:
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _hull(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _join(boxes: list[Box], box: Box) -> None:
    """Add a box, or widen the one that it goes on from."""
    for number, other in enumerate(boxes):
        if iou(box, other) >= _JOINED:
            boxes[number] = _hull(box, other)
            return
    boxes.append(box)


def _covered(box: Box, by: Box) -> float:
    """Share of a box that lies in another one."""
    wide, high = min(box[2], by[2]) - max(box[0], by[0]), min(box[3], by[3]) - max(box[1], by[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return wide * high / area if wide > 0 and high > 0 and area > 0 else 0.0
