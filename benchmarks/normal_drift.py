"""What becomes of a model of normal when the season changes: kept as it was, updated, or updated with what alarmed.

    python -m benchmarks.normal_drift [--days 10] [--every 2] [--minutes 6]

Generated days of people who cross a street, of each quarter of the day ``--minutes`` minutes at 2 frames a second.
From day to day they come 5 % more often, 4 % faster and 1 % larger. Once a day somebody cycles by, much faster than
anybody walks; the detector calls him a person. Nothing else is unusual, so every other alert is a false one.

*frozen*: the model of two days before the change, for ever. *updated*: after every ``--every`` days the next
generation is learned as ``bartizan normal update`` does, from a sample of ``--minutes`` minutes of each quarter of the
day; what alarmed is never learned. *control*: the same, and what alarmed is learned. *dropped*: what alarmed is never
learned, and does not count as false alarms either: what the calibration is for.

*steady*: updated as well, in a street in which nothing changes from day to day: its alerts should stay at what is
accepted.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lab.normal.alarms import Alarm
from lab.normal.learning import Learned
from lab.normal.reservoir import Followed, Reservoir, Terms
from lab.normal.reteaching import teach
from lab.normal.stretch import LASTS_NS, Header, Stretch, pack, unpack
from lab.normal.suspicion import suspicion
from pipeline.clock import SECOND
from stages.alert.normal.calibration import DAY_S
from stages.alert.normal.counting import Counting
from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.observed import Observed

RESULT = Path(__file__).parent / "results" / "normal_drift.txt"
PER_DAY = 72.0
FPS, ROWS, COLUMNS = 2, 12, 16
HOURS = (3, 9, 15, 20)
PER_MINUTE = (1.0, 5.0, 6.0, 3.0)
MORE, FASTER, LARGER = 1.05, 1.04, 1.01
PACE, CYCLES = 0.07, 0.35
CYCLIST = 100_000
MONDAY_NS = 1_767_571_200 * SECOND
FOLDS = 3
ARMS = ("frozen", "updated", "dropped", "control", "steady")


@dataclass
class Arm:
    """One way to go on."""

    learned: Learned
    reservoir: Reservoir
    alarms: list[Alarm] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)
    """False ones, by day."""
    found: int = 0
    """Days on which the cyclist was."""
    held: tuple[float, float] | None = None
    """The last threshold that raised an alert, and what the generation that did says of its rate."""

    @property
    def threshold(self) -> float:
        """Of the budget."""
        return self.learned.calibration.threshold(PER_DAY)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--minutes", type=int, default=6)
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args(arguments)
    lines = []
    for line in _lines(chosen.days, chosen.every, chosen.minutes):
        print(line, flush=True)
        lines.append(line)
    chosen.out.write_text("\n".join(lines) + "\n")


def _lines(days: int, every: int, minutes: int) -> Iterator[str]:
    random, steady = np.random.default_rng(4), np.random.default_rng(5)
    before = [clip for day in (-2, -1) for clip in street(random, day, minutes, cyclist=False)]
    budget = PER_DAY * len(HOURS) * minutes * 60 / DAY_S
    yield f"{PER_DAY:g} false alarms a day accepted: {budget:.1f} in {len(HOURS) * minutes} minutes of each day"
    yield f"{'day':>4}{'pace':>7}" + "".join(f"{f'{name}, alerts':>17}{'threshold':>11}" for name in ARMS)
    with tempfile.TemporaryDirectory() as folder:
        all_of_it = _filled(Path(folder) / "all", before, 2 * minutes)
        learned = teach(all_of_it, all_of_it.index.entries, most_folds=FOLDS).learned
        arms = {name: Arm(learned, _filled(Path(folder) / name, before, minutes)) for name in ARMS}
        for day in range(days):
            seen = list(street(random, day, minutes, cyclist=True))
            still = list(street(steady, day, minutes, cyclist=True, season=0))
            for name, arm in arms.items():
                watch(arm, still if name == "steady" else seen)
            cells = "".join(f"{arm.alerts[-1]:>17}{arm.threshold:>11.1f}" for arm in arms.values())
            yield f"{day + 1:>4}{FASTER ** (day + 1):>7.2f}{cells}"
            for name, arm in arms.items():
                if name != "frozen" and (day + 1) % every == 0 and day + 1 < days:
                    update(arm, name, day)
        sums = "".join(f"{sum(arm.alerts):>17}{'':>11}" for arm in arms.values())
        yield f"{'all':>4}{'':>7}{sums}   ({budget * days:.1f} accepted)"
        found = "".join(f"{arm.found:>17}{'':>11}" for arm in arms.values())
        yield f"cyclist on {'':0}{found}   of {days} days"


def _filled(folder: Path, stretches: Sequence[Stretch], minutes: int) -> Reservoir:
    reservoir = Reservoir.open(folder, "street", Terms(most=minutes))
    for name in ("before", "street"):
        reservoir.index.logs[name] = Followed()
    reservoir.offer(stretches)
    return reservoir


def update(arm: Arm, name: str, day: int) -> None:
    """The next generation."""
    log = arm.reservoir.index.logs["street"]
    log.alarms = [] if name == "control" else list(arm.alarms)
    log.threshold, log.expected_per_day = arm.held if arm.held and name in ("updated", "steady") else (None, 0.0)
    arm.learned = teach(arm.reservoir, arm.reservoir.index.entries, most_folds=FOLDS).learned


def watch(arm: Arm, day: Sequence[Stretch]) -> None:
    """A day with the model as it is; then the day is offered to the sample."""
    threshold, counting = arm.threshold, Counting()
    false, found = 0, False
    for quarter in np.array_split(np.arange(len(day)), len(HOURS)):
        frames = [frame for number in quarter.tolist() for frame in day[number].frames]
        segment = suspicion(arm.learned.model, frames)
        assert segment.subject is not None
        for rows, course in segment.courses():
            number = course.alarms(threshold, confirmed := course.confirmed(counting), counting)
            if not number:
                continue
            subject = int(segment.subject[rows[0]])
            arm.held = threshold, arm.learned.calibration.expected_per_day(threshold)
            times = segment.media_ns[rows][confirmed >= threshold]
            arm.alarms.append(
                Alarm(
                    "anomaly",
                    f"{times[0]} {subject}",
                    int(times[0]),
                    int(times[-1]),
                    [subject] if subject > 0 else [],
                    placed=subject <= 0,
                    threshold=threshold,
                )
            )
            cycled = subject >= CYCLIST or _rides(frames, int(times[0]))
            found = found or cycled
            false += 0 if cycled else number
    arm.alerts.append(false)
    arm.found += found
    arm.reservoir.offer(day)


def _rides(frames: Sequence[Observed], now_ns: int) -> bool:
    """Whether the cyclist is there, or was a moment ago: movement that is nobody's is then his."""
    return any(
        abs(frame.media_ns - now_ns) <= 2 * SECOND and bool((frame.subject >= CYCLIST).any()) for frame in frames
    )


