"""Attacks on a classifier that see its gradients: the worst small change to each crop."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Attack = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def fgsm(network: Any, pictures: "torch.Tensor", classes: "torch.Tensor", *, eps: float) -> "torch.Tensor":
    """One step of ``eps`` up the loss, in every pixel (Goodfellow et al. 2015). Pictures and ``eps`` on 0 to 1."""
    return pgd(network, pictures, classes, eps=eps, step=eps, steps=1, random_start=False)


def pgd(
    network: Any,
    pictures: "torch.Tensor",
    classes: "torch.Tensor",
    *,
    eps: float,
    step: float,
    steps: int,
    random_start: bool = True,
) -> "torch.Tensor":
    """Several steps from a random start, held within ``eps`` of the picture (Madry et al. 2018).

    The network is attacked in evaluation mode and left in the modes that it had.
    """
    import torch
    from torch.nn.functional import cross_entropy

    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    change = torch.empty_like(pictures).uniform_(-eps, eps) if random_start else torch.zeros_like(pictures)
    try:
        for _ in range(steps):
            change = ((pictures + change).clamp(0, 1) - pictures).detach().requires_grad_(True)
            loss = cross_entropy(network(pictures + change)[0], classes, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, change)
            change = (change.detach() + step * gradient.sign()).clamp(-eps, eps)
    finally:
        for part, training in modes:
            part.training = training
    return (pictures + change).clamp(0, 1).detach()
