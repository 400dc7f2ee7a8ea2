"""Falls and fights: what the rule ``fall`` and the behaviour models reach, beside what needs no knowledge at all.

    python -m benchmarks.falls_fights --work DIR [--no-normal]

*Alarms of falls.* The rule, and boxes that are just wide, watch the five shared clips of falls and normal footage
through the detector that ships, the tracker and the alert stage. *Windows.* Behaviour models as ``bartizan train
behaviour`` makes and proves them (``configs/lab/behaviour_falls.yml``, ``behaviour_fights.yml``): nested
cross-validation in which no source is both learned from and tested on. Beside them, by the same folds: motion energy
alone; size, length and brightness of the clips alone; always the most frequent class. ``DIR`` keeps logs and training
runs, so that a second time is short.

Intervals hold 95 %: counts by Clopper and Pearson or Garwood, figures of windows by drawing the sources anew.
"""

import argparse
import csv
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np

from lab.evaluate.behaviour import Judged, always
from lab.evaluate.behaviour_recording import per_hour
from lab.train.behaviour.baselines import by_rows
from lab.train.behaviour.folds import Outcome, chosen_in_each_fold, judged, of_candidate
from lab.train.behaviour.settings import BehaviourSettings
from lab.train.behaviour.windows import Windows
from pipeline.messages import FrameRecord, Record
from stages.alert.options import AlertOptions, RuleOptions
from stages.alert.rule import Claim, NoMemory, Rule
from stages.alert.rules.fall import Fall
from stages.alert.scene import Scene

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "falls_and_fights.txt"
FALLS_FPS = 25.0
QUIET = (
    "mot15/PETS09-S2L1/vtest.avi",
    "mot15/TUD-Stadtmitte/TUD-Stadtmitte.mp4",
    "misc/people_yas-sim.mp4",
    "aboda/video4.avi",
    "misc/bikes.mp4",
)
"""People who neither fall nor fight: a square, a street, a busy street, a hall, cyclists."""
SHOWN = ("accuracy", "precision", "recall", "f1", "roc_auc")
LEVELS = (0.5, 0.7, 0.9)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for logs and training runs")
    parser.add_argument("--no-normal", action="store_true", help="leave out the models on normal footage, some minutes")
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args(arguments)
    from tests.conftest import FOOTAGE

    lines = ["# python -m benchmarks.falls_fights --work DIR" + (" --no-normal" if chosen.no_normal else "")]
    for line in _lines(FOOTAGE, chosen.work, normal=not chosen.no_normal):
        lines.append(line)
        print(line, flush=True)
    chosen.out.write_text("\n".join(lines) + "\n")


def _lines(footage: Path, work: Path, *, normal: bool) -> Iterator[str]:
    yield from alarm_lines(footage, work)
    for name in ("falls", "fights"):
        settings, base = _settings(name)
        yield from window_lines(name, settings, base, work / name)
        if normal:
            yield from normal_lines(name, settings, base, work / name, footage)


# ---- alarms of falls


class WideOptions(RuleOptions):
    """Options of ``wide``."""

    rule: Literal["wide"] = "wide"
    lying: float = 1.1


class Wide:
    """Fulfils ``Rule``: the trivial one. Whose box is wider than high lies."""

    Options: ClassVar[type[WideOptions]] = WideOptions
    Memory: ClassVar[type[NoMemory]] = NoMemory
    momentary: ClassVar[bool] = False

    def __init__(self, options: WideOptions) -> None:
        self.options = options

    def look(self, scene: Scene, _memory: dict[int, Any]) -> list[Claim]:
        """Everybody whose box is wide."""
        box = scene.box * np.array([scene.frame.width, scene.frame.height] * 2)
        aspect = (box[:, 2] - box[:, 0]) / np.maximum(box[:, 3] - box[:, 1], 1e-9)
        rows = zip(scene.subject.tolist(), aspect.tolist(), strict=True)
        return [
            Claim(who, "width_over_height", each, self.options.lying)
            for who, each in rows
            if each >= self.options.lying
        ]

    def describe(self, who: str, _claim: Claim) -> str:
        """What it says."""
        return f"{who} is wide"

    def region(self) -> dict[str, Any]:
        """None."""
        return {}


