"""Stretches of one recording: neighbouring pictures that agree, and therefore count as one when pictures are drawn."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lab.dataset.labelled import LabelledImage
from lab.dataset.split import moment
from lab.statistics import Measures
from pipeline.errors import UsageError

LEAST = 10
"""Fewer blocks may by chance agree, and then give an interval that is too narrow: a gate must not open by that."""
MANY = 20
"""So many pictures of one camera are probably frames of a recording."""


def stretches(images: Sequence[LabelledImage], length: int) -> npt.NDArray[np.intp]:
    """The number of the stretch that each picture belongs to, int (n,), from 0.

    Up to ``length`` pictures of one camera that follow one another by the numbers in their names make a stretch; none
    reaches from one camera to another. Raises ``UsageError`` where ``require_blocks`` does.
    """
    cameras: dict[str, list[int]] = defaultdict(list)
    for number, image in enumerate(images):
        cameras[image.camera].append(number)
    found = np.zeros(len(images), np.intp)
    count = 0
    for _, numbers in sorted(cameras.items()):
        in_time = sorted(numbers, key=lambda number: moment(images[number]))
        for start in range(0, len(in_time), length):
            found[in_time[start : start + length]] = count
            count += 1
    if length > 1:
        require_blocks(count, length)
    return found


def require_blocks(count: int, length: int) -> None:
    """Raises ``UsageError`` for fewer than ``LEAST`` blocks: each draw of them would be nearly the same one."""
    if count < LEAST:
        raise UsageError(
            f"--block {length}: these pictures make {count} of them, too few for an interval, which wants {LEAST} at "
            "least and better 20; give more pictures, or lower --block if neighbours do not agree for so long"
        )


def of_stretches(measures: Measures, stretch: npt.NDArray[np.intp]) -> Measures:
    """``measures`` of pictures, from how often each stretch was drawn (cluster bootstrap, Field and Welsh 2007)."""
    return lambda weights: measures(weights[:, stretch])


def largest_camera(images: Sequence[LabelledImage]) -> tuple[str, int]:
    """The camera with most pictures, and how many it has."""
    return Counter(image.camera for image in images).most_common(1)[0]
