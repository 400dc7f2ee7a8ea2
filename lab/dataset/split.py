"""Splits that do not leak: no recording on both sides, or no moment of one."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from lab.dataset.labelled import Dataset, LabelledImage
from pipeline.configuration.suggestions import did_you_mean
from pipeline.errors import UsageError

TRIES = 2000
MOST_NAMED = 20


def joined(datasets: Sequence[Dataset]) -> Dataset:
    """One data set of several, whatever splits they had. Raises ``UsageError`` where their classes differ."""
    first = datasets[0]
    for other in datasets[1:]:
        if other.names != first.names:
            raise UsageError(
                f"the data sets have different classes: {', '.join(first.names)}; and {', '.join(other.names)}; bring "
                "them together with bartizan dataset import --map OLD=NEW --classes A,B,..."
            )
    return Dataset(first.names, {"train": tuple(image for dataset in datasets for image in dataset)})


def by_camera(dataset: Dataset, *, val: float, seed: int) -> Dataset:
    """Whole cameras into ``val``, the rest into ``train``, whatever split they had.

    Of many drawings the one whose share of pictures is nearest to ``val`` and whose classes are shared out most
    evenly. Raises ``UsageError`` where there is one camera only.
    """
    groups = _cameras(dataset)
    if len(groups) < 2:
        raise UsageError(
            f"all {len(dataset)} pictures are of one camera, {next(iter(groups), '')!r}; use --by time, or tell "
            "cameras apart by the pictures' names"
        )
    cameras = sorted(groups)
    counts = np.array([_counts(groups[camera], len(dataset.names)) for camera in cameras], np.float64)
    total = counts.sum(axis=0)
    present = total > 0
    rng = np.random.default_rng(seed)
    best, least = np.zeros(0, np.intp), np.inf
    for _ in range(TRIES):
        order = rng.permutation(len(cameras))
        pictures = np.cumsum(counts[order, 0])
        number = int(np.clip(np.abs(pictures / total[0] - val).argmin() + 1, 1, len(cameras) - 1))
        shares = counts[order[:number]].sum(axis=0)[present] / total[present]
        missing = ((shares[1:] == 0) | (shares[1:] == 1)).mean() if len(shares) > 1 else 0.0
        cost = 3 * abs(shares[0] - val) + np.abs(shares - val).mean() + float(missing)
        if cost < least:
            best, least = order[:number], cost
    chosen = {cameras[i] for i in best}
    return _split(dataset, {camera: [camera in chosen] * len(groups[camera]) for camera in cameras}, groups)


def by_name(dataset: Dataset, cameras: Sequence[str]) -> Dataset:
    """The named cameras into ``val``, all others into ``train``.

    Raises ``UsageError`` for an unknown camera, and where none is left to train on.
    """
    groups = _cameras(dataset)
    for camera in cameras:
        if camera not in groups:
            hint = did_you_mean(camera, groups)
            raise UsageError(f"--hold-back {camera!r}: no such camera{hint}; there are {_few(groups)}")
    if set(cameras) == set(groups):
        raise UsageError(f"--hold-back {', '.join(cameras)}: are all cameras there are; leaves none to train on")
    return _split(dataset, {camera: [camera in cameras] * len(images) for camera, images in groups.items()}, groups)


def by_time(dataset: Dataset, *, val: float, gap: int) -> Dataset:
    """The last share ``val`` of each camera's pictures into ``val``, the first into ``train``.

    ``gap`` pictures between the two are left out, since neighbours in time look alike. Pictures are ordered by the
    numbers in their names. A camera with too few pictures goes to ``train``.
    """
    groups = _cameras(dataset)
    plan: dict[str, list[bool | None]] = {}
    for camera, images in groups.items():
        number = round(len(images) * val)
        first = len(images) - number - gap
        if number < 1 or first < 1:
            plan[camera] = [False] * len(images)
        else:
            plan[camera] = [False] * first + [None] * gap + [True] * number
    split = _split(dataset, plan, groups)
    if not split.splits["val"]:
        raise UsageError(f"no camera has enough pictures for --val {val:g} with a gap of {gap}; lower --gap")
    return split


def _split(
    dataset: Dataset,
    plan: "dict[str, list[bool]] | dict[str, list[bool | None]]",
    groups: dict[str, list[LabelledImage]],
) -> Dataset:
    train: list[LabelledImage] = []
    val: list[LabelledImage] = []
    for camera, images in groups.items():
        for image, goes in zip(images, plan[camera], strict=True):
            if goes is not None:
                (val if goes else train).append(image)
    return Dataset(dataset.names, {"train": tuple(train), "val": tuple(val)})


def _cameras(dataset: Dataset) -> dict[str, list[LabelledImage]]:
    groups: dict[str, list[LabelledImage]] = defaultdict(list)
    for image in dataset:
        groups[image.camera].append(image)
    return {camera: sorted(images, key=moment) for camera, images in sorted(groups.items())}


def _few(cameras: Collection[str]) -> str:
    more = f" and {len(cameras) - MOST_NAMED} more" if len(cameras) > MOST_NAMED else ""
    return ", ".join(sorted(cameras)[:MOST_NAMED]) + more


def moment(image: LabelledImage) -> tuple[list[int], str]:
    """What orders the pictures of one camera in time: the numbers in their names."""
    stem = re.sub(r"\.rf\.[0-9a-f]{16,}$", "", image.path.stem)
    return [int(number) for number in re.findall(r"\d+", stem)], image.path.name


def _counts(images: Sequence[LabelledImage], classes: int) -> list[int]:
    """Pictures, then boxes of each class."""
    numbers = np.concatenate([image.class_id for image in images])
    return [len(images), *np.bincount(numbers, minlength=classes).tolist()]
