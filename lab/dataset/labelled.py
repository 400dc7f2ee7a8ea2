"""Pictures with boxes, as every part of the laboratory passes them on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """A picture file and the boxes that someone or something drew in it.

    ``size``: height and width in pixels. ``xyxy``: float32 (n, 4), pixels, left top right bottom. ``class_id``:
    int32 (n,), into the names of its data set. ``camera``: which camera or recording it came from; pictures of one
    camera resemble each other and belong into one split.

    Raises ``ValueError`` when an array has another dtype or shape.
    """

    path: Path
    size: tuple[int, int]
    xyxy: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]
    camera: str = ""

    def __post_init__(self) -> None:
        n = len(self.class_id)
        if self.xyxy.dtype != np.float32 or self.xyxy.shape != (n, 4):
            raise ValueError(f"xyxy must be float32 ({n}, 4), got {self.xyxy.dtype} {self.xyxy.shape}")
        if self.class_id.dtype != np.int32 or self.class_id.ndim != 1:
            raise ValueError(f"class_id must be int32 (n,), got {self.class_id.dtype} {self.class_id.shape}")

    def __len__(self) -> int:
        return len(self.class_id)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled pictures under the names of their splits (``train``, ``val``, ``test``) and the names of the classes."""

    names: tuple[str, ...]
    splits: dict[str, tuple[LabelledImage, ...]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[LabelledImage]:
        for images in self.splits.values():
            yield from images

    def __len__(self) -> int:
        return sum(map(len, self.splits.values()))
