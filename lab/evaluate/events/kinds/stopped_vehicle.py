"""``stopped_vehicle``: cars drive in, stand for a while, and drive on."""

from itertools import pairwise
from math import dist
from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import stays
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.stroll import place, strangers, zone
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from pipeline.testing import Walk
from stages.alert.rules.stopped_vehicle import StoppedVehicleOptions

STILL = 1e-9
"""Shares of the picture between two frames that are no motion."""


class StoppedVehicle:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """One to three cars with one or two stops each; some stops too short, some outside the zone."""
        corners = zone(random, least=0.2, most=0.4)
        seconds = random.choice([4.0, 6.0, 10.0])
        x, y = sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners)
        while True:
            walks = []
            for number in range(1, random.randint(2, 4)):
                time, stops = random.uniform(0, 5), []
                stops.append((round(time, 3), *place(random)))
                for _ in range(random.randint(1, 2)):
                    near = (x + random.uniform(-0.1, 0.1), y + random.uniform(-0.05, 0.15))
                    where = near if random.random() < 0.8 else place(random)
                    time += random.uniform(1, 4)
                    stops.append((round(time, 3), *where))
                    time += random.choice([random.uniform(0.3, 0.8), random.uniform(1.2, 2.5)]) * seconds
                    stops.append((round(time, 3), *where))
                stops.append((round(time + random.uniform(1, 4), 3), *place(random)))
                walks.append(Walk(stops=stops, track=number, class_id=1, width=0.12, height=0.1))
            if strangers(walks) and all(map(_moves_on, walks)):
                options = {
                    "classes": ["car"],
                    "zone": corners,
                    "seconds": seconds,
                    "rearm_s": random.choice([0.0, 20.0]),
                }
                return Play(options=options, walks=walks, seconds=70)

    def truth(self, view: View, options: StoppedVehicleOptions) -> list[TrueEvent]:
        """At rest in the zone for so long."""
        limit = round(options.seconds * SECOND)
        found = []
        for path in view.of(options.classes):
            way = path.points(options.anchor)
            inside = stays(options.zone, way, options.margin)
            stood, since = [], -1
            for frame, now in enumerate(view.times_ns):
                here, before = way[frame], way[frame - 1] if frame else None
                resting = here is not None and before is not None and dist(here, before) < STILL
                if not resting or not inside[frame]:
                    since = -1
                elif since < 0:
                    since = view.times_ns[frame - 1]
                stood.append(since >= 0 and now - since >= limit)
            there = [point is not None for point in way]
            for frame in tellings(view.times_ns, there, stood, options):
                found.append(TrueEvent(view.times_ns[frame] / SECOND, frozenset({path.who})))
        return found


def _moves_on(walk: Walk) -> bool:
    """Whether it drives at a fair pace between its stops: where it creeps, or goes on by less than the drift, it may as
    well be said to have stood all the while."""
    legs = [(end - start, dist(here, there)) for (start, *here), (end, *there) in pairwise(walk.stops) if here != there]
    places = {stop[1:] for stop in walk.stops}
    far = all(dist(one, other) > 0.08 for one in places for other in places if one != other)
    return far and all(way > 0.1 * seconds for seconds, way in legs)
