"""``proximity``: people and cars come near one another, and part again."""

from itertools import combinations
from math import hypot
from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import stays
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.stroll import place, strangers, stroll
from lab.evaluate.events.view import Path, View
from pipeline.clock import SECOND
from stages.alert.geometry import overlap
from stages.alert.rules.proximity import ProximityOptions


class Proximity:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """One or two people, one or two cars; most meet somewhere."""
        first, second = random.choice([(["person"], ["car"]), (["car"], ["person"])])
        options = {
            "first": first,
            "second": second,
            "limit_heights": random.choice([0.5, 0.8]),
            "enter_inertia_s": random.choice([0.0, 0.5, 2.0]),
            "rearm_s": 0.0,
        }
        while True:
            walks, meeting = [], place(random)
            for number in range(1, random.randint(3, 5)):
                near = (meeting[0] + random.uniform(-0.08, 0.08), meeting[1] + random.uniform(-0.05, 0.05))
                places = [place(random), near, near] if random.random() < 0.8 else []
                start, is_car = random.uniform(0, 5), number % 2 == 0
                walks.append(stroll(random, track=number, start=start, stops=5, places=places, class_id=int(is_car)))
            if strangers(walks):
                return Play(options=options, walks=walks, seconds=40)

    def truth(self, view: View, options: ProximityOptions) -> list[TrueEvent]:
        """Each pair of the two classes, both known long enough, closer than the limit in mean heights. Boxes that
        overlap by more than .6 are one object, seen twice."""
        found = []
        for one, other in combinations(view.paths, 2):
            about, near = (one, other) if one.class_name in options.first else (other, one)
            if about.class_name not in options.first or near.class_name not in options.second:
                continue
            close = self._close(view, about, near, options)
            there = [box is not None for box in about.boxes]
            for frame in tellings(view.times_ns, there, close, options):
                found.append(TrueEvent(view.times_ns[frame] / SECOND, frozenset({about.who})))
        return found

    def _close(self, view: View, one: Path, other: Path, options: ProximityOptions) -> list[bool]:
        age, was_close, found = round(options.min_age_s * SECOND), False, []
        ways = [path.points(options.anchor) for path in (one, other)]
        inside = [stays(options.zone, way, options.margin) for way in ways]
        born = [next(t for t, p in zip(view.times_ns, way, strict=True) if p is not None) for way in ways]
        for frame, now in enumerate(view.times_ns):
            a, b, first, second = ways[0][frame], ways[1][frame], one.boxes[frame], other.boxes[frame]
            if a is None or b is None or first is None or second is None or now - max(born) < age:
                was_close = False
            else:
                mean = (first[3] - first[1] + second[3] - second[1]) / 2 * view.height
                apart = hypot((a[0] - b[0]) * view.width, (a[1] - b[1]) * view.height) / mean
                limit = options.limit_heights * (options.release if was_close else 1.0)
                twice = overlap(first, second) > 0.6
                was_close = not twice and apart <= limit and inside[0][frame] and inside[1][frame]
            found.append(was_close)
        return found
