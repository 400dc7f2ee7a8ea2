import numpy as np
import pytest

from lab.train.classify.calibration import calibration_error, fit_temperature, log_loss
from stages.classify.classifier import softmax


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_spoiled_the_logits_is_found(temperature: float) -> None:
    random = np.random.default_rng(1)
    honest = random.normal(0, 2, (4000, 3))
    labels = np.array([random.choice(3, p=row / row.sum()) for row in softmax(honest).astype(np.float64)])
    spoiled = honest * temperature
    found = fit_temperature(spoiled, labels)
    assert found == pytest.approx(temperature, rel=0.1)
    assert log_loss(spoiled / found, labels) <= log_loss(spoiled, labels)
    assert calibration_error(softmax(spoiled / found), labels) < 0.03
    if temperature == 3.0:
        assert calibration_error(softmax(spoiled), labels) > 0.08


def test_a_classifier_without_a_mistake_on_few_crops_is_not_called_certain() -> None:
    labels = np.arange(20) % 2
    logits = np.eye(2)[labels] * 3
    sure = softmax(logits / fit_temperature(logits, labels)).max(axis=1)
    assert 0.9 < sure.min() <= sure.max() < 0.98


def test_calibration_error_of_a_certain_liar_is_one() -> None:
    assert calibration_error(np.array([[1.0, 0.0]] * 4), np.array([1] * 4)) == 1.0
