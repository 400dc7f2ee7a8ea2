"""How well a new type of object is known from 5, 10 or 20 crops, by embedding and by method.

    python -m benchmarks.few_shot EMBEDDER... [--shots 5,10,20] [--methods prototype,discriminant]

Episodes: a type is named by a few crops from six tenths of the pictures, and looked for among the crops of the others.
Nothing is trained, and no picture gives both examples and questions. Types are the classes of the 128 COCO pictures,
or with ``--people`` the 19 people of vtest.avi, where "pictures" are stretches of four seconds. EMBEDDER is what
'bartizan train few-shot --embedder' takes; DESIGN=FILE for plain weights. Intervals: types drawn again and again.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from lab.detector import read_picture
from lab.evaluate.truth import read_truth
from lab.statistics import FloatArray, Interval, interval_of
from lab.train.classify.crops import Crop, cut, widened
from lab.train.classify.embedder import write_embedder
from lab.train.classify.few_shot import Method, name_types
from lab.train.classify.gallery import open_embedder
from lab.train.classify.settings import Design
from pipeline.stage import Picture
from stages.classify.few_shot import normalised, scores

SMALLEST_PX = 24
STEP, STRETCH = 4, 28
"""Of vtest.avi (7 frames a second) every so many frames are looked at; so many are one picture."""
FEWEST_ASKED = 3
POOL = 0.6
"""Share of the pictures that examples come from."""
RATE = 0.02
"""False alarms that the threshold is set for."""


def main(arguments: Sequence[str]) -> None:
    """Print a row for each embedder, method and number of examples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("embedder", nargs="+", help="a classifier's or any .onnx, a detector's .pt, or DESIGN=FILE")
    parser.add_argument("--shots", default="5,10,20")
    parser.add_argument("--methods", default="prototype,discriminant")
    parser.add_argument("--repeats", type=int, default=4, help="episodes of each type")
    parser.add_argument("--people", action="store_true", help="people of vtest.avi instead of classes of COCO")
    chosen = parser.parse_args(arguments)
    pictures, names, owners = people() if chosen.people else objects()
    print(f"{len(pictures)} crops of {len(set(names))} types from {len(set(owners))} pictures", flush=True)
    print("| embedding | method | crops | types | AUC | found | false alarms |\n|---|---|--:|--:|---|---|---|")
    for embedder in chosen.embedder:
        rows = embedded(embedder, pictures)
        for method in chosen.methods.split(","):
            for shots in map(int, chosen.shots.split(",")):
                found = list(episodes(rows, names, owners, method, shots=shots, repeats=chosen.repeats))
                cells = [Path(embedder).stem, method, str(shots), *figures(found)]
                print(f"| {' | '.join(cells)} |", flush=True)


Crops = tuple[list[Picture], npt.NDArray[np.str_], npt.NDArray[np.str_]]
"""Pixels, type and picture of each."""


def objects() -> Crops:
    """Every labelled object of COCO that is large enough."""
    from tests.conftest import FOOTAGE

    folder = FOOTAGE / "datasets" / "coco256_lightly"
    labels = folder / "object_detection" / "labels" / "val2017"
    truth = read_truth(folder / "images" / "val2017", labels=labels, names="coco")
    pixels, names, owners = [], [], []
    for image in truth.images:
        whole = read_picture(image.path)
        for box, number in zip(image.xyxy, image.class_id, strict=True):
            if min(box[2:] - box[:2]) >= SMALLEST_PX:
                pixels.append(cut(whole, Crop(image.path, widened(box, image.size, 0.1), "")))
                names.append(truth.names[number])
                owners.append(image.path.stem)
    return pixels, np.array(names), np.array(owners)


def people() -> Crops:
    """The people of vtest.avi, each a type of their own."""
    import cv2

    from lab.evaluate.rows import read_mot
    from tests.conftest import FOOTAGE

    folder = FOOTAGE / "videos" / "mot15" / "PETS09-S2L1"
    truth = read_mot(folder / "gt" / "gt.txt")
    video = cv2.VideoCapture(str(folder / "vtest.avi"))
    pixels, names, owners = [], [], []
    for number in range(1, int(truth.frame.max()) + 1):
        whole = np.asarray(video.read()[1], np.uint8)
        for row in np.flatnonzero(truth.frame == number) if number % STEP == 0 else ():
            box = widened(truth.xyxy[row].astype(np.float32), (whole.shape[0], whole.shape[1]), 0.1)
            pixels.append(cut(whole, Crop(folder, box, "")))
            names.append(f"person {truth.track_id[row]}")
            owners.append(f"{number // STRETCH:03d}")
    return pixels, np.array(names), np.array(owners)


def embedded(embedder: str, pictures: Sequence[Picture]) -> npt.NDArray[np.float32]:
    """A row of each crop, by the graph that would be deployed."""
    design, _, file = embedder.rpartition("=")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "embedder.onnx"
        write_embedder(Path(file), place, design=cast(Design, design) if design else None)
        graph = open_embedder(place)
        output = int(graph.card.get("output", 0))
        return np.concatenate([graph([picture], output=output) for picture in pictures])


def episodes(
    rows: npt.NDArray[np.float32],
    names: npt.NDArray[np.str_],
    owners: npt.NDArray[np.str_],
    method: str,
    *,
    shots: int,
    repeats: int,
) -> Iterator[tuple[str, float, float, float]]:
    """Type, area under the ROC curve, share found, and share of others that passed, of each episode."""
    for place, name in enumerate(np.unique(names)):
        for repeat in range(repeats):
            random = np.random.default_rng((place, repeat, shots))
            shuffled = random.permutation(np.unique(owners))
            pool = np.isin(owners, shuffled[: int(len(shuffled) * POOL)])
            mine = names == name
            if (mine & pool).sum() < shots or (mine & ~pool).sum() < FEWEST_ASKED:
                continue
            examples = random.choice(np.flatnonzero(mine & pool), shots, replace=False)
            others = random.permutation(np.flatnonzero(~mine & pool))
            made = name_types({"it": rows[examples]}, rows[others], method=cast(Method, method), false_alarm_rate=RATE)
            kind, centre = made["types"][0], np.array(made["centre"], np.float32)
            judged = scores(normalised(rows[~pool], centre), [np.array(kind.rows, np.float32)])[:, 0]
            right, wrong = judged[mine[~pool]], judged[~mine[~pool]]
            above = float((right[:, None] > wrong).mean())
            yield str(name), above, float((right > kind.threshold).mean()), float((wrong > kind.threshold).mean())


def figures(found: Sequence[tuple[str, float, float, float]]) -> list[str]:
    """Number of types, and each figure's mean over them with its interval."""
    types = sorted({name for name, *_ in found})
    means = np.array([np.mean([rest for name, *rest in found if name == kind], axis=0) for kind in types])
    return [str(len(types)), *(str(_over_types(means[:, column])) for column in range(3))]


def _over_types(values: FloatArray) -> Interval:
    return interval_of(lambda weights: float(weights @ values / weights.sum()), len(values))


if __name__ == "__main__":
    main(sys.argv[1:])
