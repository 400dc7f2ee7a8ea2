"""Everything in a data set that would make a model, or the figures about it, wrong."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.dataset import finding
from lab.dataset.corners import SLACK_PX
from lab.dataset.finding import Finding
from lab.dataset.labelled import Dataset, LabelledImage
from lab.dataset.perceptual_hash import Hash, alike, perceptual_hash
from lab.dataset.progress import progress
from lab.dataset.pseudo import Observer, PseudoLabels, fused_labels
from lab.dataset.yolo_format import labels_of
from lab.detector import read_picture
from lab.evaluate.tally import overlaps
from pipeline.errors import UsageError
from pipeline.stage import Picture

TINY_PX = 4.0
"""Shorter side in pixels under which hardly anything can be recognised."""
HUGE_SHARE = 0.95
"""Share of the picture from which a box is suspicious."""
SAME_IOU = 0.9
ALIKE_BITS = 12
"""Of 256; frames of a busy street half a second apart differ in more, see docs/guide/datasets.md."""
RARE_BOXES = 50
EMPTY_SHARE = 0.5
CONFIDENT = 0.5
UNSEEN_IOU = 0.3


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings, and the boxes of each class in each split."""

    findings: list[Finding]
    balance: dict[str, list[int]]
    pictures: dict[str, int]


def check(dataset: Dataset, teachers: Sequence[Observer] = (), faults: Sequence[UsageError] = ()) -> Checked:
    """Look at every picture and box. Teachers, if there are any, look for forgotten and wrong labels too.

    ``faults``: what was found to be unreadable already (``yolo_format.read``).
    """
    found = [_unreadable(fault) for fault in faults]
    hashes: list[Hash] = []
    digests: list[bytes] = []
    places: list[tuple[str, LabelledImage]] = []
    every = [(split, image) for split, images in dataset.splits.items() for image in images]
    for split, image in progress(every, len(every), "checking"):
        found += boxes(image, len(dataset.names))
        picture = _decoded(image, found)
        if picture is not None:
            hashes.append(perceptual_hash(picture))
            digests.append(hashlib.sha256(image.path.read_bytes()).digest())
            places.append((split, image))
            if teachers:
                found += by_teachers(image, fused_labels(picture, teachers), dataset.names, teachers)
    found += _duplicates(places, digests, hashes)
    found += _orphans(dataset)
    found += _cameras(dataset)
    balance = {split: _balance(images, len(dataset.names)) for split, images in dataset.splits.items()}
    found += _balanced(dataset, balance)
    return Checked(found, balance, {split: len(images) for split, images in dataset.splits.items()})


def boxes(image: LabelledImage, classes: int) -> Iterator[Finding]:
    """What is wrong with the boxes of one picture."""
    where, (height, width) = str(image.path), image.size
    for i, (left, top, right, bottom) in enumerate(image.xyxy.tolist()):
        sides = right - left, bottom - top
        said = f"{left:.0f},{top:.0f} to {right:.0f},{bottom:.0f} in {width}x{height}"
        if image.class_id[i] >= classes or image.class_id[i] < 0:
            yield Finding(finding.UNKNOWN, where, f"class {image.class_id[i]}, but there are {classes} names", i)
        if min(sides) <= 0:
            yield Finding(finding.NO_AREA, where, said, i)
        elif min(left, top) < -SLACK_PX or right > width + SLACK_PX or bottom > height + SLACK_PX:
            yield Finding(finding.OUTSIDE, where, said, i)
        elif min(sides) < TINY_PX:
            yield Finding(finding.TINY, where, said, i)
        elif sides[0] * sides[1] > HUGE_SHARE * width * height:
            yield Finding(finding.HUGE, where, said, i)
    shares = overlaps(image.xyxy, image.xyxy)
    for i, j in np.argwhere(np.triu(shares, 1) >= SAME_IOU):
        same = image.class_id[i] == image.class_id[j]
        kind = finding.SAME_BOX if same else finding.TWO_NAMES
        yield Finding(kind, where, f"boxes {i} and {j} overlap by {shares[i, j]:.2f}", int(j))


def by_teachers(
    image: LabelledImage, seen: PseudoLabels, names: Sequence[str], teachers: Sequence[Observer]
) -> Iterator[Finding]:
    """Confident objects that carry no label, and labels where teachers see nothing at all."""
    shares = overlaps(seen.xyxy, image.xyxy)
    for i in np.flatnonzero(seen.kept & (seen.confidence >= CONFIDENT)):
        kin = image.class_id == seen.class_id[i]
        if shares[i][kin].max(initial=0) < UNSEEN_IOU:
            other = shares[i].max(initial=0) >= 0.5
            name = names[int(seen.class_id[i])]
            called = f", labelled {names[int(image.class_id[int(shares[i].argmax())])]}" if other else ""
            left, top, right, bottom = seen.xyxy[i]
            what = f"{name} {seen.confidence[i]:.2f} at {left:.0f},{top:.0f} to {right:.0f},{bottom:.0f}{called}"
            spot = (float(left), float(top), float(right), float(bottom))
            yield Finding(finding.UNLABELLED, str(image.path), what, spot=spot)
    known = frozenset().union(*(teacher.knows for teacher in teachers))
    for j in range(len(image)):
        if int(image.class_id[j]) in known and shares[:, j].max(initial=0) < UNSEEN_IOU:
            yield Finding(finding.UNSEEN, str(image.path), names[int(image.class_id[j])], j)


