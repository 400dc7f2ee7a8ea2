"""The classes that a user wants to see, checked against those that the model knows."""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from pipeline.errors import CannotStart
from stages.detect.engine import ModelCard


def allowed_classes(classes: Sequence[str | int], card: ModelCard) -> npt.NDArray[np.bool_] | None:
    """Which class ids pass: bool (classes,), or None for all.

    Raises ``CannotStart`` for a class that the model does not know.
    """
    if not classes:
        return None
    allowed = np.zeros(len(card.names), np.bool_)
    for wanted in classes:
        number = wanted if isinstance(wanted, int) else card.names.index(wanted) if wanted in card.names else -1
        if not 0 <= number < len(card.names):
            close = get_close_matches(str(wanted), card.names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(card.names)}"
            raise CannotStart(f"classes: model {card.name} knows no class {wanted!r}; {hint}")
        allowed[number] = True
    return allowed
