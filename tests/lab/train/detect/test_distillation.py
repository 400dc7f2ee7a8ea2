"""What the loss counts, shown on a real network's outputs."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lab.train.detect.distillation import Teaching
from lab.train.detect.network import load_network
from lab.train.detect.settings import Complete, Distillation

CLASSES = ("person", "car", "dog")


@pytest.fixture
def network(start: Path) -> Any:
    from ultralytics.cfg import get_cfg

    loaded, _ = load_network(start, CLASSES)
    loaded.args = get_cfg()
    return loaded.eval()


def batch(*boxes: tuple[int, float, float, float, float]) -> dict[str, Any]:
    return {
        "img": torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1)),
        "cls": torch.tensor([[box[0]] for box in boxes]).float().reshape(-1, 1),
        "bboxes": torch.tensor([box[1:] for box in boxes]).float().reshape(-1, 4),
        "batch_idx": torch.zeros(len(boxes)),
        "im_file": ["somewhere/road-1.jpg"],
    }


def outputs(network: Any, given: dict[str, Any]) -> Any:
    with torch.no_grad():
        return network(given["img"])[1]


def sure_of(raw: Any, class_id: int) -> Any:
    """The same outputs from a network that sees ``class_id`` in every cell."""
    changed = {head: {**part, "scores": part["scores"].clone()} for head, part in raw.items()}
    for part in changed.values():
        part["scores"][:, class_id] = 3.0
    return changed


def judge(network: Any, options: Distillation) -> Teaching:
    return Teaching(network, options, known=(True, True, True), classes=CLASSES)


def test_a_network_that_has_not_moved_has_nothing_to_keep(network: Any) -> None:
    given = batch((0, 0.5, 0.5, 0.4, 0.4))
    raw = outputs(network, given)
    parts = judge(network, Distillation())(raw, raw, given)
    assert float(parts["kept scores"]) == pytest.approx(0, abs=1e-3)
    assert float(parts["kept boxes"]) == pytest.approx(0, abs=1e-3)


def test_forgetting_what_the_teacher_sees_costs_more_than_remembering(network: Any) -> None:
    given = batch()
    raw = outputs(network, given)
    before = sure_of(raw, 1)
    forgot = judge(network, Distillation())(raw, before, given)
    kept = judge(network, Distillation())(before, before, given)
    assert float(forgot["kept scores"]) > float(kept["kept scores"]) + 0.5


def test_what_the_teacher_is_sure_of_is_not_background_without_a_label(network: Any) -> None:
    given = batch()
    seen = sure_of(outputs(network, given), 1)
    ignored = judge(network, Distillation(ignore_above=0.5))(seen, seen, given)
    counted = judge(network, Distillation(ignore_above=1.0))(seen, seen, given)
    assert float(counted["class"]) > float(ignored["class"]) + 1


def test_where_labels_are_complete_they_have_the_last_word(network: Any) -> None:
    given = batch()
    seen = sure_of(outputs(network, given), 1)
    options = Distillation(ignore_above=0.5, complete=(Complete(pictures="road-*", classes=("car",)),))
    elsewhere = Distillation(ignore_above=0.5, complete=(Complete(pictures="yard-*", classes=("car",)),))
    here, there = judge(network, options)(seen, seen, given), judge(network, elsewhere)(seen, seen, given)
    assert float(here["class"]) > float(there["class"]) + 1


def test_a_label_speaks_for_its_group_within_its_box(network: Any) -> None:
    given = batch((0, 0.5, 0.5, 1.0, 1.0))
    raw = outputs(network, given)
    before = sure_of(raw, 1)
    alone = judge(network, Distillation())(raw, before, given)
    group = judge(network, Distillation(groups=(("person", "car"),)))(raw, before, given)
    assert float(group["kept scores"]) < float(alone["kept scores"]) / 2


def test_without_a_teacher_the_labels_alone_count(network: Any) -> None:
    given = batch((0, 0.5, 0.5, 0.4, 0.4))
    assert set(judge(network, Distillation())(outputs(network, given), None, given)) == {"box", "class", "shape"}
