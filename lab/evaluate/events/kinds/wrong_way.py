"""``wrong_way``: people go along an arrow, against it, and across."""

from bisect import bisect_right
from math import acos, degrees, hypot
from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import Point, stays
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.stroll import place, strangers, stroll, zone
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from stages.alert.rules.wrong_way import WrongWayOptions


class WrongWay:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """One to three people and a wide zone, or none, in a picture that is not always square."""
        options = {
            "zone": zone(random, least=0.2, most=0.4) if random.random() < 0.7 else None,
            "direction": [place(random), place(random)],
            "angle_deg": random.choice([45.0, 60.0, 80.0]),
            "over_s": random.choice([0.5, 1.0, 2.0]),
            "enter_inertia_s": random.choice([0.0, 0.6, 1.0]),
            "rearm_s": random.choice([0.0, 5.0]),
        }
        while True:
            walks = [
                stroll(random, track=number, start=random.uniform(0, 6), stops=random.randint(2, 6), legs=(3, 8))
                for number in range(1, random.randint(2, 4))
            ]
            if strangers(walks):
                return Play(options=options, walks=walks, seconds=50, width=random.choice([1000, 1600]))

    def truth(self, view: View, options: WrongWayOptions) -> list[TrueEvent]:
        """In the zone all the while, and the way from where it was ``over_s`` ago (at the last frame that is as long
        ago) is long enough and lies within the angle of the arrow turned round, in pixels."""
        wide, high = view.width, view.height
        (ax, ay), (bx, by) = options.direction
        back = ((ax - bx) * wide, (ay - by) * high)
        over = round(options.over_s * SECOND)
        found = []
        for path in view.of(options.classes):
            way = path.points(options.anchor)
            there = [point is not None for point in way]
            inside = stays(options.zone, way, options.margin)
            wrong = [False] * len(way)
            entered = 0
            for frame, now in enumerate(view.times_ns):
                if not inside[frame]:
                    entered = frame + 1
                    continue
                earlier = bisect_right(view.times_ns, now - over) - 1
                box, start, end = path.boxes[frame], way[earlier] if earlier >= entered else None, way[frame]
                if box is None or start is None or end is None:
                    continue
                length = ((box[2] - box[0]) * wide * (box[3] - box[1]) * high) ** 0.5
                moved = ((end[0] - start[0]) * wide, (end[1] - start[1]) * high)
                wrong[frame] = hypot(*moved) >= options.least * length and _between(moved, back) <= options.angle_deg
            for frame in tellings(view.times_ns, there, wrong, options):
                found.append(TrueEvent(view.times_ns[frame] / SECOND, frozenset({path.who})))
        return found


def _between(one: Point, other: Point) -> float:
    """The angle between two ways, in degrees; 180 where there is none."""
    lengths = hypot(*one) * hypot(*other)
    if not lengths:
        return 180.0
    return degrees(acos(min(max((one[0] * other[0] + one[1] * other[1]) / lengths, -1.0), 1.0)))
