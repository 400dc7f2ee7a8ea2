"""Small networks with random weights, made on the spot, so that engines are tested without any download."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.messages import Frame
from pipeline.stage import Picture, View
from stages.detect.offline import import_ultralytics

NAMES = {0: "person", 1: "bicycle", 2: "car"}


def make_weights(path: Path, *, design: str) -> Path:
    """A detection network of ``design`` with random weights whose scores spread over 0 to 1."""
    import torch

    ultralytics: Any = import_ultralytics()
    torch.manual_seed(7)
    network = ultralytics.YOLO(design, task="detect")
    network.model = type(network.model)(network.model.yaml | {"nc": len(NAMES)}, verbose=False)
    network.model.names = dict(NAMES)
    detect = network.model.model[-1]
    for heads in (detect.cv2, getattr(detect, "one2one_cv2", None) or []) if detect.reg_max == 1 else ():
        for head in heads:  # distances from the anchor, which random weights would make negative
            torch.nn.init.normal_(head[-1].weight, std=0.001)
            torch.nn.init.constant_(head[-1].bias, 2.0)
    _settle(network.model)
    for heads in (detect.cv3, getattr(detect, "one2one_cv3", None) or []):
        _spread(network.model, [head[-1] for head in heads])
    network.save(str(path))
    return path


def _settle(network: Any) -> None:
    """Fit the normalising layers to random pictures, or the signal dies on its way through random layers."""
    import torch

    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(_blocks())
    network.eval()


def _blocks() -> Any:
    """Noise with blocks of one colour, as ``pictures`` below, scaled for a network."""
    import torch

    made = torch.rand(8, 3, 128, 160)
    made[:, :, 20:75, 30:80] = torch.rand(8, 3, 1, 1)
    return made


def _spread(network: Any, layers: list[Any]) -> None:
    """Give the scores of these layers a spread, without so many at 0 or 1 that rounding decides who comes first."""
    import torch

    with torch.no_grad():
        for layer in layers:
            torch.nn.init.normal_(layer.weight, std=0.1)
            torch.nn.init.zeros_(layer.bias)
        seen: dict[Any, Any] = {}
        hooks = [layer.register_forward_hook(lambda layer, _, out: seen.update({layer: out})) for layer in layers]
        network(_blocks())
        for layer, hook in zip(layers, hooks, strict=True):
            hook.remove()
            layer.weight *= 0.8 / seen[layer].std()
            torch.nn.init.constant_(layer.bias, -2.5 - float(seen[layer].mean() * 0.8 / seen[layer].std()))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own, as a user would set it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("BARTIZAN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def yolo11(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network with one head."""
    return make_weights(tmp_path_factory.mktemp("weights") / "tiny11.pt", design="yolo11n.yaml")


@pytest.fixture(scope="session")
def yolo26(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network with two heads."""
    return make_weights(tmp_path_factory.mktemp("weights") / "tiny26.pt", design="yolo26n.yaml")


@pytest.fixture(scope="session")
def pictures() -> list[Picture]:
    """Six pictures of two sizes, coloured blocks on noise."""
    random = np.random.default_rng(3)
    made = []
    for number in range(6):
        height, width = (96, 128) if number % 3 else (120, 90)
        picture = random.integers(0, 256, (height, width, 3), np.uint8)
        top, left = random.integers(0, 50, 2)
        picture[top : top + 40, left : left + 30] = random.integers(0, 256, 3, np.uint8)
        made.append(picture)
    return made


@pytest.fixture(scope="session")
def views(pictures: list[Picture]) -> list[View]:
    """The pictures as frames of a camera."""
    return [View(Frame("gate", 0, index, index), picture) for index, picture in enumerate(pictures)]


@pytest.fixture(scope="session")
def ultralytics(cache: Path) -> Any:
    """The library itself, network off, as a reference to compare with."""
    return import_ultralytics()
