"""``in_field``: people stroll into a zone and out again."""

from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import stays
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.stroll import strangers, stroll, zone
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from stages.alert.rules.in_field import InFieldOptions


class InField:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """One to four people."""
        options = {
            "zone": zone(random),
            "anchor": random.choice(["bottom_centre", "centre"]),
            "enter_inertia_s": random.choice([0.0, 0.3, 1.0]),
            "rearm_s": random.choice([0.0, 5.0]),
        }
        while True:
            walks = [
                stroll(random, track=number, start=random.uniform(0, 8), stops=random.randint(2, 6))
                for number in range(1, random.randint(2, 5))
            ]
            if strangers(walks):
                return Play(options=options, walks=walks, seconds=40)

    def truth(self, view: View, options: InFieldOptions) -> list[TrueEvent]:
        """Each stay of each object, told once it has lasted for the inertia."""
        found = []
        for path in view.of(options.classes):
            way = path.points(options.anchor)
            there = [point is not None for point in way]
            inside = stays(options.zone, way, options.margin)
            for frame in tellings(view.times_ns, there, inside, options):
                found.append(TrueEvent(view.times_ns[frame] / SECOND, frozenset({path.who})))
        return found
