import numpy as np
import torch

from lab.train.behaviour.calibration import best_temperature, log_loss, softened
from lab.train.behaviour.folds import Outcome, chosen_in_each_fold, preferred, splits
from lab.train.behaviour.windows import Windows


def windows(n: int = 60, sources: int = 10) -> Windows:
    source = np.arange(n) % sources
    return Windows(
        torch.zeros(1, n, 2, 3),
        (np.arange(n) // sources % 2).astype(np.int64),
        source.astype(np.int64),
        np.arange(n),
        np.zeros(n, np.bool_),
        np.zeros((n, 1)),
        {"motion": slice(0, 3)},
        tuple(map(str, range(sources))),
    )


def test_no_source_is_learned_from_and_tested_on() -> None:
    made = windows()
    parts = splits(made, np.arange(60), folds=4, seed=0)
    for part in parts:
        assert not set(made.source[part.train]) & set(made.source[part.test])
    assert sorted(np.concatenate([part.test for part in parts])) == list(range(60))


def test_there_are_no_more_folds_than_sources() -> None:
    assert len(splits(windows(sources=3), np.arange(60), folds=8, seed=0)) == 3


def outcome(candidate: str, fold: int, inner_loss: float) -> Outcome:
    return Outcome(candidate, fold, [fold], [[0.0, 0.0]], inner_loss, 5, 1.0, [0.5, 0.5], [])


def test_the_choice_looks_at_inner_folds_only() -> None:
    found = [outcome("a", 0, 0.5), outcome("b", 0, 0.6), outcome("a", 1, 0.9), outcome("b", 1, 0.6)]
    assert [each.candidate for each in chosen_in_each_fold(found)] == ["a", "b"]
    assert preferred(found) == "b"


def test_overconfident_logits_are_softened() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 500)
    said = np.where(random.random(500) < 0.7, truth, 1 - truth)
    logits = np.where(said[:, None] == np.arange(2), 4.0, -4.0)
    temperature = best_temperature(logits, truth)
    assert temperature > 3
    assert log_loss(softened(logits, temperature), truth) < log_loss(softened(logits, 1.0), truth)
