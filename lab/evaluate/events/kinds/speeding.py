"""``speeding``: people walk, run, and change between the two; in heights of their own boxes."""

from math import hypot
from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import stays
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from pipeline.testing import Walk
from stages.alert.rules.speeding import SpeedingOptions

HEIGHT = 0.1


class Speeding:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """One to three people, each on a row of its own, straight on, clearly slower or faster than the limit, but for
        starts too short to count."""
        limit = random.choice([1.0, 1.5])
        walks = []
        for number in range(1, random.randint(2, 4)):
            x, time, row = 0.05, random.uniform(0, 5), 0.2 + 0.2 * number
            stops, lasts = [(round(time, 3), x, row)], 0.0
            while x < 0.85:
                pace = HEIGHT * limit * random.choice([random.uniform(0.3, 0.6), random.uniform(1.4, 2.0)])
                lasts = random.uniform(0.1, 0.25) if lasts > 1 and random.random() < 0.3 else random.uniform(2.5, 4)
                time, x = time + lasts, x + pace * lasts
                stops.append((round(time, 3), x, row))
            walks.append(
                Walk(stops=[stop for stop in stops if stop[1] < 0.95], track=number, width=0.04, height=HEIGHT)
            )
        walks = [walk for walk in walks if len(walk.stops) > 1]
        return Play(options={"limit_heights_per_s": limit, "rearm_s": 0.0}, walks=walks, seconds=40)

    def truth(self, view: View, options: SpeedingOptions) -> list[TrueEvent]:
        """Too fast for more than half of ``over_s``, so that the median over it is, and then for the inertia."""
        over = round(options.over_s * SECOND)
        found = []
        for path in view.of(options.classes):
            way = path.points(options.anchor)
            inside = stays(options.zone, way, options.margin)
            fast: list[bool] = []
            for frame, here in enumerate(way):
                before, box = way[frame - 1] if frame else None, path.boxes[frame]
                if here is None or before is None or box is None or not inside[frame]:
                    fast.append(False)
                    continue
                seconds = (view.times_ns[frame] - view.times_ns[frame - 1]) / SECOND
                moved = hypot((here[0] - before[0]) * view.width, (here[1] - before[1]) * view.height)
                heights = moved / ((box[3] - box[1]) * view.height)
                fast.append(heights / seconds > options.limit_heights_per_s)
            median = [
                2 * sum(each) > len(each)
                for frame, now in enumerate(view.times_ns)
                if (each := [f for f, t in zip(fast[: frame + 1], view.times_ns, strict=False) if now - t < over])
            ]
            there = [point is not None for point in way]
            holds = [slow and here for slow, here in zip(median, there, strict=True)]
            for frame in tellings(view.times_ns, there, holds, options):
                found.append(TrueEvent(view.times_ns[frame] / SECOND, frozenset({path.who})))
        return found
