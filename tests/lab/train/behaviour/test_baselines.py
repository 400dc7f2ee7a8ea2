import numpy as np
import pytest
import torch

from lab.train.behaviour.baselines import by_rows, by_shortcut
from lab.train.behaviour.settings import BehaviourSettings
from lab.train.behaviour.windows import Windows


def windows(facts: list[float]) -> Windows:
    """A hundred windows of ten sources, half of each class, with one fact each."""
    n = len(facts)
    return Windows(
        torch.zeros(1, n, 2, 1),
        (np.arange(n) // 10 % 2).astype(np.int64),
        (np.arange(n) % 10).astype(np.int64),
        np.arange(n),
        np.zeros(n, np.bool_),
        np.array(facts, np.float64)[:, None],
        {"motion": slice(0, 1)},
        tuple(map(str, range(10))),
    )


@pytest.fixture
def settings() -> BehaviourSettings:
    return BehaviourSettings.model_validate(
        {
            "data": {"clips": "clips"},
            "attribute": "activity",
            "names": ["normal", "fight"],
            "candidates": [{"features": ["motion"], "head": "mean"}],
        }
    )


def test_what_betrays_a_class_is_found_on_sources_that_were_not_trained_on(settings: BehaviourSettings) -> None:
    made = windows([float(number // 10 % 2) for number in range(100)])
    found = by_rows(made.facts, made, np.arange(100), settings)
    assert found is not None
    assert (found.figure("roc_auc"), found.figure("accuracy"), found.sources) == (1.0, 1.0, 10)
    assert by_shortcut(made, np.arange(100), settings) == 1.0


def test_what_betrays_the_source_alone_betrays_no_class(settings: BehaviourSettings) -> None:
    made = windows([float(number % 10) for number in range(100)])
    assert by_shortcut(made, np.arange(100), settings) <= 0.5


def test_what_is_the_same_everywhere_says_nothing(settings: BehaviourSettings) -> None:
    made = windows([3.0] * 100)
    assert by_rows(made.facts, made, np.arange(100), settings) is None
    assert np.isnan(by_shortcut(made, np.arange(100), settings))
