"""Auto-labelling a data set: teachers propose, people's labels win, what is uncertain goes to review."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from lab.dataset.completion import Completed, Policy, complete
from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.labelstudio_tasks import labelling_config, local_url, result
from lab.dataset.progress import progress
from lab.dataset.pseudo import Observer, Origin, fused_labels
from lab.dataset.yolo_format import write
from lab.detector import read_picture
from pipeline.configuration.suggestions import did_you_mean
from pipeline.errors import UsageError
from pipeline.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Labelled:
    """What auto-labelling gave: the data set as written, how many boxes are of which origin, how many await review."""

    yaml: Path
    boxes: Mapping[str, int]
    review: int
    pictures: int


def policy_for(
    theirs: Sequence[str],
    ours: Sequence[str],
    *,
    renamed: Mapping[str, str],
    types: Mapping[str, Sequence[str]],
    completed: Sequence[str],
) -> Policy:
    """How the labels of a data set with classes ``theirs`` become labels of ``ours``.

    ``renamed`` maps names (to "" drops a class), ``types`` names what a class of theirs may turn out to be, and
    ``completed`` the classes whose labels people left incomplete. Teachers fill those and the classes that people
    did not label at all. Raises ``UsageError`` for names that do not exist.
    """
    for name in (*renamed, *types):
        if name not in theirs:
            raise UsageError(
                f"the data set has no class {name!r}{did_you_mean(name, theirs) or f'; it has {_list(theirs)}'}"
            )
    numbers, kinds = [], {}
    for i, name in enumerate(theirs):
        if name in types:
            kinds[i] = tuple(_number(kind, ours) for kind in types[name])
            numbers.append(kinds[i][0])
        elif renamed.get(name) == "":
            numbers.append(-1)
        else:
            numbers.append(_number(renamed.get(name, name), ours))
    labelled = {number for number in numbers if number >= 0} | {kind for several in kinds.values() for kind in several}
    fill = (set(range(len(ours))) - labelled) | {_number(name, ours) for name in completed}
    return Policy(tuple(numbers), kinds, frozenset(fill))


def unlabelled(dataset: Dataset) -> Dataset:
    """Its pictures without boxes and without classes, as if nobody had labelled them."""
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    bare = {
        split: [replace(image, xyxy=none[0], class_id=none[1]) for image in its]
        for split, its in dataset.splits.items()
    }
    return Dataset((), {split: tuple(images) for split, images in bare.items()})


def label(
    dataset: Dataset, teachers: Sequence[Observer], policy: Policy, names: Sequence[str], out: Path, **fusing: Any
) -> Labelled:
    """Label every picture and write ``out`` as a YOLO data set with classes ``names``.

    Beside it: ``origins.json`` (who says each box, in the order of the label files), ``review.json`` (tasks for Label
    Studio: every picture with boxes nobody is sure of), ``labelling.xml`` (its interface). ``fusing`` goes to
    ``pseudo.fused_labels``. Raises ``UsageError`` for a picture that cannot be decoded.
    """
    splits: dict[str, tuple[LabelledImage, ...]] = {}
    outcomes: dict[str, list[Completed]] = {}
    for split, images in dataset.splits.items():
        pairs = list(_labelled(images, teachers, policy, f"labelling {split}", fusing))
        splits[split], outcomes[split] = tuple(image for image, _ in pairs), [outcome for _, outcome in pairs]
    yaml = write(Dataset(tuple(names), splits), out)
    origins: dict[str, list[dict[str, Any]]] = {}
    tasks: list[dict[str, Any]] = []
    for split, images in splits.items():
        for place, image, outcome in zip(_written(out, split, images), images, outcomes[split], strict=True):
            origins[place] = [_said(outcome, int(i), names) for i in np.flatnonzero(outcome.kept)]
            if not outcome.kept.all() or Origin.DISPUTED in outcome.origin:
                tasks.append(_task(place, image, outcome, names))
    write_whole(out / "origins.json", [msgspec.json.format(msgspec.json.encode(origins), indent=1)])
    write_whole(out / "review.json", [msgspec.json.format(msgspec.json.encode(tasks), indent=1)])
    write_whole(out / "labelling.xml", [labelling_config(names).encode()])
    boxes = Counter(said["origin"] for each in origins.values() for said in each)
    return Labelled(yaml, dict(boxes), len(tasks), len(origins))


def data_sha256(dataset: Dataset) -> str:
    """Fingerprint of a data set: its names, and each picture's bytes and boxes, whatever the files are called."""
    each = []
    for image in dataset:
        digest = hashlib.sha256(image.path.read_bytes())
        digest.update(image.xyxy.tobytes() + image.class_id.tobytes())
        each.append(digest.digest())
    return hashlib.sha256("\0".join(dataset.names).encode() + b"".join(sorted(each))).hexdigest()


def _labelled(
    images: Sequence[LabelledImage], teachers: Sequence[Observer], policy: Policy, what: str, fusing: Mapping[str, Any]
) -> Iterator[tuple[LabelledImage, Completed]]:
    for image in progress(images, len(images), what):
        outcome = complete(image, fused_labels(read_picture(image.path), teachers, **fusing), policy)
        kept = outcome.kept
        yield LabelledImage(image.path, image.size, outcome.xyxy[kept], outcome.class_id[kept], image.camera), outcome


def _written(out: Path, split: str, images: Sequence[LabelledImage]) -> list[str]:
    """Where ``yolo_format.write`` put the pictures, relative to ``out``."""
    from lab.dataset.yolo_format import free_names

    return [
        f"{split}/images/{name}{image.path.suffix.lower()}"
        for name, image in zip(free_names(images), images, strict=True)
    ]


def _said(outcome: Completed, i: int, names: Sequence[str]) -> dict[str, Any]:
    return {
        "class": names[int(outcome.class_id[i])],
        "origin": str(outcome.origin[i]),
        "confidence": round(float(outcome.confidence[i]), 4),
        "xyxy": [round(float(side), 2) for side in outcome.xyxy[i]],
    }


def _task(place: str, image: LabelledImage, outcome: Completed, names: Sequence[str]) -> dict[str, Any]:
    """The less sure the teachers, the higher a picture's ``doubt``: sort by it in Label Studio."""
    boxes = []
    for i in range(len(outcome)):
        box = result(outcome.xyxy[i], image.size, names[int(outcome.class_id[i])], number=i)
        box |= {"score": round(float(outcome.confidence[i]), 4)}
        box["meta"] = {"text": [str(outcome.origin[i]) + ("" if outcome.kept[i] else ", not in the labels")]}
        boxes.append(box)
    unsure = outcome.confidence[~outcome.kept]
    return {
        "data": {"image": local_url(place), "doubt": round(float(unsure.sum()), 3), "camera": image.camera},
        "predictions": [{"model_version": "teachers", "score": float(outcome.confidence.min()), "result": boxes}],
    }


def _number(name: str, ours: Sequence[str]) -> int:
    if name not in ours:
        raise UsageError(
            f"no class {name!r} in --classes{did_you_mean(name, ours) or f'; they are {_list(ours)}'}; "
            f"map it (--map {name}=car), drop it (--map {name}=), or say what it may be (--types {name}=car,bus)"
        )
    return ours.index(name)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:20])
