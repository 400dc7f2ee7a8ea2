"""Networks that classify crops: a base that turns a picture into a row of numbers, and one layer that names it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from lab.train.classify.settings import Design

MEAN = (0.485, 0.456, 0.406)
"""Of ImageNet's pictures, RGB; what published weights were trained with."""
STD = (0.229, 0.224, 0.225)


def build(design: "Design", classes: int, *, dropout: float = 0.0) -> Any:
    """A ``torch.nn.Module`` with random weights that torch's seed decides.

    It takes float32 (n, 3, height, width), RGB, 0 to 1, and gives logits (n, classes) and features (n, d).
    ``.base`` is the part that weights can be loaded into, ``.last`` the layer that is always new.
    """
    import torch
    from torch import nn

    base, width = _base(design)

    class CropNetwork(nn.Module):
        mean: torch.Tensor
        std: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.base = base
            self.dropout = nn.Dropout(dropout)
            self.last = nn.Linear(width, classes)
            self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
            self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
            nn.init.zeros_(self.last.bias)

        def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = self.base((pictures - self.mean) / self.std)
            return self.last(self.dropout(features)), features

    return CropNetwork()


def _base(design: "Design") -> tuple[Any, int]:
    """The network without its last layer, and how many numbers it gives. Never with weights, so never downloaded."""
    if design == "small":
        return _small(), 128
    from torch import nn
    from torchvision import models  # type: ignore[import-untyped]  # ships no types

    network: Any = getattr(models, design)(weights=None)
    if design.startswith("resnet"):
        width = network.fc.in_features
        network.fc = nn.Identity()
    else:
        width = network.classifier[-1].in_features
        network.classifier[-1] = nn.Identity()
        for part in network.classifier:
            if isinstance(part, nn.Dropout):
                part.p = 0.0  # there is one before the last layer already
    return network, int(width)


def _small() -> "nn.Sequential":
    """Four blocks of depthwise separable convolutions (Howard et al. 2017), 0.03 million weights: little to overfit.
    Normalised by groups (Wu and He 2018): batch statistics take more steps to settle than tiny data has."""
    from torch import nn

    def block(into: int, out: int, *, separable: bool) -> list[nn.Module]:
        if separable:
            convolutions = [
                nn.Conv2d(into, into, 3, 2, 1, groups=into, bias=False),
                nn.Conv2d(into, out, 1, bias=False),
            ]
        else:
            convolutions = [nn.Conv2d(into, out, 3, 2, 1, bias=False)]
        return [*convolutions, nn.GroupNorm(8, out), nn.ReLU(inplace=True)]

    layers = block(3, 32, separable=False)
    for into, out in ((32, 64), (64, 128), (128, 128)):
        layers += block(into, out, separable=True)
        layers += [nn.Conv2d(out, out, 3, 1, 1, groups=out, bias=False), nn.GroupNorm(8, out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def set_training(network: Any, *, frozen: bool, settle_norms: bool) -> None:
    """Training mode. A frozen base takes no gradient and stays in evaluation mode; ``settle_norms`` keeps its batch
    statistics as they are even when its weights learn (small batches would spoil them)."""
    from torch import nn

    network.train()
    network.base.requires_grad_(not frozen)
    if frozen:
        network.base.eval()
    elif settle_norms:
        for part in network.base.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.eval()


def size_m(network: Any) -> float:
    """Millions of weights."""
    return float(sum(parameter.numel() for parameter in network.parameters()) / 1e6)
