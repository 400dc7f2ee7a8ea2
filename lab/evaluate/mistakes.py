"""What went wrong in which picture, and why: misses and false alarms, told apart as TIDE does (Bolya et al. 2020)."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.evaluate.observation import Observation
from lab.evaluate.tally import overlaps

MISSED = "missed"
KINDS = {
    "wrong class": "lies on an object of another class",
    "badly placed": "lies on the right object, with an overlap (IoU) under 0.5",
    "double": "lies on an object that a surer box has found",
    "nothing there": "lies on no labelled object",
    MISSED: "a labelled object that no box found",
}
"""What each kind of mistake means."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One box: found and wrong, or true and missed. ``xyxy`` in pixels of picture number ``picture``.

    ``confidence`` is that of the false alarm; of a miss, that of the surest box of its class that lies on it below the
    threshold (0: none).
    """

    kind: str
    picture: int
    xyxy: tuple[float, float, float, float]
    class_id: int
    confidence: float
    other: int = -1
    """The class it was mistaken for or from; -1: none."""


def mistakes(observation: Observation, *, threshold: float) -> list[Mistake]:
    """Every mistake among boxes at least ``threshold`` sure, at IoU 0.5, picture by picture."""
    return [mistake for number in range(len(observation.images)) for mistake in _of_one(observation, number, threshold)]


def counts_of(made: list[Mistake]) -> dict[str, int]:
    """How many of each kind."""
    counts = Counter(mistake.kind for mistake in made)
    return {kind: counts[kind] for kind in KINDS}


def worst_alarms(made: list[Mistake], count: int) -> list[Mistake]:
    """The surest false alarms, one of each picture."""
    return _one_each(sorted((m for m in made if m.kind != MISSED), key=lambda m: -m.confidence), count)


def worst_misses(made: list[Mistake], count: int) -> list[Mistake]:
    """The largest objects that were missed, one of each picture: those that nobody would excuse."""
    return _one_each(sorted((m for m in made if m.kind == MISSED), key=lambda m: -_area(m)), count)


def confusion(observation: Observation, *, threshold: float, iou: float = 0.5) -> npt.NDArray[np.int64]:
    """Counts (classes + 1, classes + 1): row the true class, column the class found, last of each: background.

    Boxes at least ``threshold`` sure are paired with true boxes whatever their classes, greatest overlap first.
    """
    background = len(observation.vocabulary.names)
    counts = np.zeros((background + 1, background + 1), np.int64)
    for image, found in zip(observation.images, observation.found, strict=True):
        sure = found.select(found.confidence >= threshold)
        xyxy, class_id = observation.vocabulary.truth(image)
        rows, columns = _pairs(overlaps(sure.xyxy, xyxy), iou)
        np.add.at(counts, (class_id[columns], sure.class_id[rows]), 1)
        counts[:-1, background] += np.bincount(np.delete(class_id, columns), minlength=background)
        counts[background, :-1] += np.bincount(np.delete(sure.class_id, rows), minlength=background)
    return counts


def _pairs(shares: npt.NDArray[np.float64], iou: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns that go together, each at most once, greatest share first."""
    rows, columns = np.nonzero(shares >= iou)
    order = np.argsort(-shares[rows, columns], kind="stable")
    taken_rows: list[int] = []
    taken_columns: list[int] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.append(row)
            taken_columns.append(column)
    return np.array(taken_rows, np.intp), np.array(taken_columns, np.intp)


def _of_one(observation: Observation, number: int, threshold: float) -> list[Mistake]:
    each = observation.tallies[number]
    found = observation.found[number]
    boxes = found.select(np.argsort(-found.confidence, kind="stable"))
    xyxy, class_id = observation.vocabulary.truth(observation.images[number])
    shares = overlaps(boxes.xyxy, xyxy) if len(xyxy) else np.zeros((len(boxes), 0))
    same = boxes.class_id[:, None] == class_id[None, :]
    sure = boxes.confidence >= threshold
    made = []
    for row in np.flatnonzero(sure & ~each.hit[:, 0]):
        kind, other = _kind(shares[row], same[row], class_id)
        made.append(_mistake(kind, number, boxes.xyxy[row], boxes.class_id[row], boxes.confidence[row], other))
    unsure = np.where(same & (shares >= 0.5) & ~sure[:, None], boxes.confidence[:, None], 0.0)
    taken = _taken(shares, same, each.hit[:, 0] & sure)
    for column in np.flatnonzero(~taken):
        made.append(_mistake(MISSED, number, xyxy[column], class_id[column], unsure[:, column].max(initial=0.0), -1))
    return made


def _taken(
    shares: npt.NDArray[np.float64], same: npt.NDArray[np.bool_], hits: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Which true boxes the hits have taken: the matching of ``tally``, whose hits are these."""
    taken = np.zeros(shares.shape[1], np.bool_)
    for row in np.flatnonzero(hits):
        free = np.where(same[row] & ~taken, shares[row], 0.0)
        taken[free.argmax()] = True
    return taken


def _kind(
    shares: npt.NDArray[np.float64], same: npt.NDArray[np.bool_], class_id: npt.NDArray[np.int32]
) -> tuple[str, int]:
    own, foreign = np.where(same, shares, 0.0), np.where(same, 0.0, shares)
    if own.max(initial=0.0) >= 0.5:
        return "double", -1
    if foreign.max(initial=0.0) >= 0.5:
        return "wrong class", int(class_id[foreign.argmax()])
    return ("badly placed" if own.max(initial=0.0) >= 0.1 else "nothing there"), -1


def _mistake(kind: str, picture: int, box: npt.NDArray[np.float32], class_id: int, sure: float, other: int) -> Mistake:
    left, top, right, bottom = (float(value) for value in box)
    return Mistake(kind, picture, (left, top, right, bottom), int(class_id), float(sure), other)


def _one_each(ranked: list[Mistake], count: int) -> list[Mistake]:
    firsts: dict[int, Mistake] = {}
    for mistake in ranked:
        firsts.setdefault(mistake.picture, mistake)
    return list(firsts.values())[:count]


def _area(mistake: Mistake) -> float:
    left, top, right, bottom = mistake.xyxy
    return (right - left) * (bottom - top)
