"""The feature ``behaviour``: a classifier that is surer of something than it ever was in normal time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from stages.alert.normal.behaviour import Behaviour
from stages.alert.normal.fitting import fit
from stages.alert.normal.model import NormalModel
from stages.alert.normal.observed import Observed
from stages.alert.normal.scorer import Scorer
from tests.stages.alert.normal.conftest import walkers


def judged(clip: Sequence[Observed], *, seed: int, fight: Mapping[int, float] | None = None) -> list[Observed]:
    """The clip with what is said of everybody: hardly ever a fight, but of those in ``fight``."""
    random = np.random.default_rng(seed)
    found = []
    for each in clip:
        usual = 1 / (1 + np.exp(random.normal(4, 1, len(each))))
        scores = np.array([(fight or {}).get(who, s) for who, s in zip(each.subject.tolist(), usual, strict=True)])
        found.append(replace(each, behaviour={"fight": scores, "normal": 1 - scores}))
    return found


@pytest.fixture(scope="module")
def model() -> NormalModel:
    return fit([judged(walkers(seed, frames=120), seed=seed) for seed in range(2)])


def parts(model: NormalModel, clip: Sequence[Observed], who: int) -> tuple[float, float]:
    """Value and p at the last frame."""
    scorer = Scorer(model)
    told = [{one.subject: one.parts for one in scorer.score(each).objects} for each in clip]
    return told[-1][who]["behaviour"]


def test_who_is_said_to_fight_is_unusual_and_who_is_not_is_not(model: NormalModel) -> None:
    clip = judged(walkers(9, frames=20), seed=9, fight={2: 0.97})
    value, p = parts(model, clip, 2)
    assert value == pytest.approx(0.97)
    assert p < 1e-3
    assert parts(model, judged(walkers(9, frames=20), seed=9, fight={3: 0.02}), 3)[1] > 0.2


def test_being_surely_normal_is_not_unusual(model: NormalModel) -> None:
    feature = model.features["behaviour"]
    assert isinstance(feature, Behaviour)
    assert list(feature.tails) == ["fight"]
    assert parts(model, judged(walkers(9, frames=20), seed=9, fight={2: 0.0}), 2)[1] == 1


def test_what_is_not_said_is_not_judged(model: NormalModel) -> None:
    scorer = Scorer(model)
    assert all("behaviour" not in one.parts for one in scorer.score(walkers(9, frames=1)[0]).objects)
    clip = judged(walkers(9, frames=1), seed=1)
    scores = clip[0].behaviour["fight"].copy()
    scores[1] = np.nan
    told = Scorer(model).score(replace(clip[0], behaviour={"fight": scores})).objects
    assert ["behaviour" in one.parts for one in told] == [True, False, True, True, True]


def test_without_a_classifier_or_with_too_few_answers_the_feature_is_absent() -> None:
    assert "behaviour" not in fit([walkers(1, frames=30)]).features
    assert "behaviour" not in fit([judged(walkers(1, frames=30), seed=1)]).features


def test_footage_in_which_nothing_happened_does_not_make_a_hint_a_miracle() -> None:
    still = [replace(each, behaviour={"fight": np.zeros(len(each))}) for each in walkers(1, frames=150)]
    model = fit([still])
    hint = [replace(each, behaviour={"fight": np.full(len(each), 0.001)}) for each in walkers(1, frames=5)]
    assert parts(model, hint, 1)[1] > 1e-3


def test_it_comes_back_as_it_was_stored(model: NormalModel) -> None:
    again = NormalModel.of(model.arrays(), model.facts())
    clip = judged(walkers(9, frames=20), seed=9, fight={2: 0.97})
    assert parts(again, clip, 2) == parts(model, clip, 2)
    assert Behaviour.unit == model.facts()["features"]["behaviour"]
