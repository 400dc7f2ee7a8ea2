"""Two classifiers on the same crops: whether one may take the other's place."""

import numpy as np

from lab.evaluate.classify import Answers
from lab.evaluate.compare import Comparison
from lab.statistics import FloatArray, intervals_of


def compare(a: Answers, b: Answers, *, rounds: int = 1000, seed: int = 0) -> Comparison:
    """Accuracy of both, and of b less a, drawn together by recordings or pictures as ``Answers.unit`` says.

    Both are of the same crops in the same order; their classes may stand in another order.
    """
    hits = np.stack([_right(a), _right(b), np.ones(len(b.labels))], axis=1)
    sums = np.zeros((int(b.units.max()) + 1, 3))
    np.add.at(sums, b.units, hits)

    def measures(weights: FloatArray) -> FloatArray:
        first, second, crops = (weights @ sums).T
        share: FloatArray = np.stack([first / crops, second / crops, (second - first) / crops], axis=1)
        return share

    return Comparison("accuracy", *intervals_of(measures, len(sums), rounds=rounds, seed=seed))


def _right(answers: Answers) -> FloatArray:
    right: FloatArray = (answers.said == answers.labels).astype(np.float64)
    return right
