"""Batches of crops. What a batch holds follows from seed and epoch alone, so a resumed run goes on undisturbed."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lab.train.classify.crops import Crop, read_crop
from lab.train.classify.settings import ClassifySettings
from stages.classify.behaviour import fit

if TYPE_CHECKING:
    import torch

Batch = tuple["torch.Tensor", "torch.Tensor"]
"""float32 (n, 3, height, width) RGB 0 to 1, and int64 (n,) classes."""


class CropShelf:
    """Crops fitted to the network's size, each decoded once as far as the memory allowed goes."""

    def __init__(self, crops: Sequence[Crop], size: tuple[int, int], *, cache_mb: float) -> None:
        self.crops, self._size = crops, size
        self._kept: dict[int, npt.NDArray[np.uint8]] = {}
        self._room = int(cache_mb * 1e6 / (size[0] * size[1] * 3))

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, at: int) -> npt.NDArray[np.uint8]:
        """uint8 (height, width, 3) BGR. Raises ``UsageError`` if the picture cannot be decoded."""
        if at in self._kept:
            return self._kept[at]
        fitted: npt.NDArray[np.uint8] = fit([read_crop(self.crops[at])], self._size)[0]
        if len(self._kept) < self._room:
            self._kept[at] = fitted
        return fitted


def as_tensor(fitted: npt.NDArray[np.uint8]) -> "torch.Tensor":
    """uint8 (height, width, 3) BGR to uint8 (3, height, width) RGB."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(fitted[:, :, ::-1].transpose(2, 0, 1)))


def in_order(shelf: CropShelf, labels: npt.NDArray[np.int64], batch: int) -> Iterator[Batch]:
    """Every crop once, unchanged."""
    import torch

    for start in range(0, len(shelf), batch):
        part = range(start, min(start + batch, len(shelf)))
        yield torch.stack([as_tensor(shelf[at]) for at in part]) / 255, torch.from_numpy(labels[part])


def shuffled(
    shelf: CropShelf,
    labels: npt.NDArray[np.int64],
    settings: ClassifySettings,
    augment: Callable[["torch.Tensor"], "torch.Tensor"],
) -> Callable[[int], Iterator[Batch]]:
    """A function from the epoch's number to its batches: shuffled (or drawn evenly by class), changed, full."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    class Changed(Dataset[tuple[torch.Tensor, int]]):
        def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, int]:
            epoch, at = key
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed_of(settings.seed, epoch, at))
                return augment(as_tensor(shelf[at])), int(labels[at])

    def epoch_of(epoch: int) -> Iterator[Batch]:
        order = _order(labels, settings, epoch)
        whole = max(len(order) // settings.batch, 1)  # a last batch of one crop would upset batch normalisation
        batches: Any = [[(epoch, int(at)) for at in part] for part in np.array_split(order, whole)]
        loader = DataLoader(Changed(), batch_sampler=batches, num_workers=settings.workers)
        for pictures, classes in loader:
            yield pictures / 255, classes

    return epoch_of


def seed_of(*numbers: int) -> int:
    """One seed out of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _order(labels: npt.NDArray[np.int64], settings: ClassifySettings, epoch: int) -> npt.NDArray[np.int64]:
    random = np.random.default_rng((settings.seed, epoch))
    if settings.balance != "sampler":
        return random.permutation(len(labels))
    many = np.bincount(labels)
    share = (1 / np.maximum(many, 1))[labels]
    return random.choice(len(labels), len(labels), p=share / share.sum())
