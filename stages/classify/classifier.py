"""A classifier of object crops: type, attribute or condition, with probabilities that mean what they say."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from pipeline.stage import Picture
from stages.classify.crop_graph import CropGraph, FloatArray
from stages.classify.options import ClassifierOptions

NEEDED = ("names", "attribute", "temperature")


class CropClassifier:
    """A classifier, loaded; stateless: equal crops give equal answers, whatever shared the call.

    Cut a crop as the object's box widened by ``margin`` of its width and height on each side, clipped to the frame.
    Raises ``CannotStart`` for a file that is missing, damaged, or something else.
    """

    Options = ClassifierOptions

    def __init__(self, options: ClassifierOptions) -> None:
        self._graph = CropGraph(options.model, options, kind="classify")
        card = _checked(self._graph)
        self.names: tuple[str, ...] = tuple(map(str, card["names"]))
        """Classes in the order of ``process``'s columns."""
        self.attribute: str = str(card["attribute"])
        """What the classes are values of, such as ``type`` or ``colour``."""
        self.temperature: float = float(card["temperature"])
        """What the logits are divided by, so that of crops said to be 0.8 sure 80 % are right (Guo et al. 2017)."""
        self.margin: float = self._graph.margin
        """How far a box is widened on each side, as a share of its size."""
        self.size: tuple[int, int] = self._graph.size
        """Height and width that every crop is fitted into, its shape kept, grey around it."""
        self.model: dict[str, str] = {
            "name": str(card.get("name") or options.model.stem),
            "sha256": self._graph.sha256,
        }
        self.engine = self._graph.engine
        """Fingerprint: runtime and version, precision, model digest."""

    def process(self, crops: Sequence[Picture]) -> FloatArray:
        """Calibrated probabilities float32 (n, classes), each row adding up to 1, of crops uint8 (height, width, 3)
        BGR of any sizes. Raises ``ValueError`` for pictures of another kind."""
        return softmax(self.logits(crops) / self.temperature)

    def logits(self, crops: Sequence[Picture]) -> FloatArray:
        """What the network says before calibration: float32 (n, classes)."""
        return self._graph(crops, output=0)

    def embed(self, crops: Sequence[Picture]) -> FloatArray:
        """What the last layer but one says: float32 (n, d)."""
        return self._graph(crops, output=1)


def softmax(logits: npt.NDArray[Any]) -> FloatArray:
    """Probabilities float32 (n, classes); computed in float64 so that rows add up to 1 as closely as float32 can."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf)
    raised = np.exp(shifted)
    shares: FloatArray = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _checked(graph: CropGraph) -> dict[str, Any]:
    missing = [key for key in NEEDED if key not in graph.card]
    if missing:
        raise CannotStart(f"{graph.path}: its card lacks {', '.join(missing)}; make it anew with 'bartizan train'")
    names, temperature = graph.card["names"], graph.card["temperature"]
    if not isinstance(names, list) or len(names) < 2 or not isinstance(temperature, int | float) or temperature <= 0:
        raise CannotStart(f"{graph.path}: its card contradicts itself; make it anew with 'bartizan train'")
    return graph.card
