"""``crowding``: people gather in a zone and disperse."""

from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import stays
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.spell import tellings
from lab.evaluate.events.stroll import place, strangers, stroll, zone
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from stages.alert.rules.crowding import CrowdingOptions


class Crowding:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """Four to eight people, and a limit that they sometimes exceed."""
        corners = zone(random, least=0.15, most=0.3)
        options = {
            "zone": corners,
            "limit": random.randint(1, 4),
            "enter_inertia_s": random.choice([0.0, 1.0, 3.0]),
            "rearm_s": random.choice([0.0, 5.0]),
        }
        x, y = sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners)
        while True:
            walks = []
            for number in range(1, random.randint(5, 9)):
                near = (x + random.uniform(-0.1, 0.1), y + random.uniform(-0.1, 0.1))
                places = [place(random), near, near]
                walks.append(stroll(random, track=number, start=random.uniform(0, 12), stops=5, places=places))
            if strangers(walks):
                return Play(options=options, walks=walks, seconds=45)

    def truth(self, view: View, options: CrowdingOptions) -> list[TrueEvent]:
        """More in the zone than the limit, for the inertia; who vanishes in it counts a little longer."""
        age, hidden = round(options.min_age_s * SECOND), round(options.hidden_s * SECOND)
        counts = [0] * len(view.times_ns)
        for path in view.of(options.classes):
            way = path.points(options.anchor)
            inside = stays(options.zone, way, options.margin)
            born = next((now for now, point in zip(view.times_ns, way, strict=True) if point is not None), 0)
            last = -1
            for frame, now in enumerate(view.times_ns):
                if way[frame] is not None:
                    last = now if inside[frame] and now - born >= age else -1
                counts[frame] += last >= 0 and now - last <= hidden
        too_many = [count > options.limit for count in counts]
        always = [True] * len(counts)
        frames = tellings(view.times_ns, always, too_many, options, known=False)
        return [TrueEvent(view.times_ns[frame] / SECOND) for frame in frames]
