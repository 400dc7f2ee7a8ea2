"""The same figures on parts of the truth: small and large objects, dark and bright pictures, single cameras."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.evaluate.average_precision import Scores
from lab.evaluate.figures import mean_of_known
from lab.evaluate.observation import Observation, subset
from lab.evaluate.tally import Tally, tally
from lab.statistics import Interval, intervals_of

FloatArray = npt.NDArray[np.float64]

SIZES: dict[str, tuple[float, float]] = {
    "small (under 32 px)": (0, 32**2),
    "medium (32 to 96 px)": (32**2, 96**2),
    "large (over 96 px)": (96**2, float("inf")),
}
"""COCO's: area in square pixels of the picture, named by the side of a square of that area."""
DARK, BRIGHT = 64.0, 160.0
"""Mean brightness of a picture, of 255, below and above which it is called dark and bright."""
FEWEST = 5
"""Pictures that a camera must have to be told apart."""
MOST_CAMERAS = 20
ROUNDS = 300


@dataclass(frozen=True, slots=True)
class Slice:
    """One part: its ``kind`` (size, light, camera) and ``name``, what lies in it, and the figures."""

    kind: str
    name: str
    pictures: int
    truths: int
    map: Interval
    map50: Interval
    recall: Interval
    """Of all classes together, at the chosen threshold and IoU 0.5."""


def slices(observation: Observation, *, threshold: float, rounds: int = ROUNDS, seed: int = 0) -> list[Slice]:
    """Every part that has true boxes."""
    parts = [*_sizes(observation), *_light(observation), *_cameras(observation)]
    return [_slice(*part, threshold=threshold, rounds=rounds, seed=seed) for part in parts if part[2].truths()]


def light_of(brightness: float) -> str:
    """``dark``, ``normal`` or ``bright``."""
    return "dark" if brightness < DARK else "bright" if brightness > BRIGHT else "normal"


def _slice(kind: str, name: str, scores: Scores, *, threshold: float, rounds: int, seed: int) -> Slice:
    def measures(weights: FloatArray) -> FloatArray:
        precisions = scores.average_precisions(weights)
        confidence, _, recall = scores.curves(weights)
        sure = np.flatnonzero(confidence >= threshold)
        at = recall[:, sure[-1]] if len(sure) else np.zeros(len(weights))
        return np.stack([mean_of_known(precisions.mean(axis=2)), mean_of_known(precisions[:, :, 0]), at], axis=1)

    found = intervals_of(measures, scores.pictures, rounds=rounds, seed=seed)
    return Slice(kind, name, scores.pictures, int(scores.truths()), *found)


def _sizes(observation: Observation) -> Iterator[tuple[str, str, Scores]]:
    for name, (least, most) in SIZES.items():
        yield "size", name, Scores([_sized(observation, i, least, most) for i in range(len(observation.images))])


def _sized(observation: Observation, number: int, least: float, most: float) -> Tally:
    """As COCO does: true boxes of another size are ignored, and so are boxes found of another size that hit none."""
    found = observation.found[number]
    xyxy, class_id = observation.vocabulary.truth(observation.images[number])
    area = _areas(xyxy)
    each = tally(found, xyxy, class_id, ignored=(area < least) | (area >= most))
    order = np.argsort(-found.confidence, kind="stable")
    sizes = _areas(found.xyxy[order])
    outside = ((sizes < least) | (sizes >= most))[:, None]
    return Tally(each.confidence, each.class_id, each.hit, each.truth, each.found, each.counted & (each.hit | ~outside))


def _light(observation: Observation) -> Iterator[tuple[str, str, Scores]]:
    names = np.array([light_of(float(value)) for value in observation.brightness])
    for name in ("dark", "normal", "bright"):
        if (names == name).any() and not (names == name).all():
            yield "light", name, subset(observation, np.flatnonzero(names == name))


def _cameras(observation: Observation) -> Iterator[tuple[str, str, Scores]]:
    """The cameras with the most pictures; none where the names of the pictures do not tell cameras apart."""
    owners = np.array([image.camera for image in observation.images])
    counts = Counter(owners.tolist())
    known = [name for name, count in counts.most_common(MOST_CAMERAS) if name and count >= FEWEST]
    if len(counts) < 2:
        return
    for name in sorted(known):
        yield "camera", name, subset(observation, np.flatnonzero(owners == name))


def _areas(xyxy: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    area: npt.NDArray[np.float64] = (xyxy[:, 2:] - xyxy[:, :2]).astype(np.float64).prod(axis=1)
    return area