def _unreadable(fault: UsageError) -> Finding:
    where, _, what = str(fault).partition(": ")
    return Finding(finding.UNREADABLE, where, what)


def _decoded(image: LabelledImage, found: list[Finding]) -> Picture | None:
    """The picture, decoded to its end: a cut-off file shows grey below, and OpenCV says nothing."""
    from PIL import Image

    try:
        with Image.open(image.path) as whole:
            whole.load()
    except (OSError, SyntaxError, ValueError) as error:
        found.append(Finding(finding.UNREADABLE, str(image.path), str(error).split("\n")[0]))
        return None
    try:
        picture = read_picture(image.path)
    except UsageError:
        found.append(Finding(finding.UNREADABLE, str(image.path), "cannot be decoded"))
        return None
    if picture.shape[:2] != image.size:
        height, width = image.size
        said = f"labels are for {width}x{height}, the file is {picture.shape[1]}x{picture.shape[0]}"
        found.append(Finding(finding.SIZE, str(image.path), said))
    return picture


def _duplicates(
    places: Sequence[tuple[str, LabelledImage]], digests: Sequence[bytes], hashes: Sequence[Hash]
) -> Iterator[Finding]:
    """One finding for each group of pictures of one split that look alike, one for each pair across splits."""
    if not places:
        return
    group = list(range(len(places)))
    for i, j, bits in alike(np.stack(hashes), bits=ALIKE_BITS):
        (first, image), (second, other) = places[i], places[j]
        if first != second:
            same = "the same file" if digests[i] == digests[j] else f"{bits} of 256 bits differ"
            yield Finding(
                finding.LEAK, str(image.path), f"{first}, and in {second} {other.path}: {same}", beside=str(other.path)
            )
        elif digests[i] == digests[j]:
            yield Finding(finding.COPY, str(image.path), f"and {other.path}", beside=str(other.path))
        else:
            group[_root(group, j)] = _root(group, i)
    members: dict[int, list[Path]] = defaultdict(list)
    for i in range(len(places)):
        members[_root(group, i)].append(places[i][1].path)
    for first_of, *others in members.values():
        if others:
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            what = f"like {', '.join(path.name for path in others[:3])}{more}"
            yield Finding(finding.NEAR_COPY, str(first_of), what, beside=str(others[0]))


def _root(group: list[int], i: int) -> int:
    while group[i] != i:
        group[i] = i = group[group[i]]
    return i


def _orphans(dataset: Dataset) -> Iterator[Finding]:
    """Label files of the YOLO format, ``labels`` beside ``images``, whose picture is gone."""
    folders = {labels_of(image.path).parent: image.path.parent for image in dataset}
    for labels, pictures in sorted(folders.items()):
        if labels == pictures:
            continue  # other text may lie beside pictures
        stems = {file.stem for file in pictures.iterdir()}
        for file in sorted(labels.glob("*.txt")):
            if file.stem not in stems:
                yield Finding(finding.ORPHAN, str(file), f"no picture of this name in {pictures}")


def _cameras(dataset: Dataset) -> Iterator[Finding]:
    where: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for split, images in dataset.splits.items():
        for image in images:
            where[image.camera][split] += 1
    for camera, splits in sorted(where.items()):
        if len(splits) > 1:
            counts = ", ".join(f"{count} in {split}" for split, count in splits.items())
            yield Finding(finding.SAME_CAMERA, f"recording {camera!r}", counts)


def _balance(images: Sequence[LabelledImage], classes: int) -> list[int]:
    numbers = np.concatenate([np.zeros(0, np.int32), *(image.class_id for image in images)])
    counts: list[int] = np.bincount(numbers[(numbers >= 0) & (numbers < classes)], minlength=classes).tolist()
    return counts


def _balanced(dataset: Dataset, balance: dict[str, list[int]]) -> Iterator[Finding]:
    for split, images in dataset.splits.items():
        if not images:
            yield Finding(finding.EMPTY_SPLIT, f"split {split}", "no picture")
            continue
        empty = sum(not len(image) for image in images) / len(images)
        if empty > EMPTY_SHARE:
            yield Finding(finding.EMPTY, f"split {split}", f"{empty:.0%} of {len(images)} pictures have no box")
        for name, count in zip(dataset.names, balance[split], strict=True):
            if count == 0:
                yield Finding(finding.ABSENT, f"class {name}", f"none in {split}")
            elif count < RARE_BOXES and split == "train":
                yield Finding(finding.RARE, f"class {name}", f"{count} boxes in {split}")
