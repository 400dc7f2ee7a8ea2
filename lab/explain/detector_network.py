"""The torch network of a detector, asked for features and for the gradient of one detection's score."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.explain.class_activation import METHODS, Features, Method, Plane, combined
from lab.explain.target import Target
from pipeline.errors import CannotStart, UsageError
from pipeline.stage import Picture
from stages.detect.checkpoint import choose_head, load_checkpoint
from stages.detect.letterbox import Letterbox
from stages.detect.nms import overlaps

LEAST_OVERLAP = 0.5
"""Of an anchor's box with the target's, for the anchor to count as its cause."""


class DetectorNetwork:
    """An ultralytics ``.pt`` on the CPU in float32. Raises ``UsageError`` or ``CannotStart`` for anything else."""

    def __init__(self, model: Path, *, imgsz: int) -> None:
        if model.suffix != ".pt":
            raise UsageError(f"{model}: has no features to look into; take --method drise, or the .pt it was made from")
        network: Any = load_checkpoint(model)
        if not choose_head(network, "one_to_many", model):
            raise CannotStart(f"{model}: has no head one_to_many left; take --method drise")
        self._network = network.float().eval().requires_grad_(False)
        self._imgsz, self._stride = imgsz, int(network.stride.max())

    def saliency(self, picture: Picture, target: Target, method: Method) -> Plane:
        """float32 (height, width) of the picture, from all layers that the detection head reads."""
        height, width = picture.shape[:2]
        letterbox = Letterbox.fit((height, width), imgsz=self._imgsz, stride=self._stride)
        canvas = np.empty((*letterbox.canvas, 3), np.uint8)
        letterbox.draw(picture, canvas)
        pairs = self._features(canvas, _to_canvas(target.xyxy, letterbox), target)
        planes = [METHODS[method](features, gradient) for features, gradient in pairs]
        if method == "eigencam":  # layers differ in scale, and no gradient says how much each matters
            planes = [plane / max(float(plane.max()), 1e-9) for plane in planes]
        return _from_canvas(combined(planes, letterbox.canvas), letterbox)

    def _features(
        self, canvas: npt.NDArray[np.uint8], xyxy: npt.NDArray[np.float32], target: Target
    ) -> list[tuple[Features, Features]]:
        """Features and gradients of the layers that the head reads. Raises ``CannotStart`` without an anchor for it."""
        import torch

        kept: list[Any] = []

        def keep(_: Any, arguments: Any) -> Any:
            kept[:] = [layer.detach().requires_grad_() for layer in arguments[0]]
            return ([*kept],)

        hook = self._network.model[-1].register_forward_pre_hook(keep)
        try:
            pixels = torch.from_numpy(canvas[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
            with torch.enable_grad():
                output = self._network(pixels)[0][0]  # (4 + classes, anchors)
                score = _score(output, xyxy, target)
                gradients = torch.autograd.grad(score, kept, allow_unused=True)
        finally:
            hook.remove()
        return [
            (layer[0].detach().numpy(), np.zeros(layer.shape[1:], np.float32) if grad is None else grad[0].numpy())
            for layer, grad in zip(kept, gradients, strict=True)
        ]


def _score(output: Any, xyxy: npt.NDArray[np.float32], target: Target) -> Any:
    """Log-odds of the target's class, summed over the anchors that gave its box; a probability near 1 has no slope."""
    import torch

    found = output.detach().numpy()
    centre, half = found[:2].T, found[2:4].T / 2
    likeness = overlaps(xyxy[None], np.concatenate([centre - half, centre + half], axis=1))[0]
    strength = np.where(likeness > LEAST_OVERLAP, likeness * found[4 + target.class_id], 0)
    best = np.argsort(-strength, kind="stable")[:5]
    best = best[strength[best] > 0.5 * strength.max()]
    if strength.max() <= 0:
        raise CannotStart(f"{target}: no part of the network gave this box; take --method drise")
    return torch.logit(output[4 + target.class_id, torch.from_numpy(best)].clamp(1e-6, 1 - 1e-6)).sum()


def _to_canvas(xyxy: npt.NDArray[np.float32], letterbox: Letterbox) -> npt.NDArray[np.float32]:
    gain = np.array([letterbox.inner[1] / letterbox.source[1], letterbox.inner[0] / letterbox.source[0]] * 2)
    moved: npt.NDArray[np.float32] = (xyxy * gain + np.array([letterbox.left, letterbox.top] * 2)).astype(np.float32)
    return moved


def _from_canvas(plane: Plane, letterbox: Letterbox) -> Plane:
    import cv2

    top, left = letterbox.top, letterbox.left
    inside = plane[top : top + letterbox.inner[0], left : left + letterbox.inner[1]]
    restored: Plane = np.asarray(cv2.resize(inside, letterbox.source[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    return restored
