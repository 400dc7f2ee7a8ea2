"""Whole channels out of a network: which ones, by how little they matter for the work they cost, and the cut itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.compress.importance import Importance
from lab.compress.wiring import Group, Wiring
from pipeline.errors import UsageError

STEP = 8
"""Channels go in bunches: the CPU computes 8 or 16 at once, and a rest costs as much as a bunch."""
LEAST = 0.25
"""Share of its channels that every group keeps, so that no layer becomes a bottleneck."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Cut:
    """What was removed. ``work`` and ``parameters`` are (before, after); work in multiply-adds of one picture."""

    work: tuple[float, float]
    parameters: tuple[int, int]
    groups: int
    """Groups that lost channels."""


def prune(network: Any, importance: Importance, wiring: Wiring, *, ratio: float, sides: tuple[int, int]) -> Cut:
    """Remove channels from ``network``, in place, until ``ratio`` of its multiply-adds at ``sides`` is gone.

    Bunch after bunch, the one whose channels matter least for the work they cost. Tensors become smaller; nothing is
    masked. Raises ``UsageError`` if so much cannot be removed.
    """
    parameters = sum(tensor.numel() for tensor in network.parameters())
    plan = _Plan(wiring, importance, _positions(network, wiring, sides))
    before = plan.work()
    while plan.work() > before * (1 - ratio):
        if not plan.shrink():
            most = 1 - plan.work() / before
            raise UsageError(f"ratio {ratio:g} cannot be reached: at most {most:.2f} of the work can be removed here")
    after = plan.work()
    _cut(wiring, plan.kept)
    remaining = sum(tensor.numel() for tensor in network.parameters())
    touched = sum(len(kept) < group.size for group, kept in plan.kept.items())
    return Cut((before, after), (parameters, remaining), touched)


class _Plan:
    """Which channels of each group stay; shrinks bunch by bunch."""

    def __init__(self, wiring: Wiring, importance: Importance, positions: dict[Any, int]) -> None:
        self._wiring = wiring
        self._positions = positions
        self._worth = {group: np.zeros(group.size) for group in wiring.groups()}
        for conv, worth in importance.items():
            at = 0
            for group in wiring.writes[conv]:
                if group.root in self._worth:
                    self._worth[group.root] += worth[at : at + group.size]
                at += group.size
        self._order = {group: np.argsort(worth, kind="stable") for group, worth in self._worth.items()}
        self._gone = dict.fromkeys(self._worth, 0)
        self._users: dict[Group, list[Any]] = {group: [] for group in self._worth}
        for conv in wiring.writes:
            for group in {group.root for group in (*wiring.reads[conv], *wiring.writes[conv])} & self._users.keys():
                self._users[group].append(conv)
        self._work = {conv: self._work_of(conv) for conv in wiring.writes}

    @property
    def kept(self) -> dict[Group, Indices]:
        """Channels that stay, in order, by group; groups that are not named keep all."""
        return {group: np.sort(order[self._gone[group] :]) for group, order in self._order.items()}

    def work(self) -> float:
        """Multiply-adds of one picture."""
        return sum(self._work.values())

    def shrink(self) -> bool:
        """Drop the cheapest bunch; False if none may go."""
        together = [group for group in self._worth if group.twin is None or id(group) < id(group.twin)]
        prices = [(self._price(_with_twin(group)), at) for at, group in enumerate(together)]
        price, at = min(prices, default=(np.inf, 0))
        if not np.isfinite(price):
            return False
        for group in _with_twin(together[at]):
            self._drop(group, STEP)
        return True

    def _price(self, groups: list[Group]) -> float:
        """Importance lost for each multiply-add saved; infinite where nothing may go."""
        worth = 0.0
        for group in groups:
            gone = self._gone[group]
            if group.size - gone - STEP < max(STEP, LEAST * group.size):
                return float("inf")
            worth += float(self._worth[group][self._order[group][gone : gone + STEP]].sum())
        users = dict.fromkeys(conv for group in groups for conv in self._users[group])
        before = sum(self._work[conv] for conv in users)
        for group in groups:
            self._gone[group] += STEP
        after = sum(self._work_of(conv) for conv in users)
        for group in groups:
            self._gone[group] -= STEP
        return worth / max(before - after, 1e-9)

    def _drop(self, group: Group, count: int) -> None:
        self._gone[group] += count
        for conv in self._users[group]:
            self._work[conv] = self._work_of(conv)

    def _work_of(self, conv: Any) -> float:
        kernel = conv.kernel_size[0] * conv.kernel_size[1]
        out = sum(self._left(group) for group in self._wiring.writes[conv])
        into = 1 if conv.groups > 1 else sum(self._left(group) for group in self._wiring.reads[conv])
        return float(kernel * out * into * self._positions.get(conv, 0))

    def _left(self, group: Group) -> int:
        return group.size - self._gone.get(group.root, 0)


def _with_twin(group: Group) -> list[Group]:
    return [group] if group.twin is None or group.twin is group else [group, group.twin]


def _positions(network: Any, wiring: Wiring, sides: tuple[int, int]) -> dict[Any, int]:
    """At how many places of a picture of ``sides`` (height, width) each convolution is computed."""
    import torch

    places: dict[Any, int] = {}

    def note(conv: Any, _: Any, output: Any) -> None:
        places[conv] = 0 if conv in wiring.idle else output.shape[-2] * output.shape[-1]

    hooks = [conv.register_forward_hook(note) for conv in wiring.writes]
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, *sides))
    finally:
        for hook in hooks:
            hook.remove()
    return places


def _cut(wiring: Wiring, kept: dict[Group, Indices]) -> None:
    import torch

    for conv, written in wiring.writes.items():
        out = torch.as_tensor(_indices(written, kept))
        weight = conv.weight.detach()[out]
        if conv.groups == 1:
            weight = weight[:, torch.as_tensor(_indices(wiring.reads[conv], kept))]
            conv.in_channels = weight.shape[1]
        else:
            conv.in_channels = conv.groups = len(out) if conv.groups == conv.out_channels else conv.groups
        conv.out_channels = len(out)
        conv.weight = torch.nn.Parameter(weight.contiguous())
        if conv.bias is not None:
            conv.bias = torch.nn.Parameter(conv.bias.detach()[out])
        if conv in wiring.norms:
            _cut_norm(wiring.norms[conv], out)
    for block in wiring.halved:
        block.c = block.cv1.conv.out_channels // 2


def _cut_norm(norm: Any, out: Any) -> None:
    import torch

    norm.num_features = len(out)
    norm.weight, norm.bias = (torch.nn.Parameter(tensor.detach()[out]) for tensor in (norm.weight, norm.bias))
    norm.running_mean, norm.running_var = norm.running_mean[out], norm.running_var[out]


def _indices(signal: list[Group], kept: dict[Group, Indices]) -> Indices:
    """Where the channels that stay lie along a signal."""
    found, start = [], 0
    for group in signal:
        mine = kept.get(group.root)
        found.append(start + (np.arange(group.size) if mine is None else mine))
        start += group.size
    return np.concatenate(found)
