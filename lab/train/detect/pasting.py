"""Objects of rare classes cut from one picture and pasted into another (Dwibedi et al., Cut, Paste and Learn, ICCV
2017), at about the height in the picture where they were, so that size still fits the distance."""

from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 3
SMALLEST_PX = 24
COVERED = 0.3
"""Share of a box that a pasted object may hide."""


class Paste:
    """A step before all others: pastes up to three objects, rarer classes more often, for a share of the samples."""

    def __init__(self, pictures: Any, share: float) -> None:
        self._pictures = pictures
        self._share = share
        rows = [
            (index, box)
            for index, label in enumerate(pictures.labels)
            for box in range(len(label["cls"]))
            if min(label["bboxes"][box, 2] * label["shape"][1], label["bboxes"][box, 3] * label["shape"][0])
            >= SMALLEST_PX
        ]
        self._rows = rows
        classes = np.array([int(pictures.labels[index]["cls"][box, 0]) for index, box in rows], np.int64)
        counts = np.bincount(classes, minlength=1).astype(np.float64)
        weight = 1 / np.sqrt(counts[classes]) if len(rows) else np.zeros(0)
        self._chance = weight / weight.sum() if len(rows) else weight

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        """Change ``img`` and add to ``cls`` and ``instances`` of one sample."""
        draw = np.random.default_rng(np.random.randint(2**31))
        if not self._rows or draw.random() >= self._share:
            return labels
        picture = labels["img"].copy()
        height, width = picture.shape[:2]
        instances = labels["instances"]
        instances.convert_bbox("xyxy")
        instances.denormalize(width, height)
        boxes, classes = instances.bboxes.copy(), labels["cls"].copy()
        for row in draw.choice(len(self._rows), size=int(draw.integers(1, MOST + 1)), p=self._chance):
            crop, class_id, top_share = self._crop(*self._rows[row])
            placed = _placed(crop, top_share, (height, width), boxes, draw)
            if placed is None:
                continue
            crop, box = placed
            _blend(picture, crop, box)
            boxes = np.concatenate([boxes, np.array([box], boxes.dtype)])
            classes = np.concatenate([classes, np.array([[class_id]], classes.dtype)])
        labels["img"], labels["cls"] = picture, classes
        labels["instances"] = type(instances)(boxes, None, None, bbox_format="xyxy", normalized=False)
        return labels

    def _crop(self, index: int, box: int) -> tuple[npt.NDArray[np.uint8], int, float]:
        label = self._pictures.labels[index]
        pixels = self._pictures.load_image(index)[0]
        height, width = pixels.shape[:2]
        x, y, w, h = label["bboxes"][box]
        left, top = max(int((x - w / 2) * width), 0), max(int((y - h / 2) * height), 0)
        right, bottom = min(round((x + w / 2) * width), width), min(round((y + h / 2) * height), height)
        crop = pixels[top : max(bottom, top + 2), left : max(right, left + 2)]
        return crop, int(label["cls"][box, 0]), float(y + h / 2)


def _placed(
    crop: npt.NDArray[np.uint8],
    foot: float,
    size: tuple[int, int],
    boxes: npt.NDArray[Any],
    draw: np.random.Generator,
) -> tuple[npt.NDArray[np.uint8], tuple[int, int, int, int]] | None:
    """The crop at its new size, and where it goes; None where it would hide too much."""
    import cv2

    height, width = size
    zoom = draw.uniform(0.8, 1.25)
    h, w = int(crop.shape[0] * zoom), int(crop.shape[1] * zoom)
    if not (SMALLEST_PX <= h < height * 0.7 and SMALLEST_PX <= w < width * 0.7):
        return None
    bottom = int(np.clip((foot + draw.uniform(-0.05, 0.05)) * height, h, height))
    left = int(draw.integers(0, width - w + 1))
    box = (left, bottom - h, left + w, bottom)
    if len(boxes):
        low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
        hidden = np.clip(high - low, 0, None).prod(axis=1) / np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1)
        if (hidden > COVERED).any():
            return None
    resized = np.asarray(cv2.resize(crop, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    return (resized[:, ::-1] if draw.random() < 0.5 else resized), box


def _blend(picture: npt.NDArray[np.uint8], crop: npt.NDArray[np.uint8], box: tuple[int, int, int, int]) -> None:
    """Paste with soft edges, so that the seam is not what is learned."""
    left, top, right, bottom = box
    h, w = crop.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    edge = np.minimum.reduce([x / w, 1 - x / w, y / h, 1 - y / h]) * 2
    alpha = np.clip(edge / 0.2, 0, 1)[..., None]
    under = picture[top:bottom, left:right].astype(np.float32)
    picture[top:bottom, left:right] = (crop * alpha + under * (1 - alpha)).astype(np.uint8)
