"""Does a budget of false alarms hold on normal time that nothing was learned from?

    python -m benchmarks.normal_budget [--cache DIR] [--scenes ped2,vtest,road] [--no-days]

Normal by definition: recordings and generated days in which nothing unusual happens, so every alert is false.

*Scenes.* Each is cut into parts. For each part, model and calibration are learned from the others (``bartizan learn``),
and the rule ``anomaly`` watches that part with the threshold that the budget makes, in the alert stage as it is
deployed. Alerts of all parts are added up. *Days.* People cross a street, more by day than by night; one day is learned
from, two calibrate, three are watched. Scores of an autoregressive process are drawn again and again, to see how
often the interval is missed: one time in twenty is right.

Beside each number stand two intervals of 95 %: ``poisson``, with the budget as its mean, and ``predicted``,
which knows that the threshold was set on little footage (negative binomial). ``--cache`` keeps detections between
runs.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from lab.normal.keeping import keep
from lab.normal.learning import Clip, folds_of, footage_of, learn
from lab.normal.observe import default_detector, observe_records, records
from lab.normal.suspicion import suspicion
from pipeline.clock import SECOND
from pipeline.messages import EndRecord, FrameRecord, Record
from stages.alert.normal.calibration import DAY_S, Calibration
from stages.alert.normal.counting import Counting, Segment, count
from stages.alert.normal.fitting import fit
from stages.alert.normal.flow_field import FlowField
from stages.alert.normal.observed import Observed
from stages.alert.normal.poisson import interval, predictive_interval

RESULT = Path(__file__).parent / "results" / "normal_budget.txt"
PER_MINUTE = (0.5, 1.0, 2.0)
PER_DAY = (1.0, 2.0, 5.0, 20.0)
PARTS = 4


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder for detections")
    parser.add_argument("--scenes", default="ped2,vtest,road", help="names, or nothing")
    parser.add_argument("--no-days", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args(arguments)
    lines = [Row.HEAD]
    print(Row.HEAD, flush=True)
    for row in _rows(chosen):
        lines.append(str(row))
        print(row, flush=True)
    chosen.out.write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Row:
    """One budget on one scene."""

    HEAD = (
        f"{'scene':<22}{'calibrated on':>16}{'watched':>12}{'budget':>14}{'expected':>10}{'alerts':>8}"
        f"{'poisson':>12}{'predicted':>12}"
    )
    scene: str
    calibrated_s: float
    watched_s: float
    per_s: float
    alerts: int

    @property
    def predicted(self) -> tuple[int, int]:
        """Between which the number should be."""
        return predictive_interval(self.per_s * self.calibrated_s, self.watched_s / self.calibrated_s)

    @property
    def is_inside(self) -> bool:
        """Whether it is."""
        low, high = self.predicted
        return low <= self.alerts <= high

    def __str__(self) -> str:
        expected, (low, high) = self.per_s * self.watched_s, self.predicted
        daily = self.per_s * 60 < 0.1
        budget = f"{self.per_s * DAY_S:g}/day" if daily else f"{self.per_s * 60:g}/min"
        unit, length = ("d", DAY_S) if daily else ("min", 60.0)
        verdict = "inside" if self.is_inside else "OUTSIDE"
        known = "{}-{}".format(*interval(expected))
        return (
            f"{self.scene:<22}{self.calibrated_s / length:>12.1f} {unit:<3}{self.watched_s / length:>8.1f} {unit:<3}"
            f"{budget:>14}{expected:>10.1f}{self.alerts:>8}{known:>12}{f'{low}-{high}':>12}  {verdict}"
        )


def _rows(chosen: argparse.Namespace) -> Iterator[Row | str]:
    for name in filter(None, chosen.scenes.split(",")):
        yield from scene_rows(name, _logs(name, chosen.cache))
    if not chosen.no_days:
        yield from street_rows()
        yield from stream_lines()


# ---- real scenes


def _clips(scene: str) -> list[Path]:
    from tests.conftest import FOOTAGE

    match scene:
        case "ped2":
            return sorted((FOOTAGE / "datasets" / "ucsd_ped2" / "training" / "frames").iterdir())
        case "vtest":
            return [FOOTAGE / "videos" / "mot15" / "PETS09-S2L1" / "vtest.avi"]
        case "road":
            return [FOOTAGE / "videos" / "vehicles" / "video1.avi"]
    raise SystemExit(f"--scenes: ped2, vtest and road are known, not {scene}")


def _logs(scene: str, cache: Path | None) -> list[list[Record]]:
    file = None if cache is None else cache / f"{scene}.msgpack"
    if file is not None and file.is_file():
        return msgspec.msgpack.decode(file.read_bytes(), type=list[list[Record]])
    detector = default_detector()
    logs = [records(clip, detector=detector) for clip in _clips(scene)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.msgpack.encode(logs))
    return logs


def scene_rows(name: str, logs: Sequence[Sequence[Record]]) -> Iterator[Row]:
    """Each budget on a scene, all its parts together."""
    clips = [observe_records(log) for log in logs]
    owner = {id(frame): number for number, clip in enumerate(clips) for frame in clip}
    parts = folds_of(clips, least_s=0.0)
    alerts = dict.fromkeys(PER_MINUTE, 0)
    seconds = calibrated = 0.0
    for number, part in enumerate(parts):
        others = [clip for other, each in enumerate(parts) if other != number for clip in each]
        learned = learn(others, least_s=0.0)
        calibrated += learned.calibration.seconds / len(parts)
        seconds += footage_of(part, 1.0).frames / learned.footage.fps
        with tempfile.TemporaryDirectory() as folder:
            keep(Path(folder) / name, "lab", learned.model, learned.calibration, learned.footage)
            for budget in PER_MINUTE:
                for clip in part:
                    log = _stretch(logs[owner[id(clip[0])]], clip)
                    alerts[budget] += _alerts(Path(folder) / name, budget * 1440, log)
    for budget in PER_MINUTE:
        yield Row(name, calibrated, seconds, budget / 60, alerts[budget])


def _stretch(log: Sequence[Record], clip: Clip) -> list[Record]:
    """The records of a stretch of a clip, with what a log begins and ends with."""
    first, last = clip[0].index, clip[-1].index
    frames = [each for each in log if isinstance(each, FrameRecord) and first <= each.frame.index <= last]
    return [*log[:2], *frames, EndRecord(last, "eof")]


def _alerts(model: Path, per_day: float, log: Sequence[Record]) -> int:
    """Events that the rule starts."""
    from stages.alert.options import AlertOptions
    from stages.alert.rules.anomaly import Anomaly
    from stages.alert.stage import AlertStage
    from stages.track.options import TrackOptions
    from stages.track.tracker import ByteTracker

    rule = Anomaly(Anomaly.Options(normal=model, false_alarms_per_day=per_day))
    stage = AlertStage(AlertOptions(), rules=[rule], trackers=lambda _: ByteTracker(TrackOptions()))
    return sum(event.type == "start" for event in stage.process("lab", log).events)


# ---- days

DRAWS, STREAM_BUDGETS = 12, (2, 10, 40)
LEARNED, CALIBRATED, WATCHED = 1, 2, 3
FPS = 5
ROWS, COLUMNS = 12, 16
PER_HOUR = np.array([1, 1, 1, 1, 1, 2, 6, 14, 20, 14, 12, 14, 18, 16, 14, 14, 16, 22, 20, 14, 10, 6, 4, 2]) * 1.2


def street_rows() -> Iterator[Row]:
    """Days of people who cross a street, each frame through the scorer."""
    random = np.random.default_rng(11)
    model = fit([street_day(random) for _ in range(LEARNED)], names=["person", "bicycle"])
    calibration = Calibration.of([suspicion(model, street_day(random)) for _ in range(CALIBRATED)])
    segments = [suspicion(model, street_day(random)) for _ in range(WATCHED)]
    yield from _day_rows("street, generated", calibration, segments, PER_DAY)


def stream_lines() -> Iterator[str]:
    """Scores that hang together over seconds: how often is the number of alerts inside its interval?"""
    inside, alerts = dict.fromkeys(STREAM_BUDGETS, 0), dict.fromkeys(STREAM_BUDGETS, 0)
    for draw in range(DRAWS):
        random = np.random.default_rng(100 + draw)
        calibration = Calibration.of([stream_day(random) for _ in range(2)])
        for row in _day_rows("", calibration, [stream_day(random) for _ in range(3)], STREAM_BUDGETS):
            budget = round(row.per_s * DAY_S)
            inside[budget] += row.is_inside
            alerts[budget] += row.alerts
    for budget in STREAM_BUDGETS:
        yield (
            f"scores, generated: {DRAWS} times 2 days calibrate and 3 are watched, {budget}/day: "
            f"{alerts[budget]} alerts, {DRAWS * 3 * budget} expected; {inside[budget]} of {DRAWS} inside"
        )


def _day_rows(
    name: str, calibration: Calibration, segments: Sequence[Segment], budgets: Sequence[float]
) -> Iterator[Row]:
    thresholds = np.array([calibration.threshold(each) for each in budgets])
    alerts = count(segments, Counting(), thresholds).tolist()
    seconds = sum(each.seconds for each in segments)
    for budget, raised in zip(budgets, alerts, strict=True):
        yield Row(name, calibration.seconds, seconds, budget / DAY_S, raised)


def street_day(random: np.random.Generator) -> list[Observed]:
    """A day: most walk, some run or cycle, boxes jitter, the detector is now and then wrong about the class."""
    starts = np.sort(np.concatenate([hour * 3600 + random.uniform(0, 3600, n) for hour, n in _visits(random)]))
    pace = np.exp(random.normal(np.log(0.07), 0.25, len(starts)))
    foot, wide = random.uniform(0.4, 0.95, len(starts)), random.normal(0.06, 0.008, len(starts))
    kind, mistaken = random.random(len(starts)) < 0.03, random.random(len(starts)) < 0.01
    ends = starts + 0.9 / pace
    ticks = [np.arange(start * FPS, end * FPS).astype(np.int64) for start, end in zip(starts, ends, strict=True)]
    busy = np.unique(np.concatenate(ticks))
    quiet = np.arange(0, 86_400 * FPS, 2 * FPS)
    frames = np.union1d(busy, quiet)
    wobble = np.zeros(len(starts))
    day = []
    for frame in frames.tolist():
        now = frame / FPS
        first, last = np.searchsorted(starts, [now - 90, now], side="right").tolist()
        there = first + np.flatnonzero(ends[first:last] > now)
        wobble[there] = 0.9 * wobble[there] + random.normal(0, 0.05, len(there))
        left = 0.02 + (now - starts[there]) * pace[there]
        width = wide[there] * foot[there] * (1 + wobble[there])
        box = np.clip(np.stack([left, foot[there] - 0.3 * foot[there], left + width, foot[there]], axis=1), 0, 1)
        speed = random.exponential(0.3, (ROWS, COLUMNS)).astype(np.float32)
        gait = 360 * pace[there] * foot[there] * (1 + 0.3 * wobble[there])
        for (x0, y0, x1, y1), each in zip(box.tolist(), gait.tolist(), strict=True):
            speed[int(y0 * ROWS) : int(y1 * ROWS) + 1, int(x0 * COLUMNS) : int(x1 * COLUMNS) + 1] += each
        flow = FlowField(speed, (float(COLUMNS), float(ROWS)))
        classes = (kind[there] ^ mistaken[there]).astype(np.int32)
        sure = np.full(len(there), 0.8, np.float32)
        subject = (there + 1).astype(np.int32)
        day.append(Observed(frame, frame * SECOND // FPS, subject, classes, sure, box.reshape(-1, 4), flow))
    return day


def _visits(random: np.random.Generator) -> Iterator[tuple[int, int]]:
    return enumerate(random.poisson(PER_HOUR).tolist())


def stream_day(random: np.random.Generator) -> Segment:
    """Scores once a second, quieter at night, hanging together over about ten seconds."""
    steps = random.normal(size=86_400) * np.sqrt(1 - 0.9**2)
    score, now = np.zeros(86_400), 0.0
    for second, step in enumerate(steps.tolist()):
        now = 0.9 * now + step
        score[second] = now
    loud = 0.7 + 0.3 * np.sin(np.arange(86_400) / DAY_S * 2 * np.pi)
    return Segment((np.arange(86_400) * SECOND).astype(np.int64), 2 * loud * np.maximum(score, 0) ** 2)


if __name__ == "__main__":
    main(sys.argv[1:])
