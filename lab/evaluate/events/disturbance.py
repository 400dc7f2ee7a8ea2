"""What makes a scripted log as bad as real ones: each disturbance turns a clean scene into records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from lab.evaluate.events.kind import Play
from pipeline.detections import Detections
from pipeline.messages import FrameRecord, Record
from pipeline.testing import Script, Span, Walk

Change = Callable[[Walk, Random], Walk]


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """One way in which a log differs from what was there."""

    name: str
    what: str
    """In the words of a report."""
    fps: float = 10.0
    changes: Sequence[Change] = ()
    superseded: bool = False
    shuffled: bool = False
    exact: bool = False
    """The events must be told to the frame nevertheless."""

    def script(self, play: Play, *, camera: str, seed: int) -> Script:
        """The scene as its camera tells it."""
        random = Random(seed)
        walks = list(play.walks)
        for change in self.changes:
            walks = [change(walk, random) for walk in walks]
        if self.shuffled:
            random.shuffle(walks)
        return Script(
            walks=walks,
            seconds=play.seconds,
            fps=self.fps,
            camera=camera,
            width=play.width,
            height=play.height,
            names=play.names,
            dropped=spans(random, play.seconds, every_s=4.0, longest_s=1.0) if self.superseded else (),
            seed=seed,
            measured=play.measured if play.things else None,
        )

    def records(self, play: Play, *, camera: str, seed: int) -> list[Record]:
        """The log."""
        records = self.script(play, camera=camera, seed=seed).records()
        return [shuffle(record, Random(seed + n)) for n, record in enumerate(records)] if self.shuffled else records


def spans(random: Random, seconds: float, *, every_s: float, longest_s: float) -> list[Span]:
    """Spans of time, ``every_s`` apart on average, each up to ``longest_s`` long."""
    found, time = [], random.expovariate(1 / every_s)
    while time < seconds:
        lasts = random.uniform(0.05, longest_s)
        found.append((time, time + lasts))
        time += lasts + random.expovariate(1 / every_s)
    return found


def shuffle(record: Record, random: Random) -> Record:
    """The record with its boxes in another order."""
    if not isinstance(record, FrameRecord) or not record.detections:
        return record
    boxes = Detections.unpack(record.detections)
    order = list(range(len(boxes)))
    random.shuffle(order)
    return FrameRecord(record.frame, record.status, boxes.select(np.array(order, np.intp)).pack())


def jitter(walk: Walk, random: Random) -> Walk:
    """Each side of the box is off by up to 0.4 % of the picture."""
    return replace(walk, jitter=0.004)


def dropout(walk: Walk, random: Random) -> Walk:
    """The detector misses a frame or two about once a second."""
    return replace(walk, missed=[*walk.missed, *_life(walk, random, every_s=1.0, longest_s=0.25)])


def gaps(walk: Walk, random: Random) -> Walk:
    """Something hides it for up to two seconds about every six."""
    return replace(walk, missed=[*walk.missed, *_life(walk, random, every_s=6.0, longest_s=2.0)])


def switches(walk: Walk, random: Random) -> Walk:
    """Its track becomes another about every four seconds."""
    starts = [start for start, _ in _life(walk, random, every_s=4.0, longest_s=0.1)]
    return replace(walk, switches=[(start, walk.track + 100 * n) for n, start in enumerate(starts, start=1)])


def _life(walk: Walk, random: Random, *, every_s: float, longest_s: float) -> list[Span]:
    begin, end = walk.stops[0][0], walk.stops[-1][0]
    found = spans(random, end - begin, every_s=every_s, longest_s=longest_s)
    return [(begin + start, begin + stop) for start, stop in found]


DISTURBANCES = (
    Disturbance(name="clean", what="nothing is wrong", exact=True),
    Disturbance(name="5 fps", what="nothing is wrong, at 5 frames a second", fps=5.0, exact=True),
    Disturbance(name="25 fps", what="nothing is wrong, at 25 frames a second", fps=25.0, exact=True),
    Disturbance(name="out of order", what="objects and boxes in any order", shuffled=True, exact=True),
    Disturbance(name="jitter", what="each side of a box is off by up to 0.4 % of the picture", changes=(jitter,)),
    Disturbance(name="dropout", what="a frame or two without a detection about once a second", changes=(dropout,)),
    Disturbance(name="gaps", what="hidden for up to 2 s about every 6 s", changes=(gaps,)),
    Disturbance(name="identity switch", what="another track about every 4 s", changes=(switches,)),
    Disturbance(name="superseded", what="no frames for up to 1 s about every 4 s", superseded=True),
    Disturbance(
        name="all of it",
        what="jitter, dropout, gaps, identity switches, superseded frames, out of order",
        changes=(jitter, dropout, gaps, switches),
        superseded=True,
        shuffled=True,
    ),
)
