"""``fall``: people fall, lie down slowly, crouch, and get up again; as boxes show it."""

from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import stays
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from pipeline.testing import Walk
from stages.alert.rules.fall import FallOptions

UPRIGHT, CROUCHING, LYING = (0.08, 0.2), (0.09, 0.1), (0.2, 0.08)
"""Width and height of a box."""


class Fall:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """One or two people, far apart; each walks, goes down in some way, stays down for a while, and gets up."""
        still = random.choice([1.0, 2.0, 4.0])
        walks: list[Walk] = []
        for number in range(1, random.randint(2, 3)):
            x, y, time = 0.3 * number, random.uniform(0.4, 0.9), random.uniform(2.5, 6)
            walks.append(_posture(number, UPRIGHT, (time - 2.4, x - 0.1, y), (time, x, y)))
            way = random.choice(["falls", "falls", "crouches", "lies down slowly"])
            if way == "lies down slowly":
                low = time + random.uniform(2.6, 4)
                walks.append(_posture(number, CROUCHING, (time + 0.06, x, y), (low, x, y)))
                time = low
            down = time + random.choice([random.uniform(0.3, 0.7), random.uniform(1.3, 3)]) * still
            shape = CROUCHING if way == "crouches" else LYING
            walks.append(_posture(number, shape, (time + 0.06, x, y), (down, x, y)))
            walks.append(_posture(number, UPRIGHT, (down + 0.06, x, y), (down + 4, x + 0.1, y)))
        return Play(options={"still_s": still, "rearm_s": 0.0}, walks=walks, seconds=25)

    def truth(self, view: View, options: FallOptions) -> list[TrueEvent]:
        """From upright to lying within the time, the head lower by the drop, and lying there for the time."""
        within, still = round(options.within_s * SECOND), round(options.still_s * SECOND)
        found = []
        for path in view.of(options.classes):
            way = path.points(options.anchor)
            inside = stays(options.zone, way, options.margin)
            stood, top, high, fell, holds = -1, 0.0, 0.0, -1, []
            for frame, now in enumerate(view.times_ns):
                box = path.boxes[frame]
                if box is not None and inside[frame]:
                    wide, tall = (box[2] - box[0]) * view.width, (box[3] - box[1]) * view.height
                    if wide / tall <= options.upright:
                        stood, top, high, fell = now, box[1] * view.height, tall, -1
                    elif wide / tall >= options.lying:
                        sudden = stood >= 0 and now - stood <= within
                        if fell < 0 and sudden and box[1] * view.height - top >= options.drop * high:
                            fell = now
                    else:
                        fell = -1
                holds.append(box is not None and fell >= 0 and now - fell >= still)
            there = [point is not None for point in way]
            for frame in tellings(view.times_ns, there, holds, options):
                found.append(TrueEvent(view.times_ns[frame] / SECOND, frozenset({path.who})))
        return found


def _posture(
    track: int, shape: tuple[float, float], start: tuple[float, float, float], end: tuple[float, float, float]
) -> Walk:
    wide, high = shape
    stops = [(round(start[0], 3), *start[1:]), (round(end[0], 3), *end[1:])]
    return Walk(stops=stops, track=track, width=wide, height=high)
