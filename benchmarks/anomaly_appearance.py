"""What the feature ``appearance`` adds to a model of normal, and what it costs.

    python -m benchmarks.anomaly_appearance --data DIR --work DIR [--only ped2,pasted,cost]

``--data``: the shared data (its README says what is what). ``--work``: kept boxes and pictures, which may be deleted.

``ped2``: UCSD Ped2 with the shipped detector and ``embedding``: frame AUC, RBDC and TBDC of the model with all other
features, with appearance too, and with appearance alone. ``pasted``: what it is for, things that move, measure and are
called like all others and only look odd. In vtest.avi people stand still, as large as people are there: some cut out
of TUD-Stadtmitte (``foreign``), some cut out of vtest.avi in the colours of a negative (``negative``), and, to tell odd
looks from standing still in a pasted patch, others as they were (``own``). The first 500 frames teach, the others are
watched, cut into clips. Of each track the highest value of the feature, or sum of parts, counts; AUC: how often one of
those pasted is above one who walks there. ``cost``: of a look at a full bank, and bytes.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.dataset.mot_format import VIDEOS
from lab.detector import open_detector
from lab.evaluate.anomaly.clip import clips_in
from lab.evaluate.anomaly.frame_auc import auc, frame_auc
from lab.evaluate.anomaly.labels import flags, read_labels
from lab.evaluate.anomaly.masks import mask_folders, read_masks, regions_of
from lab.evaluate.anomaly.regions import found_regions
from lab.evaluate.anomaly.scoring import Seen, score
from lab.evaluate.anomaly.seeing import see
from lab.normal.keeping import packed
from pipeline.detections import Detections
from pipeline.stage import Detector, Picture
from stages.alert.normal.appearance import Appearance
from stages.alert.normal.bank import MOST, WIDTH, Bank
from stages.alert.normal.feature import Feature
from stages.alert.normal.features import FEATURES
from stages.alert.normal.fitting import fit
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.normal.scorer import Scorer

Boxes = npt.NDArray[np.float64]
TAUGHT, CLIP = 500, 48
"""Frames of vtest.avi: those that teach, and those of a clip that is watched."""
PASTED = ("foreign", "negative", "own")
PLACES = ((150, 250, 60), (330, 430, 95), (560, 380, 85), (250, 330, 75), (470, 250, 62), (640, 480, 105))
"""Where feet stand in vtest.avi, x and y, and how high people are there; pixels."""
Kinds = Mapping[str, type[Feature]]


def variants() -> dict[str, Kinds]:
    """What is compared."""
    name = Appearance.name
    return {
        "all but appearance": {key: kind for key, kind in FEATURES.items() if key != name},
        "with appearance": FEATURES,
        "appearance alone": {key: kind for key, kind in FEATURES.items() if key == name},
    }


def ped2(data: Path, work: Path, detector: Detector) -> None:
    """The table of UCSD Ped2."""
    folder = data / "datasets" / "ucsd_ped2"
    clips, labels = clips_in(folder / "testing" / "frames"), data / "labels" / "ucsd_ped2.csv"
    kept: dict[str, Any] = {"fps": 10.0, "cache": work / "boxes"}
    normal = see(clips_in(folder / "training" / "frames"), detector, what="normal clips", **kept)
    test = see(clips, detector, what="test clips", **kept)
    truth = flags(read_labels(labels), {name: seen.frames for name, seen in test.items()}, labels)
    masks = mask_folders(folder / "masks", clips)
    regions = {name: regions_of(read_masks(where, frames=test[name].frames)) for name, where in masks.items()}
    print(f"UCSD Ped2, {len(test)} test clips: causal frame AUC, percent\n")
    print(f"{'':20}{'micro':>8}{'macro':>8}{'RBDC':>8}{'TBDC':>8}")
    for name, kinds in variants().items():
        model = _fitted(normal, detector, kinds)
        scored = {clip: score(model, seen) for clip, seen in test.items()}
        found = frame_auc({clip: each.score for clip, each in scored.items()}, truth)
        places = found_regions({clip: scored[clip].boxes for clip in regions}, regions)
        figures = (found.micro, found.macro, places.rbdc, places.tbdc)
        print(f"{name:20}{''.join(f'{100 * each:8.2f}' for each in figures)}")
    looks = [frame.looks for seen in normal.values() for frame in seen.observed if frame.looks is not None]
    print(f"\n{sum(map(len, looks))} looks taught; the window's movement counts in every row\n")


def _fitted(normal: Mapping[str, Seen], detector: Detector, kinds: Kinds) -> NormalModel:
    observed = [seen.observed for seen in normal.values()]
    return fit(observed, names=detector.names, detector=detector.model["sha256"], kinds=kinds)


def pasted(data: Path, work: Path, detector: Detector) -> None:
    """The table of odd people in vtest.avi."""
    mot = data / "videos" / "mot15"
    here, there = mot / "PETS09-S2L1", mot / "TUD-Stadtmitte"
    pictures = _read(here)
    own, foreign = _people(pictures, here, range(0, TAUGHT, 40)), _people(_read(there), there, range(0, 170, 15))
    _write(work / "taught" / "vtest", pictures[:TAUGHT])
    starts = range(TAUGHT, len(pictures) - CLIP + 1, CLIP)
    placed: dict[str, list[tuple[Boxes, str]]] = {}
    for number, start in enumerate(starts):
        name = f"{number:02}"
        shown = [picture.copy() for picture in pictures[start : start + CLIP]]
        for turn, place in enumerate(PLACES):
            kind = PASTED[(number + turn) % len(PASTED)]
            crops = foreign if kind == "foreign" else own
            crop = crops[(len(PLACES) * number + turn) % len(crops)]
            crop = np.asarray(255 - crop, np.uint8) if kind == "negative" else crop
            placed.setdefault(name, []).append((_paste(shown, crop, *place), kind))
        _write(work / "watched" / name, shown)
    kept: dict[str, Any] = {"fps": 10.0, "cache": work / "boxes"}
    normal = see(clips_in(work / "taught"), detector, what="vtest.avi, taught", **kept)
    test = see(clips_in(work / "watched"), detector, what="vtest.avi, watched", **kept)
    print(f"vtest.avi, {len(test)} clips of {CLIP} frames with people pasted in: AUC over tracks, percent\n")
    print(f"{'':28}{''.join(f'{kind:>10}' for kind in PASTED)}")
    for name, kinds in variants().items():
        model = _fitted(normal, detector, kinds)
        sums, looks = ({kind: list[float]() for kind in (*PASTED, "walks")} for _ in range(2))
        for clip, seen in test.items():
            for kind, highest, look in _highest(model, seen.observed, placed[clip]):
                sums[kind].append(highest)
                looks[kind] += [] if look is None else [look]
        _tell_above(f"{name}, sum", sums)
    _tell_above("appearance alone, value", looks)
    print(f"\n{', '.join(f'{len(each)} {kind}' for kind, each in sums.items())}; seen well: {len(looks['walks'])} walk")
    feature = model.features[Appearance.name]
    print("normal looks reach", ", ".join(f"{feature.rare(p, (0, 0, 1, 1)):.3f} ({p:g})" for p in (0.5, 0.1, 0.01)))
    print("medians:", ", ".join(f"{np.median(each):.3f} {kind}" for kind, each in looks.items()), end="\n\n")


def _tell_above(name: str, found: Mapping[str, Sequence[float]]) -> None:
    figures = [100 * _above(found[kind], found["walks"]) for kind in PASTED]
    print(f"{name:28}{''.join(f'{each:10.1f}' for each in figures)}")


def _highest(
    model: NormalModel, clip: Sequence[Observed], placed: Sequence[tuple[Boxes, str]]
) -> list[tuple[str, float, float | None]]:
    """Of each track who it is, its highest sum of parts, and its highest value of the feature."""
    scorer, highest, looks, who = Scorer(model), dict[int, float](), dict[int, float](), dict[int, str]()
    for frame in clip:
        for one in scorer.score(frame).objects:
            highest[one.subject] = max(highest.get(one.subject, 0.0), one.sum)
            if Appearance.name in one.parts:
                looks[one.subject] = max(looks.get(one.subject, 0.0), one.parts[Appearance.name][0])
            for box, kind in placed:
                if _shared(np.array(one.box), box) > 0.5:
                    who[one.subject] = kind
    return [(who.get(subject, "walks"), value, looks.get(subject)) for subject, value in highest.items()]


def _shared(one: Boxes, other: Boxes) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    return common / float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common)


def _above(odd: Sequence[float], usual: Sequence[float]) -> float:
    kinds = np.array([True] * len(odd) + [False] * len(usual))
    return auc(np.array([*odd, *usual]), kinds)


def _people(pictures: Sequence[Picture], folder: Path, frames: range) -> list[Picture]:
    """Crops of the ground truth, one a frame: the largest whose box holds nobody else."""
    rows = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",")
    found = []
    for number in frames:
        boxes = rows[rows[:, 0] == number + 1, 2:6]
        boxes[:, 2:] += boxes[:, :2]
        high, wide = pictures[number].shape[:2]
        inside = (boxes[:, :2] > 2).all(axis=1) & (boxes[:, 2] < wide - 2) & (boxes[:, 3] < high - 2)
        alone = [
            box for n, box in enumerate(boxes)
            if inside[n] and all(_shared(box, other) < 0.02 for m, other in enumerate(boxes) if m != n)
        ]  # fmt: skip
        if alone:
            left, top, right, bottom = max(alone, key=lambda box: box[3] - box[1]).round().astype(int).tolist()
            found.append(pictures[number][top:bottom, left:right].copy())
    return found


def _paste(pictures: Sequence[Picture], crop: Picture, x: int, foot: int, height: int) -> Boxes:
    """Stand a crop there in every picture, its edges blended; its box as shares of the picture."""
    import cv2

    wide = max(round(crop.shape[1] * height / crop.shape[0]), 8)
    small = cv2.resize(crop, (wide, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    mask = np.zeros((height, wide, 1), np.float32)
    mask[2:-2, 2:-2] = 1
    mask = cv2.GaussianBlur(mask, (5, 5), 0).reshape(height, wide, 1)
    left, top = x - wide // 2, foot - height
    for picture in pictures:
        part = picture[top:foot, left : left + wide]
        part[:] = np.clip(mask * small + (1 - mask) * part, 0, 255).astype(np.uint8)
    high, broad = pictures[0].shape[:2]
    return np.array([left / broad, top / high, (left + wide) / broad, foot / high])


def _read(folder: Path) -> list[Picture]:
    from benchmarks.detect_raw import read

    (video,) = [path for path in folder.iterdir() if path.suffix.lower() in VIDEOS]
    return list(read(video, 10**9))


def _write(folder: Path, pictures: Sequence[Picture]) -> None:
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number:04}.png"), picture)


def cost() -> None:
    """The table of what it takes."""
    random = np.random.default_rng(0)
    vectors = random.normal(0, 1, (2 * MOST, 432)).astype(np.float16)
    taught = _best(lambda: Bank.fit(vectors), turns=1)
    bank, _ = Bank.fit(vectors)
    print(f"a full bank, {MOST} vectors of {WIDTH} numbers, from {2 * MOST} of 432 (one thread)\n")
    print(f"{_best(lambda: bank.distances(vectors[:1])):8.3f} ms  one look")
    print(f"{_best(lambda: bank.distances(vectors[:10])):8.3f} ms  ten looks")
    print(f"{taught / 1000:8.1f} s   to choose them")
    print(f"{len(packed(bank.arrays('appearance'))) / 1000:8.0f} kB  on the disk")
    n = 10
    plain = Detections(np.zeros((n, 4), np.float32), np.zeros(n, np.float32), np.zeros(n, np.int32))
    halves = replace(plain, embedding=vectors[:n])
    wide = replace(plain, embedding=vectors[:n].astype(np.float32))
    for name, each in (("without vectors", plain), ("with vectors, as halves", halves), ("as singles", wide)):
        print(f"{len(each.pack()) / n:8.0f} B   a box in the log, {name}")


def _best(do: Callable[[], Any], *, turns: int = 30) -> float:
    """Milliseconds."""
    spent = []
    for _ in range(turns):
        started = perf_counter()
        do()
        spent.append(perf_counter() - started)
    return 1000 * min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", default="ped2,pasted,cost")
    asked = parser.parse_args()
    only = asked.only.split(",")
    detector = open_detector("bartizan-n", embedding=True) if set(only) & {"ped2", "pasted"} else None
    if detector is not None and "ped2" in only:
        ped2(asked.data, asked.work, detector)
    if detector is not None and "pasted" in only:
        pasted(asked.data, asked.work, detector)
    if "cost" in only:
        cost()


if __name__ == "__main__":
    main()
