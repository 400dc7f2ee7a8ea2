"""``tailgating``: people go through a door, some of them right behind another."""

from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.kinds.line_crossed import crossings
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.stroll import strangers, stroll
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from stages.alert.rules.tailgating import TailgatingOptions


class Tailgating:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """Two to five people, who cross the middle of the picture from left to right or from right to left."""
        options = {
            "line": [(0.5, 0.3), (0.5, 1.0)],
            "direction": random.choice(["left", "right", "any"]),
            "within_s": random.choice([2.0, 5.0]),
            "enter_inertia_s": random.choice([0.0, 0.3, 1.0]),
            "rearm_s": random.choice([0.0, 5.0]),
        }
        while True:
            walks = []
            for number in range(1, random.randint(3, 6)):
                row = 0.35 + 0.12 * number
                ends = [(random.uniform(0.05, 0.35), row), (random.uniform(0.65, 0.95), row)]
                random.shuffle(ends)
                start = random.uniform(0, 18)
                walks.append(
                    stroll(random, track=number, start=start, stops=3, legs=(2.0, 7.0), places=ends, height=0.1)
                )
            if strangers(walks):
                return Play(options=options, walks=walks, seconds=40)

    def truth(self, view: View, options: TailgatingOptions) -> list[TrueEvent]:
        """Each crossing that comes at most ``within_s`` after another one's to the same side. Of two at once either may
        be told."""
        within, again = round(options.within_s * SECOND), round(options.rearm_s * SECOND)
        all_crossings = []
        for path in view.of(options.classes):
            frames = [(n, point) for n, point in enumerate(path.points(options.anchor)) if point is not None]
            all_crossings += [(each, path.who) for each in crossings(frames, view.times_ns, options)]
        all_crossings.sort(key=lambda entry: (entry[0].since_ns, entry[1]))
        found: list[TrueEvent] = []
        quiet: dict[int, int] = {}
        for number, (crossed, who) in enumerate(all_crossings):
            behind = any(
                other != who and ahead.side == crossed.side and crossed.since_ns - ahead.since_ns <= within
                for ahead, other in all_crossings[:number]
            )
            if behind and crossed.due_ns >= quiet.get(who, 0):
                side_by_side = [
                    other
                    for ahead, other in all_crossings
                    if (ahead.since_ns, ahead.side) == (crossed.since_ns, crossed.side)
                ]
                found.append(TrueEvent(crossed.due_ns / SECOND, frozenset(side_by_side)))
                quiet[who] = crossed.due_ns + again
        return found
