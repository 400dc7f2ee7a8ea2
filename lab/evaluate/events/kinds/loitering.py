"""``loitering``: people dawdle in a zone, some with short ways out of it."""

from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import stays
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.stroll import place, strangers, stroll, zone
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from stages.alert.rules.loitering import LoiteringOptions


class Loitering:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """One to three people in and about a zone; most of their stops are in it."""
        corners = zone(random, least=0.15, most=0.3)
        options = {
            "zone": corners,
            "seconds": random.choice([4.0, 6.0, 10.0]),
            "max_gap_s": random.choice([1.0, 3.0, 5.0]),
            "rearm_s": random.choice([0.0, 10.0]),
        }
        middle = (sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners))
        while True:
            walks = []
            for number in range(1, random.randint(2, 4)):
                stops = random.randint(4, 9)
                near = [
                    (middle[0] + random.uniform(-0.08, 0.08), middle[1] + random.uniform(-0.08, 0.08))
                    if random.random() < 0.7
                    else place(random)
                    for _ in range(stops)
                ]
                walks.append(
                    stroll(random, track=number, start=random.uniform(0, 8), stops=stops, legs=(1, 7), places=near)
                )
            if strangers(walks):
                return Play(options=options, walks=walks, seconds=70)

    def truth(self, view: View, options: LoiteringOptions) -> list[TrueEvent]:
        """Time in the zone, absences up to the gap left out and not counted, longer ones starting it anew."""
        limit, longest = round(options.seconds * SECOND), round(options.max_gap_s * SECOND)
        found = []
        for path in view.of(options.classes):
            way = path.points(options.anchor)
            inside = stays(options.zone, way, options.margin)
            spent, last, left, enough = 0, -1, False, []
            for now, is_inside, point in zip(view.times_ns, inside, way, strict=True):
                if is_inside:
                    if last >= 0 and now - last > longest:
                        spent = 0
                    elif last >= 0 and not left:
                        spent += now - last
                    last, left = now, False
                elif point is not None:
                    left = True
                enough.append(is_inside and spent >= limit)
            there = [point is not None for point in way]
            for frame in tellings(view.times_ns, there, enough, options):
                found.append(TrueEvent(view.times_ns[frame] / SECOND, frozenset({path.who})))
        return found
