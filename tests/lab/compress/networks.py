"""A tiny network with random weights, made on the spot."""

from typing import Any

from stages.detect.offline import import_ultralytics

NAMES = ("person", "car")
SIDE = 160


def tiny(design: str, *, width: float = 0.125) -> Any:
    """A detection network of ``design``, an eighth as wide, whose scores spread over 0 to 1."""
    import torch

    torch.set_num_threads(1)  # threads of a busy machine wait for one another, and the network is tiny
    ultralytics: Any = import_ultralytics()
    torch.manual_seed(7)
    first = ultralytics.YOLO(design, task="detect").model
    scales = {"n": [0.5, width, 1024]}
    network = type(first)(first.yaml | {"scales": scales, "scale": "n"}, nc=len(NAMES), verbose=False)
    network.names = dict(enumerate(NAMES))
    head = network.model[-1]
    for branches in (head.cv3, getattr(head, "one2one_cv3", None) or []):
        for branch in branches:
            torch.nn.init.normal_(branch[-1].weight, std=0.3)
            torch.nn.init.constant_(branch[-1].bias, -2.0)
    for branches in (head.cv2, getattr(head, "one2one_cv2", None) or []) if head.reg_max == 1 else ():
        for branch in branches:  # distances from the anchor, which random weights would make negative
            torch.nn.init.normal_(branch[-1].weight, std=0.01)
            torch.nn.init.constant_(branch[-1].bias, 2.0)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the plain mean
    network.train()
    with torch.no_grad():
        for _ in range(2):
            network(torch.rand(4, 3, 128, 160))
    return network.eval()