def street(
    random: np.random.Generator, day: int, minutes: int, *, cyclist: bool, season: int | None = None
) -> Iterator[Stretch]:
    """A day's minutes, as they are after they were kept. ``season``: how many days things have changed; None: since
    the first."""
    season = max(day + 1, 0) if season is None else season
    when = int(random.integers(len(HOURS)))
    for quarter, hour in enumerate(HOURS):
        frames = list(_minutes(random, day, quarter, minutes, cyclist=cyclist and quarter == when, season=season))
        for number in range(minutes):
            part = frames[number * 60 * FPS : (number + 1) * 60 * FPS]
            begins = part[0].media_ns
            wall = MONDAY_NS + (day * 24 + hour) * 3600 * SECOND + number * LASTS_NS
            name = "street" if cyclist else "before"
            header = Header(name, begins // LASTS_NS, "", ("person", "bicycle"), begins, part[-1].media_ns, wall)
            yield unpack(pack(Stretch(header, part)))


def _minutes(
    random: np.random.Generator, day: int, quarter: int, minutes: int, *, cyclist: bool, season: int
) -> Iterator[Observed]:
    lasts = minutes * 60
    count = random.poisson(PER_MINUTE[quarter] * MORE**season * (lasts + 60) / 60)
    starts = np.sort(random.uniform(-60, lasts, count))
    pace = np.exp(random.normal(np.log(PACE * FASTER**season), 0.2, count))
    foot, wide = random.uniform(0.4, 0.95, count), random.normal(0.06 * LARGER**season, 0.006, count)
    if cyclist:
        starts, pace = np.append(starts, random.uniform(30, lasts - 30)), np.append(pace, CYCLES)
        foot, wide = np.append(foot, 0.7), np.append(wide, 0.09)
    first = ((day + 10) * len(HOURS) + quarter) * minutes
    ids = first * 100 + 1 + np.arange(len(starts))
    if cyclist:
        ids[-1] = CYCLIST * 10 + day
    for frame in range(lasts * FPS):
        now = frame / FPS
        left = 0.02 + (now - starts) * pace
        there = np.flatnonzero((left >= 0.02) & (left < 0.92))
        width = wide[there] * foot[there] * (1 + random.normal(0, 0.03, len(there)))
        box = np.clip(np.stack([left[there], 0.7 * foot[there], left[there] + width, foot[there]], axis=1), 0, 1)
        speed = random.exponential(0.3, (ROWS, COLUMNS)).astype(np.float32)
        gait = 360 * pace[there] * foot[there] * (1 + random.normal(0, 0.1, len(there)))
        for (x0, y0, x1, y1), each in zip(box.tolist(), gait.tolist(), strict=True):
            speed[int(y0 * ROWS) : int(y1 * ROWS) + 1, int(x0 * COLUMNS) : int(x1 * COLUMNS) + 1] += each
        media_ns = first * LASTS_NS + frame * SECOND // FPS
        flow = FlowField(speed, (float(COLUMNS), float(ROWS)))
        classes, sure = np.zeros(len(there), np.int32), np.full(len(there), 0.8, np.float32)
        subject = ids[there].astype(np.int32)
        yield Observed(media_ns * FPS // SECOND, media_ns, subject, classes, sure, box.reshape(-1, 4), flow)


if __name__ == "__main__":
    main(sys.argv[1:])
