"""What does each feature of the model of normal add, and how should their surprises be added up?

    python -m benchmarks.anomaly_features --cache DIR

The shared clips of UCSD Ped2, as ``bartizan evaluate anomaly`` learns and scores them, with some of the features and
with other ways to add them up: every -ln p in full, or only what is beyond that of the upper tenth (``quiet``).
``vtest``: what one in a hundred frames of the shared vtest.avi scores by a model of its other half; nothing unusual
happens there, so lower is better.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from lab.evaluate.anomaly.frame_auc import FrameAuc, frame_auc
from lab.evaluate.anomaly.labels import Flags
from lab.evaluate.anomaly.masks import mask_folders, read_masks, regions_of
from lab.evaluate.anomaly.regions import Found, Region, found_regions
from lab.evaluate.anomaly.scoring import Scored, Seen, score
from lab.evaluate.anomaly.seeing import see
from lab.normal.observe import default_detector
from stages.alert.normal.feature import QUIET, Feature
from stages.alert.normal.features import FEATURES
from stages.alert.normal.fitting import fit
from stages.alert.normal.observed import Observed
from stages.alert.normal.scorer import Scorer

RESULT = Path(__file__).parent / "results" / "anomaly_features.txt"
FIRST = ("speed", "size", "class")
LATER = ("heading", "dwell", "path")
Kinds = Mapping[str, type[Feature]]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder for detections")
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args(arguments)
    scene = Scene.seen(chosen.cache)
    lines = ["# python -m benchmarks.anomaly_features --cache DIR", "", Row.HEAD]
    for title, kinds in variants().items():
        lines.append(str(scene.row(title, kinds)))
        print(lines[-1], flush=True)
    lines += [
        "",
        f"quiet: max(0, -ln p - {QUIET:.2f}); full: -ln p. micro, macro (clips of both kinds): causal, in percent.",
    ]
    chosen.out.write_text("\n".join(lines) + "\n")


def variants() -> dict[str, Kinds]:
    """By title."""
    shipped = {name: FEATURES[name] for name in (*FIRST, *LATER)}
    first = {name: FEATURES[name] for name in FIRST}
    found: dict[str, Kinds] = {"speed, size, class": first}
    for name in LATER:
        for title, quiet in (("full", 0.0), ("quiet", QUIET)):
            found[f"and {name}, {title}"] = first | {name: counted(FEATURES[name], quiet)}
    return found | {
        "all, as shipped": shipped,
        "all full": {name: counted(kind, 0.0) for name, kind in shipped.items()},
        "all quiet": {name: counted(kind, QUIET) for name, kind in shipped.items()},
        "all, the later three quiet": first | {name: counted(shipped[name], QUIET) for name in LATER},
    }


def counted(kind: type[Feature], quiet: float) -> type[Feature]:
    """A feature that enters the sum in another way."""
    return type(kind.__name__, (kind,), {"quiet": quiet})


@dataclass(frozen=True)
class Row:
    """One variant."""

    HEAD = (
        f"{'features':<28}{'micro':>8}{'macro':>8}{'micro, looks ahead':>20}{'macro, looks ahead':>20}"
        f"{'RBDC':>8}{'TBDC':>8}{'vtest':>8}{'ms a frame':>12}"
    )
    title: str
    frames: FrameAuc
    places: Found
    vtest: float
    milliseconds: float

    def __str__(self) -> str:
        auc, found = self.frames, self.places
        return (
            f"{self.title:<28}{100 * auc.micro:>8.2f}{100 * auc.macro:>8.2f}{100 * auc.micro_ahead:>20.2f}"
            f"{100 * auc.macro_ahead:>20.2f}{100 * found.rbdc:>8.1f}{100 * found.tbdc:>8.1f}{self.vtest:>8.1f}"
            f"{self.milliseconds:>12.2f}"
        )


@dataclass(frozen=True)
class Scene:
    """The clips, seen once."""

    normal: Mapping[str, Seen]
    test: Mapping[str, Seen]
    truth: Mapping[str, Flags]
    regions: Mapping[str, Sequence[Region]]
    vtest: Sequence[Observed]
    names: Sequence[str]

    @classmethod
    def seen(cls, cache: Path | None) -> "Scene":
        """Everything through capture, detector and tracker."""
        from tests.conftest import FOOTAGE

        ped2, detector = FOOTAGE / "datasets" / "ucsd_ped2", default_detector()
        found = [
            see({each.name: each for each in sorted(folder.iterdir())}, detector, fps=10.0, cache=cache, what=what)
            for folder, what in ((ped2 / "training" / "frames", "normal"), (ped2 / "testing" / "frames", "test"))
        ]
        vtest = FOOTAGE / "videos" / "mot15" / "PETS09-S2L1" / "vtest.avi"
        crowd = see({"vtest": vtest}, detector, fps=10.0, cache=cache, what="vtest")["vtest"].observed
        truth, regions = {}, {}
        with (FOOTAGE / "labels" / "ucsd_ped2.csv").open() as file:
            for row in csv.DictReader(file):
                truth[row["clip"]] = flags = np.zeros(found[1][row["clip"]].frames, np.bool_)
                flags[int(row["first_anomalous_frame"]) - 1 : int(row["last_anomalous_frame"])] = True
        for name, folder in mask_folders(ped2 / "masks", found[1]).items():
            regions[name] = regions_of(read_masks(folder, frames=found[1][name].frames))
        return cls(found[0], found[1], truth, regions, crowd, detector.names)

    def row(self, title: str, kinds: Kinds) -> Row:
        """What these features reach."""
        model = fit([each.observed for each in self.normal.values()], names=self.names, kinds=kinds)
        started = process_time()
        scored = {name: score(model, self.test[name]) for name in self.truth}
        spent_ms = 1000 * (process_time() - started) / sum(len(self.test[name].observed) for name in self.truth)
        scores = frame_auc({name: each.score for name, each in scored.items()}, self.truth)
        apart = np.quantile(list(self._apart(kinds)), 0.99)
        return Row(title, scores, self._places(scored), float(apart), spent_ms)

    def _places(self, scored: Mapping[str, Scored]) -> Found:
        return found_regions({name: scored[name].boxes for name in self.regions}, self.regions)

    def _apart(self, kinds: Kinds) -> Iterator[float]:
        middle = len(self.vtest) // 2
        halves = self.vtest[:middle], self.vtest[middle:]
        for known, other in (halves, halves[::-1]):
            scorer = Scorer(fit([known], names=self.names, kinds=kinds))
            yield from (scorer.score(each).total for each in other)


if __name__ == "__main__":
    main(sys.argv[1:])
