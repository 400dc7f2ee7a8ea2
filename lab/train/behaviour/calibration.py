"""Temperature scaling (Guo et al. 2017): probabilities that mean what they say."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
RANGE = np.geomspace(0.3, 5.0, 60)


def softened(logits: FloatArray, temperature: float) -> FloatArray:
    """Probabilities (n, classes) from logits of the same shape."""
    scaled = logits / temperature
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    made: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return made


def best_temperature(logits: FloatArray, truth: npt.NDArray[np.int64]) -> float:
    """The temperature with the least log loss on windows that were not trained on; 1 where there are none."""
    if not len(truth):
        return 1.0
    losses = [log_loss(softened(logits, temperature), truth) for temperature in RANGE]
    return float(RANGE[int(np.argmin(losses))])


def log_loss(probability: FloatArray, truth: npt.NDArray[np.int64]) -> float:
    """Mean of the negative logarithm of the true class's probability, each class counting the same."""
    each = -np.log(np.maximum(probability[np.arange(len(truth)), truth], 1e-9))
    return float(np.mean([each[truth == k].mean() for k in np.unique(truth)]))
