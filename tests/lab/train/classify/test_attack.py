from typing import Any

import pytest
import torch

from lab.train.classify.attack import fgsm, pgd
from lab.train.classify.network import build


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    return build("small", 3).eval()


def loss(network: Any, pictures: torch.Tensor, classes: torch.Tensor) -> float:
    with torch.no_grad():
        return float(torch.nn.functional.cross_entropy(network(pictures)[0], classes))


def test_attacks_stay_within_eps_and_within_pixels_and_raise_the_loss(network: Any) -> None:
    torch.manual_seed(1)
    pictures, classes = torch.rand(8, 3, 32, 32), torch.arange(8) % 3
    eps = 8 / 255
    one_step = fgsm(network, pictures, classes, eps=eps)
    many = pgd(network, pictures, classes, eps=eps, step=eps / 4, steps=10)
    for changed in (one_step, many):
        assert float((changed - pictures).abs().max()) <= eps + 1e-6
        assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
        assert loss(network, changed, classes) > loss(network, pictures, classes)
    assert loss(network, many, classes) > loss(network, one_step, classes) * 0.99


def test_an_attack_leaves_the_network_as_it_was(network: Any) -> None:
    network.train()
    network.base[1].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fgsm(network, torch.rand(4, 3, 32, 32), torch.zeros(4, dtype=torch.int64), eps=0.1)
    assert network.training
    assert not network.base[1].training
    assert all((tensor == before[name]).all() for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    network.eval()
