"""A model, looked at on labelled pictures: what it found, what was there, and how both agree."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lab.dataset.labelled import LabelledImage
from lab.dataset.progress import progress
from lab.detector import detect, read_picture
from lab.evaluate.average_precision import Scores
from lab.evaluate.tally import Tally, tally
from lab.evaluate.truth import Truth
from lab.evaluate.vocabulary import Vocabulary
from pipeline.detections import Detections
from pipeline.stage import Detector, Picture

Change = Callable[[Picture, int], Picture]
"""A picture as it would look under some condition, from the picture and its number."""


@dataclass(frozen=True)
class Observation:
    """What was found in each picture, under the measured class numbers, and how bright it is on average (0 to 255)."""

    vocabulary: Vocabulary
    images: tuple[LabelledImage, ...]
    found: tuple[Detections, ...]
    brightness: npt.NDArray[np.float64]

    @cached_property
    def tallies(self) -> list[Tally]:
        """One for each picture."""
        return [
            tally(found, *self.vocabulary.truth(image)) for found, image in zip(self.found, self.images, strict=True)
        ]

    @cached_property
    def scores(self) -> Scores:
        """Of all pictures."""
        return Scores(self.tallies)


def observe(
    detector: Detector, truth: Truth, vocabulary: Vocabulary, *, change: Change | None = None, what: str = "detecting"
) -> Observation:
    """Run the detector over the pictures, each as ``change`` makes it. Raises ``UsageError`` for a damaged picture."""
    brightness: list[float] = []

    def pictures() -> Iterator[Picture]:
        for number, image in enumerate(progress(truth.images, len(truth.images), what)):
            picture = read_picture(image.path)
            picture = picture if change is None else change(picture, number)
            brightness.append(luma(picture))
            yield picture

    found = tuple(vocabulary.found(each) for each in detect(detector, pictures()))
    return Observation(vocabulary, truth.images, found, np.array(brightness))


def luma(picture: Picture) -> float:
    """Mean brightness of a picture, 0 to 255 (ITU-R BT.601 weights)."""
    blue, green, red = picture.reshape(-1, 3)[::7].mean(axis=0)
    return float(0.114 * blue + 0.587 * green + 0.299 * red)


def subset(observation: Observation, keep: Sequence[int] | npt.NDArray[np.intp]) -> Scores:
    """Scores of some of the pictures."""
    return Scores([observation.tallies[number] for number in keep])
