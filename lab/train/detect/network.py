"""The network that is taught: loading it, giving it the right classes, and writing it as others read it."""

import io
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.errors import CannotStart
from pipeline.whole_file import write_whole
from stages.detect.checkpoint import load_checkpoint

LICENCE = "AGPL-3.0-or-later"


def load_network(path: Path, classes: Sequence[str]) -> tuple[Any, tuple[bool, ...]]:
    """The detection network of an ultralytics checkpoint, with ``classes`` as its classes in that order.

    Scores of classes are independent of one another in these networks, so the rows of known classes are taken over
    and nothing is lost; unknown ones start anew. Returns the network (float32, CPU) and which classes it knew.
    Raises ``CannotStart``.
    """
    network: Any = load_checkpoint(path)
    head = network.model[-1]
    if not hasattr(head, "cv3") or head.cv3 is None:
        raise CannotStart(f"weights {path}: the head {type(head).__name__} cannot be taught; give a YOLO detector")
    names = [str(network.names[number]) for number in range(head.nc)]
    rows = [names.index(name) if name in names else None for name in classes]
    if rows != list(range(head.nc)):
        for branch in (head.cv3, getattr(head, "one2one_cv3", None)):
            for level in branch or ():
                level[-1] = _rows_of(level[-1], rows)
        head.nc = len(classes)
        head.no = head.nc + head.reg_max * 4
        network.nc = head.nc
        network.yaml = {**network.yaml, "nc": head.nc}
    network.names = dict(enumerate(classes))
    network.criterion = None
    for parameter in network.parameters():
        parameter.requires_grad_(requires_grad=True)
    return network.float(), tuple(row is not None for row in rows)


def _rows_of(last: nn.Conv2d, rows: Sequence[int | None]) -> nn.Conv2d:
    """The last convolution of a class branch with these rows; a new one starts as unlikely as the least likely."""
    assert last.bias is not None
    new = nn.Conv2d(last.in_channels, len(rows), 1)
    assert new.bias is not None
    with torch.no_grad():
        nn.init.normal_(new.weight, std=0.01)
        new.bias.fill_(float(last.bias.min()))
        for number, row in enumerate(rows):
            if row is not None:
                new.weight[number], new.bias[number] = last.weight[row], last.bias[row]
    return new


def write_network(network: Any, path: Path, *, facts: dict[str, Any]) -> None:
    """Write an ultralytics checkpoint in FP16 without anything of the training in it, whole or not at all."""
    from importlib.metadata import version

    clean = deepcopy(network).cpu().eval()
    clean.criterion = None
    clean.pt_path = path.name  # ultralytics keeps where a checkpoint was read from, with the folders of the machine
    clean.args = {"imgsz": facts.get("imgsz", 640), "task": "detect", "model": path.name}
    for parameter in clean.parameters():
        parameter.requires_grad_(requires_grad=False)
    buffer = io.BytesIO()
    content = {
        "epoch": -1,
        "model": clean.half(),
        "ema": None,
        "train_args": clean.args,
        "version": version("ultralytics"),
        "license": LICENCE,
        "bartizan": facts,
    }
    torch.save(content, buffer)
    write_whole(path, [buffer.getvalue()])
