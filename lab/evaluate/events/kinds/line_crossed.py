"""``line_crossed``: people stroll across a line, round its ends, and turn back on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from random import Random

from lab.evaluate.events.kind import Play
from lab.evaluate.events.plane import Point, meets, side
from lab.evaluate.events.scoring import TrueEvent
from lab.evaluate.events.stroll import strangers, stroll
from lab.evaluate.events.view import View
from pipeline.clock import SECOND
from stages.alert.rules.line_crossed import LineCrossedOptions
from stages.alert.rules.tailgating import TailgatingOptions


class LineCrossed:
    """Fulfils ``Kind``."""

    def play(self, random: Random) -> Play:
        """One to four people, and a line somewhere in the middle."""
        line = [
            (round(random.uniform(0.2, 0.8), 3), round(random.uniform(0.3, 0.5), 3)),
            (round(random.uniform(0.2, 0.8), 3), round(random.uniform(0.6, 0.95), 3)),
        ]
        random.shuffle(line)
        options = {
            "line": line,
            "direction": random.choice(["left", "right", "any"]),
            "enter_inertia_s": random.choice([0.0, 0.3, 1.0]),
            "rearm_s": random.choice([0.0, 5.0]),
        }
        while True:
            walks = [
                stroll(random, track=number, start=random.uniform(0, 8), stops=random.randint(2, 7))
                for number in range(1, random.randint(2, 5))
            ]
            if strangers(walks):
                return Play(options=options, walks=walks, seconds=45)

    def truth(self, view: View, options: LineCrossedOptions) -> list[TrueEvent]:
        """Each change of side that led through the line, told once the object has stayed there for the inertia."""
        again = round(options.rearm_s * SECOND)
        found = []
        for path in view.of(options.classes):
            frames = [(n, point) for n, point in enumerate(path.points(options.anchor)) if point is not None]
            quiet = -1
            for crossed in crossings(frames, view.times_ns, options):
                if crossed.due_ns >= quiet:
                    found.append(TrueEvent(crossed.due_ns / SECOND, frozenset({path.who})))
                    quiet = crossed.due_ns + again
        return found


@dataclass(frozen=True, slots=True)
class Crossed:
    """Somebody came to the other side through the line, and stayed there."""

    since_ns: int
    due_ns: int
    """When that is told at the earliest."""
    side: int
    """-1 left, 1 right."""


def crossings(
    frames: list[tuple[int, Point]], times_ns: Sequence[int], options: LineCrossedOptions | TailgatingOptions
) -> list[Crossed]:
    """One object's crossings; ``frames``: where it is at the frames at which it is there, by number.

    Its way is cut into stays on either side, the margin about the line belonging to the side it came from.
    """
    if not frames:
        return []
    line, first_seen = (options.line[0], options.line[1]), times_ns[frames[0][0]]
    inertia, age = (round(seconds * SECOND) for seconds in (options.enter_inertia_s, options.min_age_s))
    wanted = {"left": (-1,), "right": (1,), "any": (-1, 1)}[options.direction]
    on, sides = 0, []
    for _, point in frames:
        away = side(line, point)
        on = (1 if away > 0 else -1) if abs(away) > options.margin else on
        sides.append(on)
    home, start, found = 0, 0, []
    for now, members in groupby(sides):
        end = start + len(list(members))
        times = [times_ns[number] for number, _ in frames[start:end]]
        if now and not home:
            home = now
        elif now and now != home:
            through = last_way(line, [point for _, point in frames[: start + 1]])
            due = next((time for time in times if time - times[0] >= inertia and time - first_seen >= age), None)
            if through and now in wanted and due is not None:
                found.append(Crossed(times[0], due, now))
            if times[-1] - times[0] >= inertia:
                home = now
        start = end
    return found


def last_way(line: tuple[Point, Point], way: list[Point]) -> bool:
    """Whether the last step over the endless line led through the segment."""
    for before, after in zip(way[-2::-1], way[:0:-1], strict=False):
        if (side(line, before) < 0) != (side(line, after) < 0):
            return meets(line, before, after)
    return False
