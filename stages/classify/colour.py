"""The main colour of an object, told by looking: no weights, no training.

Each pixel of the crop is given a colour name by its hue, saturation and value (HSV); pixels in the middle count more,
since the corners of a box are mostly ground. The shares are the probabilities. Light changes colours: what is white at
noon is orange under a sodium lamp, and grey and black are mostly a matter of exposure.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stage import Picture

NAMES = ("black", "white", "grey", "red", "orange", "brown", "yellow", "green", "blue", "purple", "pink")
_SIDE = 32
"""A crop is looked at in this many rows and columns."""
_HUES = ((8, "red"), (22, "orange"), (33, "yellow"), (85, "green"), (128, "blue"), (155, "purple"), (172, "pink"))
"""Upper bounds of hue (OpenCV: 0 to 179), and the names below them; red again above the last."""
_ID = {name: number for number, name in enumerate(NAMES)}


class ColourOptions(BaseModel):
    """Options of ``colour``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    middle: float = Field(
        default=0.5,
        gt=0.05,
        le=10,
        description="How much of the crop counts: the spread of the weights, as a share of half its width and height.",
    )


class ColourClassifier:
    """Fulfils ``CropClassifier``."""

    Options: ClassVar[type[ColourOptions]] = ColourOptions
    NAMES: ClassVar[tuple[str, ...]] = NAMES
    """What it can say is known before it is built: a rule that waits for anything else is refused at once."""

    def __init__(self, options: ColourOptions) -> None:
        self.model = {"name": "colour", "sha256": ""}
        self.names = NAMES
        axis = (np.arange(_SIDE) + 0.5) / _SIDE * 2 - 1
        falloff = np.exp(-0.5 * (axis / options.middle) ** 2)
        weights = np.outer(falloff, falloff).ravel()
        self._weights = weights / weights.sum()

    def process(self, crops: Sequence[Picture]) -> npt.NDArray[np.float32]:
        """Share of each colour, float32 (n, 11)."""
        shares = [np.bincount(_named(crop).ravel(), self._weights, len(NAMES)) for crop in crops]
        return np.array(shares, np.float32).reshape(-1, len(NAMES))


def _named(crop: Picture) -> npt.NDArray[np.intp]:
    """The number of the colour name of each of 32 x 32 points."""
    import cv2

    small = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    hue, saturation, value = (plane.astype(np.int32) for plane in cv2.split(cv2.cvtColor(small, cv2.COLOR_BGR2HSV)))
    bounds = np.array([bound for bound, _ in _HUES])
    by_hue = np.array([*(_ID[name] for _, name in _HUES), _ID["red"]])
    named = by_hue[np.searchsorted(bounds, hue, side="right")]
    named = np.where((named == _ID["orange"]) & (value < 150), _ID["brown"], named)
    pale = np.where(value > 185, _ID["white"], np.where(value < 60, _ID["black"], _ID["grey"]))
    named = np.where(saturation < 50, pale, named)
    result: npt.NDArray[np.intp] = np.where(value < 45, _ID["black"], named).astype(np.intp)
    return result
