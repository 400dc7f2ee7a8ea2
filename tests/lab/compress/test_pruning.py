from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from lab.compress.importance import importance_of
from lab.compress.pruning import prune
from lab.compress.wiring import Wiring
from pipeline.errors import UsageError
from tests.lab.compress.networks import tiny

SIDES = (96, 128)


@pytest.fixture(scope="module", params=["yolov8n.yaml", "yolo11n.yaml", "yolo26n.yaml"])
def network(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param, width=0.25)


def answer(network: Any) -> Any:
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        return network.eval()(torch.rand(1, 3, *SIDES))[0]


def silence(network: Any, wiring: Wiring, *, share: float) -> None:
    """Make the last channels of each group that may shrink say nothing, at every place where they are made."""
    import torch

    loose = set(wiring.groups())
    with torch.no_grad():
        for conv, norm in wiring.norms.items():
            at = 0
            for group in wiring.writes[conv]:
                mute = slice(at + group.size - int(share * group.size), at + group.size)
                if group.root in loose:
                    norm.weight[mute] = 0
                    norm.bias[mute] = 0
                at += group.size


def test_removing_silent_channels_changes_no_answer(network: Any) -> None:
    silenced = deepcopy(network)
    wiring = Wiring(silenced)
    silence(silenced, wiring, share=0.5)
    before = answer(silenced)
    cut = prune(silenced, importance_of(wiring.norms, "bn", (), silenced), wiring, ratio=0.25, sides=SIDES)
    assert cut.groups > 5
    assert np.allclose(before, answer(silenced), atol=1e-3)


def test_channels_are_removed_and_not_masked(network: Any) -> None:
    smaller = deepcopy(network)
    wiring = Wiring(smaller)
    cut = prune(smaller, importance_of(wiring.norms, "l1", (), smaller), wiring, ratio=0.3, sides=SIDES)
    assert cut.work[1] <= 0.7 * cut.work[0]
    assert cut.parameters[1] == sum(tensor.numel() for tensor in smaller.parameters()) < cut.parameters[0]
    assert answer(smaller).shape == answer(network).shape
    assert not np.allclose(answer(smaller), answer(network), atol=1e-3)


def test_the_work_that_is_counted_is_the_work_that_is_done(network: Any) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    smaller = deepcopy(network)
    wiring = Wiring(smaller)
    with FlopCounterMode(display=False) as before:
        answer(smaller)
    cut = prune(smaller, importance_of(wiring.norms, "l1", (), smaller), wiring, ratio=0.3, sides=SIDES)
    with FlopCounterMode(display=False) as after:
        answer(smaller)
    saved = (before.get_total_flops() - after.get_total_flops()) / 2  # it counts multiply and add apart
    assert cut.work[0] - cut.work[1] == pytest.approx(saved, rel=0.01)


def test_a_ratio_that_cannot_be_reached_is_refused(network: Any) -> None:
    smaller = deepcopy(network)
    wiring = Wiring(smaller)
    with pytest.raises(UsageError, match=r"ratio 0.98 cannot be reached: at most 0\.\d\d"):
        prune(smaller, importance_of(wiring.norms, "bn", (), smaller), wiring, ratio=0.98, sides=SIDES)


def test_a_head_that_does_not_run_costs_nothing_and_stays_whole() -> None:
    network = tiny("yolo26n.yaml", width=0.25)
    wiring = Wiring(network, idle=("one2one_cv2", "one2one_cv3"))
    before = [branch[0].conv.out_channels for branch in network.model[-1].one2one_cv2]
    prune(network, importance_of(wiring.norms, "bn", (), network), wiring, ratio=0.2, sides=SIDES)
    assert [branch[0].conv.out_channels for branch in network.model[-1].one2one_cv2] == before


def test_a_fused_network_is_refused() -> None:
    with pytest.raises(UsageError, match="fused"):
        Wiring(tiny("yolo11n.yaml").fuse())


def test_an_unknown_block_is_refused_by_name() -> None:
    network = tiny("yolov9t.yaml")
    with pytest.raises(UsageError, match="pruning does not know the block"):
        Wiring(network)
