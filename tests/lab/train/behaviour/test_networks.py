from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from lab.train.behaviour.augment import altered
from lab.train.behaviour.feature_cache import FeatureCache
from lab.train.behaviour.features import build_features, only, small_size
from lab.train.behaviour.heads import Temporal
from lab.train.behaviour.motion import CELL, SHRINK, Motion
from lab.train.behaviour.settings import BehaviourSettings, Candidate, FitSettings, Head
from pipeline.errors import CannotStart, UsageError
from tests.lab.train.behaviour.conftest import square_clip

SIZE = (64, 64)


def settings(**changes: Any) -> BehaviourSettings:
    plain: dict[str, Any] = {"data": {"clips": "."}, "names": ("still", "shaking"), "size": SIZE}
    return BehaviourSettings.model_validate(plain | changes)


def texture(shift: int) -> torch.Tensor:
    """A smooth pattern, moved to the right by so many cells of the flow's picture."""
    across = torch.arange(128.0)[None, :] - shift * SHRINK
    down = torch.arange(128.0)[:, None]
    pattern = 0.5 + 0.2 * torch.sin(across / 9) + 0.2 * torch.sin(down / 7)
    return pattern.expand(1, 3, 128, 128)


def test_a_picture_that_does_not_change_has_no_motion() -> None:
    row = Motion()(texture(0), texture(0))
    changed = Motion()(texture(1), texture(0))
    assert row.shape == (1, Motion.width)
    assert row[0, 0] < 1e-3
    assert row[0, 1] < 0.1 < changed[0, 1]


def test_flow_tells_the_direction() -> None:
    directions = slice(15, 23)
    right = Motion()(texture(1), texture(0))[0, directions]
    left = Motion()(texture(-1), texture(0))[0, directions]
    assert int(right.argmax()) == 0
    assert int(left.argmax()) == 4
    assert 128 // SHRINK // CELL == 8


def test_a_pattern_that_moves_by_one_pixel_has_about_that_speed() -> None:
    speed = (torch.expm1(Motion()(texture(1), texture(0))[0, 1]) / 20).item()
    assert speed == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("head", ["mean", "gru", "lstm", "attention", "cnn_gru", "conv3d"])
def test_each_head_judges_and_says_what_it_looked_at(head: Head) -> None:
    height, width = small_size(SIZE)
    network = Temporal(
        head, width=3 * height * width, frames=7, classes=3, settings=FitSettings(hidden=8), size=(height, width)
    ).eval()
    logits, attention = network(torch.randn(5, 7, 3 * height * width))
    assert logits.shape == (5, 3)
    assert attention.shape == (5, 7)
    assert torch.allclose(attention.sum(1), torch.ones(5), atol=1e-5)


@pytest.mark.parametrize("head", ["gru", "lstm", "attention"])
def test_order_matters_to_heads_that_know_it_and_not_to_the_mean(head: Head) -> None:
    def moved(head: Head) -> float:
        torch.manual_seed(1)
        network = Temporal(head, width=6, frames=5, classes=2, settings=FitSettings(hidden=8), size=(1, 1)).eval()
        rows = torch.randn(4, 5, 6)
        with torch.inference_mode():
            return float((network(rows)[0] - network(rows.flip(1))[0]).abs().max())

    assert moved(head) > 1e-3
    assert moved("mean") < 1e-5


def test_a_copy_is_altered_the_same_way_in_all_its_pictures_and_every_time() -> None:
    clip = np.repeat(square_clip(shaking=False, seed=1, frames=1), 4, 0)
    for variant in range(1, 12):
        copy = altered(clip, variant=variant, seed=5)
        assert copy.shape == clip.shape
        assert copy.dtype == np.uint8
        assert (copy == altered(clip, variant=variant, seed=5)).all()
        # Sensor noise differs from picture to picture, nothing else does.
        assert np.abs(copy[0].astype(float) - copy[3]).mean() < 15
    assert altered(clip, variant=0, seed=5) is clip
    assert (altered(clip, variant=1, seed=5) != altered(clip, variant=2, seed=5)).any()


def test_cached_rows_are_those_of_the_network(tmp_path: Path) -> None:
    features = build_features(settings(), ["motion", "pixels"], base=tmp_path)
    pixels = square_clip(shaking=True, seed=2)
    first, again = FeatureCache(tmp_path, features), FeatureCache(tmp_path, features)
    assert np.abs(first.rows(pixels) - features.rows(pixels)).max() < 1e-3
    assert (again.rows(pixels) == first.rows(pixels)).all()
    assert (first.computed, again.computed) == (1, 0)


def test_a_damaged_cache_file_is_made_anew(tmp_path: Path) -> None:
    features = build_features(settings(), ["motion"], base=tmp_path)
    pixels = square_clip(shaking=True, seed=2)
    before = FeatureCache(tmp_path, features).rows(pixels)
    for file in tmp_path.glob("*.npy"):
        file.write_bytes(file.read_bytes()[:50])
    cache = FeatureCache(tmp_path, features)
    assert (cache.rows(pixels) == before).all()
    assert cache.computed == 1


def test_other_features_are_other_rows_in_the_cache(tmp_path: Path) -> None:
    both = build_features(settings(), ["motion", "pixels"], base=tmp_path)
    pixels = square_clip(shaking=True, seed=2)
    assert FeatureCache(tmp_path, both).rows(pixels).shape[1] == both.width
    alone = only(both, ["pixels"])
    assert FeatureCache(tmp_path, alone).rows(pixels).shape[1] == both.widths["pixels"]
    assert not alone.needs_previous


def test_a_torchvision_backbone_takes_its_weights_from_a_path(tmp_path: Path) -> None:
    torchvision: Any = import_module("torchvision")
    torch.manual_seed(3)
    state = torchvision.models.mobilenet_v3_small(weights=None).state_dict()
    torch.save(state, tmp_path / "backbone.pth")
    named = settings(backbone={"name": "mobilenet_v3_small", "weights": "backbone.pth"})
    pixels = square_clip(shaking=False, seed=1, frames=2)
    given = build_features(named, ["backbone"], base=tmp_path)
    from_chance = build_features(settings(), ["backbone"], base=tmp_path)
    assert given.width == 576
    assert given.fingerprint != from_chance.fingerprint
    assert not np.allclose(given.rows(pixels), from_chance.rows(pixels))
    with pytest.raises(CannotStart, match="are not those of resnet18"):
        build_features(settings(backbone={"name": "resnet18", "weights": "backbone.pth"}), ["backbone"], base=tmp_path)


def test_weights_that_are_a_pickle_of_something_else_are_refused(tmp_path: Path) -> None:
    torch.save({"a": Path}, tmp_path / "bad.pth")
    wanted = settings(backbone={"weights": "bad.pth"})
    with pytest.raises(CannotStart, match="not a state dict that can be trusted"):
        build_features(wanted, ["backbone"], base=tmp_path)


def test_an_unknown_backbone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no classification network 'resnet19'"):
        build_features(settings(backbone={"name": "resnet19"}), ["backbone"], base=tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scope": "track"}, "detector: name its weights"),
        ({"size": (60, 64)}, "multiples of 32"),
        ({"names": ("a", "a")}, "names: one stands twice"),
        ({"candidates": [{"features": ["motion"], "head": "conv3d"}]}, "pixels go with"),
        ({"candidates": [{"features": ["motion"], "head": "gru"}] * 2}, "candidates: one stands twice"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(**changes)


def test_a_candidate_is_named_by_what_it_is() -> None:
    assert Candidate(features=("detector", "motion"), head="gru").name == "detector+motion/gru"
