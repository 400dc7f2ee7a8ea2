import numpy as np
import pytest

from lab.compress.gate import Verdict, judge
from lab.statistics import FloatArray, Interval


def verdict_of(losses: FloatArray, *, tolerance: float) -> Verdict:
    """Of a model that was right everywhere, and afterwards loses ``losses`` (units,) on each picture."""

    def measures(weights: FloatArray) -> FloatArray:
        total = weights.sum(axis=1)
        return np.stack([np.ones(len(weights)), 1 - weights @ losses / total], axis=1)

    return judge(measures, len(losses), measure="accuracy", tolerance=tolerance, rounds=400)


def test_a_small_loss_seen_on_many_pictures_is_accepted() -> None:
    losses = np.tile([0.0, 0.01], 200)
    verdict = verdict_of(losses, tolerance=0.02)
    assert verdict.decision == "accepted"
    assert verdict.before.value == 1.0
    assert verdict.after.value == pytest.approx(0.995)
    assert verdict.sentence.startswith("accepted: accuracy falls by +0.0050")


def test_a_loss_that_is_surely_too_great_is_refused() -> None:
    verdict = verdict_of(np.tile([0.0, 0.2], 200), tolerance=0.02)
    assert verdict.decision == "refused"
    assert verdict.loss.low > 0.02
    assert "allowed are 0.02" in verdict.sentence


def test_an_unclear_case_is_refused_and_says_how_many_pictures_are_missing() -> None:
    losses = np.zeros(40)
    losses[0] = 0.5
    verdict = verdict_of(losses, tolerance=0.03)
    assert verdict.decision == "unclear"
    missing = verdict.missing_units
    assert missing is not None
    assert missing > 0
    assert verdict.sentence.startswith("refused: ")
    assert f"about {missing} more" in verdict.sentence


def test_the_missing_pictures_would_indeed_settle_it() -> None:
    losses = np.zeros(40)
    losses[0] = 0.5
    unclear = verdict_of(losses, tolerance=0.03)
    assert unclear.missing_units is not None
    times = (40 + unclear.missing_units) // 40 + 1
    assert verdict_of(np.tile(losses, times), tolerance=0.03).decision == "accepted"


def test_more_pictures_are_not_asked_for_where_the_estimate_is_over_the_limit_already() -> None:
    verdict = Verdict("accuracy", interval(0.9), interval(0.87), Interval(0.03, 0.01, 0.05), 0.02, 100)
    assert verdict.decision == "unclear"
    assert verdict.missing_units is None
    assert "near to the limit" in verdict.sentence


def test_what_cannot_be_measured_is_not_accepted() -> None:
    nan = float("nan")
    verdict = Verdict("accuracy", interval(nan), interval(nan), interval(nan), 0.02, 2)
    assert verdict.decision == "unclear"
    assert "cannot be measured on these 2 pictures" in verdict.sentence


def test_a_gain_is_accepted_without_tolerance() -> None:
    assert verdict_of(np.tile([-0.1, -0.05], 50), tolerance=0.0).decision == "accepted"


def interval(value: float) -> Interval:
    return Interval(value, value, value)