def _rules() -> dict[str, Rule]:
    def wide(seconds: float) -> Rule:
        return Wide(WideOptions(classes=("person",), min_confidence=0.25, enter_inertia_s=seconds))

    return {
        "rule fall": Fall(Fall.Options()),
        "rule fall, still_s: 0.5": Fall(Fall.Options(still_s=0.5)),
        "wide box for 0.3 s": wide(0.3),
        "wide box for 2 s": wide(2.0),
        "nothing, ever": wide(3600.0),
    }


def alarm_lines(footage: Path, work: Path) -> Iterator[str]:
    """What rules tell of clips in which somebody falls, and of footage in which nobody does."""
    falls = _falls(footage)
    frames = footage / "datasets" / "le2i_coffee" / "testing" / "frames"
    clips = {name: _log(frames / name, work / "logs" / f"fall-{name}.log") for name in falls}
    quiet = {name: _log(footage / "videos" / name, work / "logs" / f"{Path(name).stem}.log") for name in QUIET}
    seconds = sum(map(_seconds, quiet.values()))
    yield f"FALLS, ALARMS: {len(falls)} clips of one fall each, one room; {seconds / 60:.1f} min in which nobody falls"
    yield f"{'':<26}{'falls told':>20}{'s after the fall':>22}{'before the fall':>17}{'false':>7}{'false an hour':>20}"
    for name, rule in _rules().items():
        late, early = [], 0
        for clip, log in clips.items():
            first, last = falls[clip]
            times = _starts(rule, log)
            early += sum(time < first / FALLS_FPS for time in times)
            late += [time - last / FALLS_FPS for time in times if time >= first / FALLS_FPS][:1]
        false = sum(len(_starts(rule, log)) for log in quiet.values())
        low, high = clopper_pearson(len(late), len(falls))
        rate, least, most = per_hour(false, seconds)
        told = f"{len(late)} of {len(falls)} [{low:.2f}, {high:.2f}]"
        delays = ", ".join(f"{each:+.1f}" for each in late) or "-"
        hourly = f"{rate:.0f} [{least:.0f}, {most:.0f}]"
        yield f"{name:<26}{told:>20}{delays:>22}{early:>17}{false:>7}{hourly:>20}"
    yield ""


def clopper_pearson(count: int, of: int) -> tuple[float, float]:
    """The range that holds the true share with 95 % (Clopper and Pearson 1934)."""
    beta: Any = import_module("scipy.stats").beta
    low = float(beta.ppf(0.025, count, of - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, of - count)) if count < of else 1.0
    return low, high


def _falls(footage: Path) -> dict[str, tuple[int, int]]:
    """First and last frame of each fall."""
    with (footage / "labels" / "le2i_falls.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    return {row["clip"]: (int(row["fall_start_frame"]), int(row["fall_end_frame"])) for row in rows}


def _log(clip: Path, file: Path) -> list[Record]:
    """The log of a clip by the detector that ships; kept."""
    from lab.normal.observe import default_detector, records

    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.msgpack.encode(records(clip, detector=default_detector(), fps=FALLS_FPS)))
    return msgspec.msgpack.decode(file.read_bytes(), type=list[Record])


def _seconds(log: Sequence[Record]) -> float:
    times = [record.frame.media_ns for record in log if isinstance(record, FrameRecord)]
    return (times[-1] - times[0]) / 1e9


def _starts(rule: Rule, log: Sequence[Record]) -> list[float]:
    """Media times, in seconds, at which events start."""
    from stages.alert.stage import AlertStage
    from stages.track.options import TrackOptions
    from stages.track.tracker import ByteTracker

    stage = AlertStage(AlertOptions(), rules=[rule], trackers=lambda _: ByteTracker(TrackOptions()))
    return [event.started for event in stage.process("lab", log).events if event.type == "start"]


# ---- windows


