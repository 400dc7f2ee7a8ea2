"""``abandoned_object``: people put a bag down, stay with it, leave it, come back for it; others pass far off."""

from math import hypot
from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.view import Standing, View
from pipeline.clock import SECOND
from pipeline.testing import Walk
from stages.alert.rules.abandoned_object import AbandonedObjectOptions

WIDTH = 0.05


class AbandonedObject:
    """Fulfils ``Kind``. The first walk is the owner."""

    def play(self, random: Random) -> Play:
        """The owner of one bag, and sometimes somebody who passes on another row."""
        seconds = random.choice([4.0, 8.0])
        x, y = random.uniform(0.1, 0.2), random.uniform(0.7, 0.9)
        come, put = random.uniform(2, 4), random.uniform(5, 8)
        leave = put + random.uniform(2, 10)
        stops = [(1.5, 0.03, y), (come, x, y), (leave, x, y)]
        away = leave + random.uniform(3, 6)
        match random.choice(["goes", "goes", "stays near", "comes back in time", "comes back late"]):
            case "goes":
                stops.append((away, 0.9, y))
            case "stays near":
                stops += [(away, x + 3 * WIDTH, y), (away + 25, x + 3 * WIDTH, y)]
            case "comes back in time":
                stops += [(away, 0.9, y), (away + 3, x, y), (away + 20, x, y)]
            case _:
                late = away + 3 + seconds + random.uniform(2, 6)
                stops += [(away, 0.9, y), (late, 0.9, y), (late + 4, x, y), (late + 12, x, y)]
        walks = [Walk(stops=[(round(time, 3), across, down) for time, across, down in stops], width=WIDTH)]
        if random.random() < 0.5:
            start = random.uniform(3, 20)
            walks.append(Walk(stops=[(start, 0.95, 0.35), (start + 8, 0.05, 0.35)], track=2, width=WIDTH))
        left = x + random.uniform(0.01, 0.02)
        bag = Standing((left, y - 0.04, left + 0.04, y), round(put, 3), 1000.0)
        return Play(options={"seconds": seconds}, walks=walks, seconds=55, things=[bag])

    def truth(self, view: View, options: AbandonedObjectOptions) -> list[TrueEvent]:
        """Each thing whose owner has been away for as long as he may be hidden, and then for the time. Away is farther
        than ``far``, from foot to foot in widths of his box, and until he is back within ``near``."""
        near, far = options.distances
        limit = round((options.lost_s + options.seconds) * SECOND)
        found = []
        for thing in view.things:
            foot = ((thing.box[0] + thing.box[2]) / 2, thing.box[3])
            since, holds = -1, []
            for now, box in zip(view.times_ns, view.paths[0].boxes, strict=True):
                reach = far if since < 0 else near
                attended = False
                if box is not None:
                    aside = ((box[0] + box[2]) / 2 - foot[0]) * view.width
                    apart = hypot(aside, (box[3] - foot[1]) * view.height)
                    attended = apart <= reach * WIDTH * view.width
                standing = thing.from_s + 1 <= now / SECOND < thing.until_s
                since = -1 if attended or not standing else now if since < 0 else since
                holds.append(since >= 0 and now - since >= limit)
            always = [True] * len(holds)
            for frame in tellings(view.times_ns, always, holds, options, known=False):
                found.append(TrueEvent(view.times_ns[frame] / SECOND))
        return found
