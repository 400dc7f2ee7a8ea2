"""What each way of making a detector smaller gains and costs on this machine: size, latency, accuracy.

    python -m benchmarks.compression MODEL --work DIR --calibrate FOOTAGE --learn DATASET

Makes every form of MODEL with ``bartizan compress`` (whatever DIR holds already is not made again), measures each
against MODEL in float32, and writes the table into benchmarks/results/compression.md and docs/guide/compression.md, at
the place that bears the model's name. The gate is held wide open while they are made, so that refused forms stand in
the table too; the last column says what it would have decided.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from lab.bench import machine
from lab.compress.delivery import size_of
from lab.compress.gate import Verdict, judge
from lab.detector import open_detector, read_picture, view
from lab.evaluate.average_precision import Scores
from lab.evaluate.detect_options import weights_of
from lab.evaluate.figures import mean_of_known
from lab.evaluate.observation import observe
from lab.evaluate.truth import Truth, read_truth
from lab.evaluate.vocabulary import match_names
from lab.statistics import FloatArray
from pipeline.whole_file import write_whole
from stages.detect.checkpoint import digest

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "benchmarks" / "results" / "compression.md", ROOT / "docs" / "guide" / "compression.md")
FLOOR = 0.001
TOLERANCE = 0.02


@dataclass(frozen=True)
class Form:
    """A way in which the model can be run."""

    row: str
    model: Path
    precision: str


def main(arguments: Sequence[str]) -> None:
    """Make, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a .pt or a name of 'bartizan models list'")
    parser.add_argument("--work", type=Path, required=True, help="folder of the models that are made")
    parser.add_argument("--calibrate", type=Path, required=True, help="footage for INT8")
    parser.add_argument("--learn", type=Path, help="data set for pruning and distillation; without: neither")
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--ratio", type=float, default=0.1)
    parser.add_argument("--student", default="0.75")
    parser.add_argument("--epochs", type=int, default=4, help="of pruning's and distillation's teaching")
    parser.add_argument("--imgsz", type=int, default=320, help="pictures' longer side while teaching")
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare lessons")
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=1000)
    chosen = parser.parse_args(arguments)
    model = weights_of(chosen.model)
    forms = list(made(model, chosen))
    truth = coco()
    rows = [f"| {row} |" for row in table(forms, truth, chosen)]
    said = machine.facts()
    title = (
        f"{model.stem} ({digest(model)[:8]}), {said['processor']}, one thread, load {said['load']} a core when "
        f"it ended; mAP50-95 on {len(truth.images)} COCO pictures, 95 % bootstrap over pictures; {chosen.turns} turns."
    )
    words = [sys.executable.rsplit("/", 1)[-1], "-m", "benchmarks.compression", *map(_without_folder, arguments)]
    text = "\n".join([title, "", *HEAD, *rows, "", f"`{' '.join(words)}`"])
    print(text)
    for page in PAGES:
        put(page, model.stem, text)


HEAD = (
    f"| form | file | latency, best | processor | to float32 | mAP50-95 | falls by | gate at {TOLERANCE} |",
    "| --- | --: | --: | --: | --: | --- | --- | --- |",
)


def made(model: Path, chosen: argparse.Namespace) -> Iterator[Form]:
    """Every form, made where it is not there yet."""
    yield Form("float32", model, "f32")
    yield Form("bf16, the same file", model, "bf16")
    work: Path = chosen.work
    shared = ["--tolerance", "1", "--turns", "5", "--rounds", "10", *COCO]
    for keep, row in (("nothing", "INT8, all of it"), ("head", "INT8, head kept")):
        out = work / f"int8-{keep}"
        footage = ["--calibrate", str(chosen.calibrate), "--frames", str(chosen.frames)]
        compress(["int8", str(model), *footage, "--keep", keep, *shared], out)
        yield Form(row, out, "int8")
    if chosen.learn is None:
        return
    lessons = ["--learn", str(chosen.learn), "--imgsz", str(chosen.imgsz), "--lr", str(chosen.lr)]
    lessons += ["--workers", str(chosen.workers), *shared]
    out = work / "pruned"
    compress(["prune", str(model), "--ratio", str(chosen.ratio), "--finetune", str(chosen.epochs), *lessons], out)
    yield Form(f"pruned by {chosen.ratio:.0%}, float32", next(out.glob("*.pt")), "f32")
    out = work / "student"
    compress(["distill", str(model), "--student", chosen.student, "--epochs", str(chosen.epochs), *lessons], out)
    yield Form(f"student of {_without_folder(chosen.student)}, float32", next(out.glob("*.pt")), "f32")