@dataclass(frozen=True)
class Proven:
    """A training run: its windows and what its candidates said of the folds that they did not see."""

    settings: BehaviourSettings
    windows: Windows
    found: list[Outcome]

    @property
    def which(self) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """The windows that were tested."""
        return np.flatnonzero(~self.windows.held)

    def nested(self) -> Judged:
        """By the candidate that each fold chose without its test part."""
        return judged(self.windows, chosen_in_each_fold(self.found))

    def alone(self, rows: "np.ndarray[Any, np.dtype[np.float64]]") -> Judged | None:
        """By so little of each window."""
        return by_rows(rows, self.windows, self.which, self.settings)

    def energy(self) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Mean change of brightness from picture to picture: float64 (n, 1)."""
        column = self.windows.columns["motion"].start
        found = self.windows.rows[0, :, :, column].mean(dim=1).numpy().astype(np.float64)
        return np.asarray(found[:, None], np.float64)


def window_lines(name: str, settings: BehaviourSettings, base: Path, out: Path) -> Iterator[str]:
    """Figures over windows, and source by source."""
    from lab.train.behaviour.training import read_outcomes, read_windows, train

    if not (out / "results.json").is_file():
        train(settings, out, base=base, resume=out.is_dir())
    run = Proven(settings, read_windows(settings, base=base), read_outcomes(out))
    nested, windows = run.nested(), run.windows
    share = float((nested.truth == 1).mean())
    yield (
        f"{name.upper()}, WINDOWS: {len(nested.truth)} of {len(np.unique(windows.clip[run.which]))} clips from "
        f"{nested.sources} sources, {share:.0%} of them {settings.names[1]}"
    )
    yield f"{'':<32}" + "".join(f"{each:>21}" for each in SHOWN)
    blind = always(nested.truth, nested.source, nested.classes)
    said: dict[str, Judged | None] = {
        "behaviour model, chosen nested": nested,
        "motion energy alone": run.alone(run.energy()),
        "size, length, brightness alone": run.alone(windows.facts),
        f"always {settings.names[int(blind.decided[0])]}": blind,
    }
    for what, each in said.items():
        cells = ["-"] * len(SHOWN) if each is None else [_cell(each, figure) for figure in SHOWN]
        yield f"{what:<32}" + "".join(f"{cell:>21}" for cell in cells)
    best = max(settings.candidates, key=lambda one: _area(run, one.name))
    area, tried = _area(run, best.name), len(settings.candidates)
    yield f"no promise, picked by looking at the test: the best of {tried}, {best.name}, has a ROC-AUC of {area:.2f}"
    yield ""
    yield from _source_lines(run)


def _source_lines(run: Proven) -> Iterator[str]:
    """What the nested model said of each source."""
    chosen = chosen_in_each_fold(run.found)
    which = np.concatenate([np.array(each.test) for each in chosen])
    nested, of_source = run.nested(), run.windows.source[which]
    yield f"  by source{'clips':>22}{'windows':>9}{'found':>12}{'taken for it':>14}"
    for number in np.unique(of_source):
        mine = of_source == number
        there, said = nested.truth[mine] == 1, nested.decided[mine] == 1
        clips = len(np.unique(run.windows.clip[which][mine]))
        found = f"{int((there & said).sum())} of {int(there.sum())}"
        wrong = f"{int((~there & said).sum())} of {int((~there).sum())}"
        yield f"  {f'source {number + 1}':<25}{clips:>6}{mine.sum():>9}{found:>12}{wrong:>14}"
    yield ""


def _cell(each: Judged, figure: str) -> str:
    found = each.interval(figure)
    if math.isnan(found.value):
        return "-"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _area(run: Proven, name: str) -> float:
    return judged(run.windows, of_candidate(run.found, name)).figure("roc_auc")


def normal_lines(name: str, settings: BehaviourSettings, base: Path, out: Path, footage: Path) -> Iterator[str]:
    """What the model that was trained on all clips says of footage in which there is nothing to be found."""
    from lab.evaluate.behaviour_recording import alarms_at, watch
    from lab.settings import beside
    from lab.train.behaviour.tracks import TrackCutter
    from stages.classify.behaviour import BehaviourModel, BehaviourOptions

    model = BehaviourModel(BehaviourOptions(model=out / "model"))
    cutter = None
    if settings.scope == "track" and settings.detector is not None:
        cutter = TrackCutter(beside(base / "_", settings.detector), margin=settings.margin)
    seen = [watch(model, footage / "videos" / each, cutter=cutter) for each in QUIET]
    seconds = sum(each.seconds for each in seen)
    yield f"{name.upper()}, FALSE ALARMS of the model of all clips in {seconds / 60:.1f} min without any"
    for level in LEVELS:
        count = alarms_at(seen, level)
        rate, low, high = per_hour(count, seconds)
        yield f"  threshold {level:g}: {count}, {rate:.0f} an hour [{low:.0f}, {high:.0f}]"
    yield ""


def _settings(name: str) -> tuple[BehaviourSettings, Path]:
    from lab.settings import load

    file = ROOT / "configs" / "lab" / f"behaviour_{name}.yml"
    return load(file, BehaviourSettings), file.parent


if __name__ == "__main__":
    main(sys.argv[1:])
