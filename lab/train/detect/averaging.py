"""Weights between those a network started from and those it was trained to.

On the straight line between the two lie networks that keep most of the old while having most of the new (Wortsman et
al., Robust fine-tuning of zero-shot models, CVPR 2022). Buffers (batch norm's statistics) are mixed as weights are.
"""

from collections.abc import Mapping

import torch

State = Mapping[str, torch.Tensor]


def between(start: State, trained: State, share: float) -> dict[str, torch.Tensor]:
    """``start + share * (trained - start)`` for every floating tensor; others are the trained ones.

    Raises ``ValueError`` when the two are not of one architecture.
    """
    if start.keys() != trained.keys():
        odd = sorted(start.keys() ^ trained.keys())[:3]
        raise ValueError(f"the two networks differ in {', '.join(odd)}")
    return {
        name: torch.lerp(start[name].float(), value.float(), share) if value.is_floating_point() else value
        for name, value in trained.items()
    }