def compress(words: Sequence[str], out: Path) -> None:
    """``bartizan compress``, unless it was done before."""
    if not out.is_dir():
        out.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pipeline.cli", "compress", *words, "--out", str(out)], check=True)


def table(forms: Sequence[Form], truth: Truth, chosen: argparse.Namespace) -> Iterator[str]:
    """A row for each form, set against the first."""
    first = scores_of(forms[0], truth)
    for form, taken in zip(forms, times(forms, truth, turns=chosen.turns), strict=True):
        judged = verdict(first, first if form is forms[0] else scores_of(form, truth), chosen)
        speed = [f"{taken.best_ms:.0f} ms", f"{taken.work_ms:.0f} ms", f"{taken.ratio:.2f}"]
        cells = [form.row, f"{size_of(form.model) / 1e6:.1f} MB", *speed]
        if form is forms[0]:
            yield " | ".join([*cells, str(judged.before), "", ""])
        else:
            yield " | ".join([*cells, str(judged.after), str(judged.loss), judged.decision])


def scores_of(form: Form, truth: Truth) -> Scores:
    """What it finds in every picture, set against the labels."""
    detector = open_detector(form.model, precision=form.precision, confidence=FLOOR, device="cpu")
    return observe(detector, truth, match_names(detector.names, truth.names), what=form.row).scores


def verdict(first: Scores, second: Scores, chosen: argparse.Namespace) -> Verdict:
    """As the gate of ``bartizan compress`` would have it."""

    def measures(weights: FloatArray) -> FloatArray:
        pair = [mean_of_known(scores.average_precisions(weights).mean(axis=2)) for scores in (first, second)]
        return np.column_stack(pair)

    return judge(measures, first.pictures, measure="mAP50-95", tolerance=TOLERANCE, rounds=chosen.rounds)


@dataclass(frozen=True)
class Time:
    """Of one picture, to its boxes.

    ``best_ms``: the quickest turn by the clock. ``work_ms``: the time that the process had the processor, which other
    work on the machine moves little, the median. ``ratio``: of that to the first form's in the same turn, the median.
    """

    best_ms: float
    work_ms: float
    ratio: float


def times(forms: Sequence[Form], truth: Truth, *, turns: int) -> list[Time]:
    """Every form, one after the other on the same picture, turn by turn."""
    few = [view(read_picture(image.path)) for image in truth.images[:8]]
    detectors = [open_detector(form.model, precision=form.precision, device="cpu") for form in forms]
    for detector in detectors:
        for each in few:  # a graph is compiled once for each size of picture
            detector.process([each])
    taken = np.zeros((turns, len(forms), 2))
    for turn in range(turns):
        for step in range(len(forms)):
            place = (turn + step) % len(forms)
            began = perf_counter(), process_time()
            detectors[place].process([few[turn % len(few)]])
            taken[turn, place] = 1e3 * (perf_counter() - began[0]), 1e3 * (process_time() - began[1])
    work = taken[:, :, 1]
    ratios = np.median(work / work[:, :1], axis=0)
    return [
        Time(float(taken[:, at, 0].min()), float(np.median(work[:, at])), float(ratios[at])) for at in range(len(forms))
    ]


def footage() -> Path:
    """Folder of the shared test footage."""
    from tests.conftest import FOOTAGE

    return FOOTAGE


def coco() -> Truth:
    """The 128 pictures of COCO."""
    return read_truth(Path(COCO[1]), labels=Path(COCO[3]), names="coco")


_COCO = footage() / "datasets" / "coco256_lightly"
COCO = (
    *("--data", str(_COCO / "images" / "val2017")),
    *("--labels", str(_COCO / "object_detection" / "labels" / "val2017")),
    *("--names", "coco"),
)


def put(page: Path, name: str, text: str) -> None:
    """Put the text where ``page`` has marks with this name, else at its end."""
    begin, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    section = f"{begin}\n{text}\n{end}"
    before = page.read_text() if page.is_file() else "# Compressed detectors, measured\n"
    found = re.search(re.escape(begin) + ".*?" + re.escape(end), before, re.DOTALL)
    after = before[: found.start()] + section + before[found.end() :] if found else f"{before}\n{section}\n"
    write_whole(page, [after.encode()])


def _without_folder(word: str) -> str:
    """A path's last part: pages name nobody's folders."""
    return Path(word).name if "/" in word else word


if __name__ == "__main__":
    main(sys.argv[1:])
