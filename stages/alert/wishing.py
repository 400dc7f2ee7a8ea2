"""Which crops classifiers should look at: decided from what is seen, in media time, and from nothing else.

An object is looked at when it is first seen whole, when its crop has grown or its detection has got better, else about
once a second until the answers agree, and then now and then. A behaviour model gets samples at its own rate.
"""

from collections.abc import Mapping, Sequence

import msgspec

from pipeline.clock import SECOND
from pipeline.messages import Answer, AnswersHeader, Frame, Missed, Wish, WishKey
from pipeline.stage import Asking
from stages.alert.sighting import Sighting
from stages.alert.votes import Votes

GROWN = 1.2
"""A crop this much larger than the largest so far is worth another look."""
BETTER = 0.1
"""A detection this much surer than the best so far is, too."""
EDGE_PX = 1.0
"""A box this near to the border of the picture is cut by it."""
GAP = 2
"""A window begins anew after so many samples' time without one."""
WHOLE = 0
"""Track id and subject of the whole picture."""


class Asked(msgspec.Struct):
    """What one classifier was asked about one object."""

    next_ns: int
    area: float
    confidence: float
    track_id: int
    last_ns: int
    samples: list[int] = []
    """Behaviour: the frames of its last samples."""
    box_px: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Behaviour: the box of the last one."""


class OpenWish(msgspec.Struct):
    """A wish without an answer, and whom it is about."""

    wish: Wish
    subject: int


class WishingState(msgspec.Struct):
    """All that is remembered of one camera's classifiers."""

    headers: dict[str, AnswersHeader] = {}
    asked: dict[str, dict[int, Asked]] = {}
    open: list[OpenWish] = []
    scene: dict[str, tuple[float, int]] = {}
    """What goes on in the whole picture: score and media time, by name."""
    counts: dict[str, dict[str, int]] = {}
    """By classifier: ``wished``, ``answered``, and what was missed by reason."""


