from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import save_file

from lab.train.classify.network import build, set_training
from lab.train.classify.pretrained import load_into, locate, read
from lab.train.classify.settings import Design
from pipeline.errors import UsageError


@pytest.mark.parametrize("design", get_args(Design))
def test_every_network_gives_logits_and_features(design: Any) -> None:
    network = build(design, 5).eval()
    with torch.no_grad():
        logits, features = network(torch.rand(2, 3, 64, 64))
    assert logits.shape == (2, 5)
    assert torch.allclose(network.last(features), logits)


def test_weights_published_by_torchvision_fit_without_their_last_layer(tmp_path: Path) -> None:
    from torchvision.models import mobilenet_v3_small  # type: ignore[import-untyped]  # ships no types

    published = mobilenet_v3_small(weights=None)
    torch.save(published.state_dict(), tmp_path / "weights.pth")
    network = build("mobilenet_v3_small", 2)
    load_into(network, tmp_path / "weights.pth")
    assert (network.base.features[0][0].weight == published.features[0][0].weight).all()


def test_weights_of_the_same_design_under_other_names_fit_by_order(tmp_path: Path) -> None:
    torch.manual_seed(5)
    other = build("small", 2).base.state_dict()
    save_file(
        {f"layer{at:03d}": tensor for at, tensor in enumerate(other.values()) if tensor.ndim},
        tmp_path / "w.safetensors",
    )
    network = build("small", 3)
    load_into(network, tmp_path / "w.safetensors")
    assert (network.base[0].weight == other["0.weight"]).all()


def test_weights_of_another_design_are_refused(tmp_path: Path) -> None:
    torch.save(build("small", 2).state_dict(), tmp_path / "small.pt")
    with pytest.raises(UsageError, match="they are of another design"):
        load_into(build("mobilenet_v3_small", 2), tmp_path / "small.pt")


class Foreign:
    """What a hostile checkpoint might hold."""


def test_a_pickle_that_is_not_tensors_is_refused_before_it_runs(tmp_path: Path) -> None:
    torch.save({"state_dict": Foreign()}, tmp_path / "evil.pt")
    with pytest.raises(UsageError, match="damaged, or not plain tensors that can be trusted") as refused:
        read(tmp_path / "evil.pt")
    assert "\n" not in str(refused.value)
    (tmp_path / "torn.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(UsageError, match="damaged"):
        read(tmp_path / "torn.safetensors")


def test_weights_that_are_not_there_are_never_fetched(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is downloaded"):
        locate("resnet18.pt", tmp_path)


def test_a_frozen_base_learns_nothing_and_keeps_its_statistics() -> None:
    network = build("mobilenet_v3_small", 2)
    set_training(network, frozen=True, settle_norms=True)
    before = {name: tensor.clone() for name, tensor in network.base.state_dict().items()}
    network(torch.rand(4, 3, 32, 32))[0].sum().backward()
    assert all(parameter.grad is None for parameter in network.base.parameters())
    assert network.last.weight.grad is not None
    assert all((tensor == before[name]).all() for name, tensor in network.base.state_dict().items())
    set_training(network, frozen=False, settle_norms=False)
    network(torch.rand(4, 3, 32, 32))
    assert not all((tensor == before[name]).all() for name, tensor in network.base.state_dict().items())
