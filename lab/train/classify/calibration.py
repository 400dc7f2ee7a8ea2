"""Making probabilities mean something: one number that the logits are divided by (Guo et al. 2017)."""

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.floating]
COLDEST, HOTTEST = 0.05, 20.0


def fit_temperature(logits: Logits, labels: npt.NDArray[np.int64]) -> float:
    """The temperature with the least log loss on held-back crops, 0.05 to 20; logits (n, classes), labels (n,).

    The loss is convex in 1 / temperature, so golden sections find it. Order of classes, and so accuracy, stays.
    Targets are softened as Platt (1999) does, by one crop of each class: a classifier without a mistake on twenty
    crops is not one without mistakes.
    """
    soft = logits.shape[1] / (len(labels) + logits.shape[1])
    low, high = 1 / HOTTEST, 1 / COLDEST
    golden = (5**0.5 - 1) / 2
    for _ in range(80):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _softened_loss(logits * left, labels, soft) < _softened_loss(logits * right, labels, soft):
            high = right
        else:
            low = left
    return float(2 / (low + high))


def log_loss(logits: Logits, labels: npt.NDArray[np.int64]) -> float:
    """Mean negative log likelihood of the true classes."""
    wide = logits.astype(np.float64)
    shifted = wide - wide.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return float((log_sum - shifted[np.arange(len(labels)), labels]).mean())


def _softened_loss(logits: Logits, labels: npt.NDArray[np.int64], soft: float) -> float:
    """``log_loss`` with a share ``soft`` of each target spread over all classes."""
    wide = logits.astype(np.float64)
    even = np.mean(np.logaddexp.reduce(wide, axis=1) - wide.mean(axis=1))
    return (1 - soft) * log_loss(logits, labels) + soft * float(even)


def calibration_error(probability: Logits, labels: npt.NDArray[np.int64], *, bins: int = 15) -> float:
    """Expected calibration error: mean distance of stated confidence from share of right answers, over bins."""
    stated, right = probability.max(axis=1), probability.argmax(axis=1) == labels
    place = np.minimum((stated * bins).astype(int), bins - 1)
    many = np.bincount(place, minlength=bins)
    gaps = np.abs(np.bincount(place, stated, bins) - np.bincount(place, right, bins))
    return float(gaps.sum() / max(many.sum(), 1))