class Wishing:
    """The classifiers of one camera: what they are asked, and what came of it."""

    def __init__(self, asking: Sequence[Asking], state: WishingState | None = None) -> None:
        self._asking = asking
        self.state = state or WishingState()

    def learn_header(self, header: AnswersHeader) -> None:
        """A classifier takes part from now on."""
        self.state.headers[header.classifier] = header

    @property
    def is_waiting(self) -> bool:
        """Answers are outstanding, or a classifier wants the whole picture again and again."""
        return bool(self.state.open) or any(header.scene for header in self.state.headers.values())

    # ---- asking

    def wish(self, frame: Frame, observed: Mapping[int, Sighting], names: Sequence[str]) -> list[Wish]:
        """What to ask about an analysed frame. ``observed``: subjects that a detection supports at this frame.
        ``names``: the detector's, by class id."""
        wishes: list[Wish] = []
        for asking in self._asking:
            header = self.state.headers.get(asking.name)
            if header is None:
                continue
            if header.scene:
                wishes += self._sample(frame, asking, header, WHOLE, WHOLE, (0.0, 0.0, frame.width, frame.height))
                continue
            for subject, sighting in observed.items():
                if not self._is_fit(frame, asking, sighting, names):
                    continue
                if header.frames:
                    track_id, box = sighting.track_id, sighting.box_px
                    wishes += self._sample(frame, asking, header, subject, track_id, box)
                else:
                    wishes += self._look(frame, asking, subject, sighting)
        return wishes

    def forget(self, subjects: Sequence[int]) -> None:
        """Drop what is known of objects that are gone for good."""
        for asked in self.state.asked.values():
            for subject in subjects:
                asked.pop(subject, None)

    def _is_fit(self, frame: Frame, asking: Asking, sighting: Sighting, names: Sequence[str]) -> bool:
        """The class is one it looks at, and the crop is large enough and whole."""
        name = names[sighting.class_id] if 0 <= sighting.class_id < len(names) else ""
        if asking.classes and name not in asking.classes:
            return False
        left, top, right, bottom = sighting.box_px
        whole = min(left, top, frame.width - right, frame.height - bottom) >= EDGE_PX
        return whole and min(right - left, bottom - top) >= asking.min_px

    def _look(self, frame: Frame, asking: Asking, subject: int, sighting: Sighting) -> list[Wish]:
        known = self.state.asked.setdefault(asking.name, {})
        left, top, right, bottom = sighting.box_px
        area, now = (right - left) * (bottom - top), frame.media_ns
        before = known.get(subject)
        if before is not None and now < before.next_ns:
            grown = area >= GROWN * before.area
            if not grown and sighting.confidence < before.confidence + BETTER:
                return []
        votes = sighting.votes.get(asking.name)
        pause = asking.settled_ns if votes is not None and votes.settled else asking.every_ns
        known[subject] = Asked(
            next_ns=now + pause,
            area=max(area, before.area if before else 0.0),
            confidence=max(sighting.confidence, before.confidence if before else 0.0),
            track_id=sighting.track_id,
            last_ns=now,
        )
        return [self._opened(self._made(frame, asking, sighting.track_id, _plain(sighting.box_px)), subject)]

    def _sample(
        self,
        frame: Frame,
        asking: Asking,
        header: AnswersHeader,
        subject: int,
        track_id: int,
        box_px: tuple[float, float, float, float],
    ) -> list[Wish]:
        """A sample every ``1/fps`` seconds; times that no frame fell on are not made up for."""
        known = self.state.asked.setdefault(asking.name, {})
        step_ns, now = round(SECOND / header.fps), frame.media_ns
        before = known.get(subject)
        if before is not None and (before.track_id != track_id or now - before.last_ns > GAP * step_ns):
            before = None
        if before is not None and now < before.next_ns:
            return []
        samples = [*(before.samples if before else []), frame.index][-header.frames :]
        due = before.next_ns + step_ns if before else now + step_ns
        while due <= now:
            due += step_ns
        box = _plain(box_px)
        known[subject] = Asked(due, 0.0, 0.0, track_id, now, samples, box)
        window = samples if len(samples) == header.frames else []
        wish = self._made(frame, asking, track_id, box)
        if before is not None and before.samples:
            wish = msgspec.structs.replace(wish, before=before.samples[-1], before_px=before.box_px)
        return [self._opened(msgspec.structs.replace(wish, window=window), subject)]

    def _made(self, frame: Frame, asking: Asking, track_id: int, box: tuple[float, float, float, float]) -> Wish:
        due_ns = frame.media_ns + asking.delay_ns
        return Wish(frame.camera, frame.index, track_id, asking.name, box, due_ns, frame.arrived_ns)

    def _opened(self, wish: Wish, subject: int) -> Wish:
        self.state.open.append(OpenWish(wish, subject))
        self._count(wish.classifier, "wished")
        return wish

    # ---- answers

    @property
    def open(self) -> list[Wish]:
        """Wishes without an answer, oldest first."""
        return [each.wish for each in self.state.open]

    def take(self, fact: Answer | Missed, known: Mapping[int, Sighting]) -> None:
        """An answer counts from now on, or has been missed."""
        wish = self._close(fact.key)
        if wish is None:
            return
        if isinstance(fact, Missed):
            self._count(fact.classifier, fact.reason)
            return
        self._count(fact.classifier, "answered")
        sighting = known.get(wish.subject)
        header = self.state.headers[fact.classifier]
        if not fact.scores:
            return
        if header.scene:
            self.state.scene.update({name: (score, wish.wish.due_ns) for name, score in fact.scores.items()})
        elif sighting is not None and header.frames:
            sighting.scores_of.update({name: (score, wish.wish.due_ns) for name, score in fact.scores.items()})
        elif sighting is not None:
            sighting.votes.setdefault(fact.classifier, Votes()).add(fact.scores)

    def end(self) -> None:
        """The camera is over: what is open will not be answered any more."""
        for each in self.state.open:
            self._count(each.wish.classifier, "ended")
        self.state.open = []

    def _close(self, key: WishKey) -> OpenWish | None:
        for position, each in enumerate(self.state.open):
            if each.wish.key == key:
                return self.state.open.pop(position)
        return None

    def _count(self, classifier: str, what: str) -> None:
        counts = self.state.counts.setdefault(classifier, {})
        counts[what] = counts.get(what, 0) + 1


def _plain(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Python's own floats, as a state that was saved and read again has them."""
    left, top, right, bottom = (float(side) for side in box)
    return left, top, right, bottom
