"""Does ``bartizan dataset capture`` choose better frames than every n-th, than chance, than the farthest first?

    python -m benchmarks.capture_choice [--counts 4,6,8] [--out FILE.json]

Recordings of the test footage are cut into stretches of some forty frames, and every rule chooses so many of each.
Judged by:

- `objects`: share of the people of a stretch, by the true identities, that are in a chosen frame (PETS, TUD)
- `errors`: what the detector got wrong in a chosen frame, missed people and false boxes, at IoU 0.5 (PETS, TUD)
- `disputed`: boxes of a chosen frame on which a second network disagrees; capture with two networks chooses by it
- `looks`: how far the objects of all frames are from the most similar object of the chosen ones, by the cosine of
  their vectors in the detector's feature maps; less is better
- `scenes`: the same for frames, by the vectors that capture itself chooses by: no independent judge

What a rule has more than every n-th is a share, with its 95 % interval, paired, stretches drawn anew. Of every n-th
the mean over all places to begin is taken, of chance over 200 draws. ``DOUBT_WEIGHT`` was not chosen by these figures;
from 1 to 8 they are much the same.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.dataset.candidate import Candidate, Eyes, candidates
from lab.dataset.capture import choose, sharp_ones, vectors_of
from lab.dataset.check import ALIKE_BITS
from lab.dataset.doubt import doubt
from lab.dataset.selection import coverage_radius
from lab.detector import open_detector, read_picture, view
from lab.evaluate.rows import Rows, read_mot
from lab.evaluate.tally import overlaps
from lab.statistics import intervals_of
from pipeline.stage import Detector
from tests.conftest import FOOTAGE

FOUND = 0.25
DRAWS = 200
LONGEST = 45
CLASSES = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "backpack", "handbag", "suitcase")
RECORDINGS = (
    ("mot15/PETS09-S2L1/vtest.avi", 2.0, "mot15/PETS09-S2L1/gt/gt.txt"),
    ("mot15/TUD-Stadtmitte/TUD-Stadtmitte.mp4", 5.0, "mot15/TUD-Stadtmitte/gt/gt.txt"),
    ("aboda/video4.avi", 2.0, None),
    ("misc/people_yas-sim.mp4", 4.0, None),
    ("misc/bikes.mp4", 4.0, None),
    ("vehicles/video1.avi", 2.0, None),
)
"""Below ``videos``: recording, frames looked at in a second, and the truth about its people where there is one."""
FIGURES = ("objects", "errors", "disputed", "looks", "scenes")
Chosen = Sequence[int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some forty frames of a recording. ``people``: identities in each; ``errors``, ``disputed``: counts of each."""

    recording: str
    seen: list[Candidate]
    vectors: npt.NDArray[np.float32]
    people: list[frozenset[int]] | None
    errors: npt.NDArray[np.float64] | None
    disputed: npt.NDArray[np.float64]


