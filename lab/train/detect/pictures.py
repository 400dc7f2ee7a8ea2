"""Pictures and boxes as the network in training gets them: mixed, moved, coloured, degraded."""

import random
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler
from ultralytics.cfg import get_cfg
from ultralytics.data.dataset import YOLODataset

from lab.train.detect.degradation import Degrade
from lab.train.detect.settings import Augmentation


class Pictures(YOLODataset):
    """A YOLO data set with ultralytics' augmentation and a step of ours, degradation."""

    def __init__(
        self,
        folder: Path,
        *,
        names: tuple[str, ...],
        imgsz: int,
        batch: int,
        options: Augmentation,
        kinds: tuple[str, ...] = (),
    ) -> None:
        """``kinds``: patterns of file names; only pictures of one kind are mixed into a mosaic, because what a missing
        label means differs between them."""
        self._options = options
        super().__init__(
            img_path=str(folder),
            imgsz=imgsz,
            batch_size=batch,
            augment=True,
            hyp=_hyperparameters(options),
            rect=False,
            cache=False,
            pad=0.0,
            data={"names": dict(enumerate(names)), "channels": 3, "nc": len(names)},
            task="detect",
        )
        # ultralytics' mosaics draw from `buffer`, by default from the last pictures read.
        self._kind = [tuple(fnmatch(Path(file).name, kind) for kind in kinds) for file in self.im_files]
        self._of_kind = {kind: [i for i, each in enumerate(self._kind) if each == kind] for kind in set(self._kind)}

    def get_image_and_label(self, index: int) -> Any:
        """As ultralytics; the pictures of a mosaic come from those of this one's kind."""
        self.buffer = self._of_kind[self._kind[index]]
        return super().get_image_and_label(index)

    def build_transforms(self, hyp: Any) -> Any:
        """Ultralytics' steps, with ours where the picture has its final size and is still uint8."""
        transforms: Any = super().build_transforms(hyp)
        transforms.insert(len(transforms.transforms) - 1, Degrade(self._options.degrade))
        return transforms

    def without_mosaic(self) -> None:
        """What the last epochs use: pictures as a camera gives them."""
        self.close_mosaic(_hyperparameters(self._options))

    def load_image(self, i: int, rect_mode: bool = True, resize_short: bool = False) -> Any:
        """As ultralytics, but nothing is kept in memory, and the buffer from which mosaics draw stays whole."""
        kept, self.buffer = self.buffer, []
        try:
            return super().load_image(i, rect_mode, resize_short)
        finally:
            self.buffer, self.ims[i] = kept, None


def loader(pictures: Pictures, *, batch: int, workers: int, seed: int, epoch: int) -> "DataLoader[Any]":
    """Batches of one epoch; the same seed and epoch give the same batches, with ``workers`` fixed."""
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    order = torch.randperm(len(pictures), generator=generator).tolist()
    random.seed(seed * 100_003 + epoch)
    np.random.seed((seed * 100_003 + epoch) % 2**32)
    return DataLoader(
        pictures,
        batch_size=min(batch, len(pictures)),
        sampler=_Listed(order),
        num_workers=workers,
        collate_fn=YOLODataset.collate_fn,
        worker_init_fn=_seed_worker,
        generator=generator,
        drop_last=len(pictures) > batch,
    )


class _Listed(Sampler[int]):
    def __init__(self, order: list[int]) -> None:
        self._order = order

    def __iter__(self) -> Any:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)


def _seed_worker(number: int) -> None:
    """ultralytics draws from the global generators."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
    torch.set_num_threads(1)
    import cv2

    cv2.setNumThreads(0)


def _hyperparameters(options: Augmentation) -> Any:
    return get_cfg(
        overrides={
            "mosaic": options.mosaic,
            "scale": options.scale,
            "translate": options.translate,
            "degrees": options.degrees,
            "fliplr": options.flip,
            "hsv_h": options.hue,
            "hsv_s": options.saturation,
            "hsv_v": options.brightness,
            "mixup": 0.0,
            "copy_paste": 0.0,
            "auto_augment": None,
        }
    )
