"""The running average of a network's weights, which scores better and steadier than the weights of any one step."""

import copy
from typing import Any


class WeightAverage:
    """Exponential average (Polyak and Juditsky 1992), quick at first: step n keeps min(decay, (1+n)/(10+n))."""

    def __init__(self, network: Any, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.steps = 0
        self._decay = decay

    def update(self, network: Any) -> None:
        """Take in the weights after a step."""
        import torch

        self.steps += 1
        keep = min(self._decay, (1 + self.steps) / (10 + self.steps)) if self._decay else 0.0
        with torch.no_grad():
            for mine, now in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
                if mine.is_floating_point():
                    mine.lerp_(now, 1 - keep)
                else:
                    mine.copy_(now)
