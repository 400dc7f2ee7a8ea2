"""Changes to training crops that imitate what cameras deliver, with torchvision's transforms."""

import warnings
from typing import TYPE_CHECKING, Any

from lab.train.classify.settings import Augmentation

if TYPE_CHECKING:
    import torch


def recipe(wanted: Augmentation, size: tuple[int, int]) -> Any:
    """A callable from uint8 (3, height, width) RGB to another; torch's random numbers decide."""
    import torch
    from torchvision.transforms import v2  # type: ignore[import-untyped]  # ships no types

    def low_resolution(picture: "torch.Tensor") -> "torch.Tensor":
        share = float(torch.empty(1).uniform_(0.15, 0.6))
        small = [max(round(side * share), 4) for side in size]
        shrunk = v2.functional.resize(picture, small, antialias=True)
        enlarged: torch.Tensor = v2.functional.resize(shrunk, list(size), antialias=True)
        return enlarged

    def noise(picture: "torch.Tensor") -> "torch.Tensor":
        grains = torch.randn(picture.shape) * float(torch.empty(1).uniform_(3, 20))
        return (picture + grains).clamp_(0, 255).to(torch.uint8)

    compress = v2.JPEG((15, 60))

    def jpeg(picture: "torch.Tensor") -> "torch.Tensor":
        with warnings.catch_warnings():
            # torchvision 0.29 announces that another package will do this.
            warnings.filterwarnings("ignore", "The image decoding and encoding capabilities", DeprecationWarning)
            compressed: torch.Tensor = compress(picture)
            return compressed

    squeezed = v2.RandomResizedCrop(size, scale=(0.6, 1.0), ratio=(0.8, 1.25), antialias=True)
    steps: list[tuple[float, Any]] = [
        (wanted.flip, v2.RandomHorizontalFlip(1.0)),
        (wanted.crop, squeezed),
        (wanted.colour, v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.04)),
        (wanted.grey, v2.Grayscale(3)),
        (wanted.low_resolution, low_resolution),
        (wanted.blur, v2.GaussianBlur(5, (0.5, 2.5))),
        (wanted.noise, noise),
        (wanted.jpeg, jpeg),
        (wanted.erasing, v2.RandomErasing(1.0, scale=(0.05, 0.3), value=114)),
    ]

    def apply(picture: "torch.Tensor") -> "torch.Tensor":
        for chance, step in steps:
            if float(torch.rand(1)) < chance:
                picture = step(picture)
        return picture

    return apply