def stretches(folder: Path, eyes: Eyes, second: Detector) -> list[Stretch]:
    found = []
    for video, rate, truth in RECORDINGS:
        path = FOOTAGE / "videos" / video
        looked = list(candidates(str(path), path.stem, eyes, folder, rate=rate, seconds=None))
        rows = read_mot(FOOTAGE / "videos" / truth) if truth else None
        for part in np.array_split(np.arange(len(looked)), -(-len(looked) // LONGEST)):
            found.append(stretch(path.stem, [looked[i] for i in part], rows, eyes, second))
        near = np.mean([differing(a, b) <= ALIKE_BITS for a, b in pairwise(looked)])
        print(
            f"{path.stem}: {len(looked)} frames looked at; {near:.0%} would count as near-duplicates of the one before"
        )
    return found


def differing(a: Candidate, b: Candidate) -> int:
    """Bits of the two frames' hashes that differ, of 256."""
    return int(np.unpackbits(a.hash ^ b.hash).sum())


def stretch(recording: str, seen: list[Candidate], truth: Rows | None, eyes: Eyes, second: Detector) -> Stretch:
    others = [second.process([view(read_picture(each.file))])[0] for each in seen]
    disputed = [doubt(a.found, None, b, threshold=FOUND).disputed for a, b in zip(seen, others, strict=True)]
    people = None if truth is None else [frozenset(_rows(truth, each)[0].tolist()) for each in seen]
    errors = None if truth is None else np.array([_errors(each, truth) for each in seen], np.float64)
    return Stretch(recording, seen, vectors_of(seen, eyes), people, errors, np.array(disputed, np.float64))


def _rows(truth: Rows, each: Candidate) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    here = truth.frame == each.index + 1
    return truth.track_id[here], truth.xyxy[here].astype(np.float32)


def _errors(each: Candidate, truth: Rows) -> int:
    """People without a box, and boxes of people without one: pairs by greatest overlap."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # ships no stubs

    _, real = _rows(truth, each)
    boxes = each.found.xyxy[(each.found.confidence >= FOUND) & (each.found.class_id == 0)]
    shares = overlaps(boxes, real)
    pairs = linear_sum_assignment(-shares)
    hits = int((shares[pairs] >= 0.5).sum())
    return len(boxes) + len(real) - 2 * hits


def figures(each: Stretch, chosen: Chosen) -> list[float]:
    """In the order of ``FIGURES``; NaN where there is no truth."""
    picked = list(chosen)
    objects = errors = float("nan")
    if each.people is not None and each.errors is not None:
        objects = len(frozenset().union(*(each.people[i] for i in picked))) / len(frozenset().union(*each.people))
        errors = float(each.errors[picked].mean())
    return [objects, errors, float(each.disputed[picked].mean()), looks(each, picked), scenes(each, picked)]


def scenes(each: Stretch, chosen: Chosen) -> float:
    return coverage_radius(each.vectors, chosen)


def looks(each: Stretch, chosen: Chosen) -> float:
    """Mean, over the found objects of all frames, of 1 - cosine to the most similar one in a chosen frame."""
    frame = np.concatenate([np.full(len(one.found), i) for i, one in enumerate(each.seen)])
    sure = np.concatenate([one.found.confidence for one in each.seen]) >= FOUND
    parts = [one.found.embedding for one in each.seen if one.found.embedding is not None and len(one.found)]
    if not parts or not sure.any():
        return float("nan")
    vectors, frame = np.concatenate(parts)[sure], frame[sure]
    mine = vectors[np.isin(frame, chosen)]
    return float((1 - (vectors @ mine.T).max(axis=1)).mean()) if len(mine) else 1.0


def by_capture(each: Stretch, count: int, eyes: Eyes, *, two: bool) -> list[Chosen]:
    """As the command does, with one network or with ``two``."""
    seen = each.seen
    if two:
        both = zip(seen, each.disputed, strict=True)
        seen = [replace(one, doubt=replace(one.doubt, disputed=int(number))) for one, number in both]
    return [[pick.number for pick in choose(seen, sharp_ones(seen), count, eyes)]]


def by_nth(each: Stretch, count: int) -> list[Chosen]:
    step = len(each.seen) / count
    return [[int(begin + i * step) for i in range(count)] for begin in range(int(step))]


def by_chance(each: Stretch, count: int) -> list[Chosen]:
    rng = np.random.default_rng(0)
    return [rng.choice(len(each.seen), count, replace=False).tolist() for _ in range(DRAWS)]


def by_farthest(each: Stretch, count: int) -> list[Chosen]:
    """k-centre, greedily (Sener and Savarese, ICLR 2018), from the frame in the middle of all."""
    gaps = np.linalg.norm(each.vectors[:, None] - each.vectors[None], axis=2)
    chosen = [int(gaps.sum(axis=1).argmin())]
    while len(chosen) < count:
        chosen.append(int(gaps[:, chosen].min(axis=1).argmax()))
    return [chosen]


def compared(parts: Sequence[Stretch], counts: Sequence[int], eyes: Eyes) -> dict[str, Any]:
    """Of each figure each rule's mean, and how much more it is than that of every n-th, as a share of that."""
    rules: dict[str, Callable[[Stretch, int], list[Chosen]]] = {
        "every n-th": by_nth,
        "chance": by_chance,
        "farthest first": by_farthest,
        "capture": partial(by_capture, eyes=eyes, two=False),
        "capture, two networks": partial(by_capture, eyes=eyes, two=True),
    }
    table = np.array(
        [
            [np.mean([_mean(each, rule(each, count)) for count in counts], axis=0) for each in parts]
            for rule in rules.values()
        ]
    )
    outcome: dict[str, Any] = {}
    for number, figure in enumerate(FIGURES):
        values = table[:, ~np.isnan(table[0, :, number]), number]
        said: dict[str, Any] = {"stretches": values.shape[1]}
        for name, mine in zip(rules, values, strict=True):
            said[name] = {"mean": round(float(mine.mean()), 4)}
            if name != "every n-th":
                said[name]["more"] = _more(mine, values[0])
        outcome[figure] = said
    return outcome


def _mean(each: Stretch, choices: Sequence[Chosen]) -> npt.NDArray[np.float64]:
    mean: npt.NDArray[np.float64] = np.mean([figures(each, chosen) for chosen in choices], axis=0)
    return mean


def _more(mine: npt.NDArray[np.float64], nth: npt.NDArray[np.float64]) -> list[float]:
    def measures(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return (weights @ mine / np.maximum(weights @ nth, 1e-9) - 1)[:, None]

    interval = intervals_of(measures, len(mine), rounds=4000)[0]
    return [round(value, 3) for value in (interval.value, interval.low, interval.high)]


def look(folder: Path) -> tuple[list[Stretch], Eyes]:
    """Everything that takes time: the stretches, with what two networks see in each frame."""
    weights = FOOTAGE / "weights"
    options: dict[str, Any] = {"classes": CLASSES, "confidence": 0.05, "device": "cpu"}
    eyes = Eyes(open_detector(weights / "yolo26n-deq8.pt", embedding=True, **options), threshold=FOUND)
    return stretches(folder, eyes, open_detector(weights / "yolo11n-deq8.pt", **options)), eyes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="4,6,8")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        parts, eyes = look(Path(folder))
        outcome = compared(parts, [int(count) for count in chosen.counts.split(",")], eyes)
    report(outcome)
    if chosen.out:
        chosen.out.write_text(json.dumps({"counts": chosen.counts, "figures": outcome}, indent=1) + "\n")


def report(outcome: dict[str, Any]) -> None:
    for figure, rules in outcome.items():
        print(f"{figure}, {rules['stretches']} stretches")
        for name in (name for name in rules if name != "stretches"):
            more = rules[name].get("more")
            print(
                f"  {name:22} {rules[name]['mean']:.3f}"
                + ("   {:+.1%} [{:+.1%}, {:+.1%}]".format(*more) if more else "")
            )


if __name__ == "__main__":
    main()
