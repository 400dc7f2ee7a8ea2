"""How much each output channel of each convolution matters."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Criterion = Literal["taylor", "bn", "l1"]
Importance = dict[Any, npt.NDArray[np.float64]]
"""Convolution to float64 (out_channels,), not negative, comparable over the whole network."""


def importance_of(norms: dict[Any, Any], criterion: Criterion, batches: Iterable[Any], network: Any) -> Importance:
    """The importance of the channels of every convolution in ``norms`` (convolution to its normalising layer).

    ``taylor``: the change of the loss, to first order, if the channel were zero: (gamma dL/dgamma + beta dL/dbeta)
    squared, over ``batches`` of real pictures with labels (Molchanov et al. 2019). ``bn``: the scale of the normalising
    layer (Liu et al. 2017); ``l1``: the sum of its weights (Li et al. 2017); both relative to the layer's mean, since
    layers differ in scale; neither looks at ``batches``.
    """
    if criterion == "taylor":
        return _taylor(norms, batches, network)
    found: Importance = {}
    for conv, norm in norms.items():
        weights = norm.weight if criterion == "bn" else conv.weight.flatten(1).abs().sum(1)
        raw = weights.detach().abs().double().numpy()
        found[conv] = raw / max(float(raw.mean()), 1e-12)
    return found


def _taylor(norms: dict[Any, Any], batches: Iterable[Any], network: Any) -> Importance:
    sums = {conv: np.zeros(conv.out_channels) for conv in norms}
    network.eval()  # the normalising layers as they are at run time
    network.requires_grad_(True)
    network.model[-1].training = True  # the head gives what the loss reads
    for batch in batches:
        network.zero_grad(set_to_none=True)
        loss, _ = network(batch)
        loss.sum().backward()
        for conv, norm in norms.items():
            if norm.weight.grad is not None:
                change = norm.weight * norm.weight.grad + norm.bias * norm.bias.grad
                sums[conv] += change.detach().double().numpy() ** 2
    network.zero_grad(set_to_none=True)
    network.eval()
    return sums
