"""A detector as an attacker sees it who has the checkpoint: its scores, and where to push pixels to lower them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lab.dataset.labelled import LabelledImage
from lab.detector import read_picture
from lab.evaluate.tally import overlaps
from lab.evaluate.truth import Truth
from lab.evaluate.vocabulary import Vocabulary
from pipeline.errors import UsageError
from pipeline.stage import Picture

if TYPE_CHECKING:
    import torch

NEAR = 0.4
"""IoU from which an anchor's box speaks of a true box."""


@dataclass(frozen=True, slots=True)
class Target:
    """A picture at the size that the model sees, and its true boxes there.

    ``pixels`` uint8 (height, width, 3) BGR; ``xyxy`` float32 (m, 4) in its pixels; ``class_id`` int32 (m,), measured
    numbers. Attacked pictures are shown to the deployed detector at this size, so that no resizing blurs the attack.
    """

    image: LabelledImage
    pixels: Picture
    xyxy: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]

    def as_truth(self) -> LabelledImage:
        """Its boxes as the truth of a picture of this size, under measured numbers."""
        height, width = self.pixels.shape[:2]
        return LabelledImage(self.image.path, (height, width), self.xyxy, self.class_id, self.image.camera)


def targets_of(truth: Truth, vocabulary: Vocabulary, *, imgsz: int) -> list[Target]:
    """The pictures with measured true boxes, resized until the longer side is ``imgsz``."""
    import cv2

    targets = []
    for image in truth.images:
        xyxy, class_id = vocabulary.truth(image)
        if not len(class_id):
            continue
        picture = read_picture(image.path)
        height, width = picture.shape[:2]
        gain = imgsz / max(height, width)
        size = (max(round(width * gain), 1), max(round(height * gain), 1))
        resized: Any = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        scale = np.array([size[0] / width, size[1] / height] * 2, np.float32)
        targets.append(Target(image, resized, xyxy * scale, class_id))
    return targets


class Victim:
    """The network of a checkpoint, for gradients with respect to the picture.

    ``vocabulary`` says which of its classes satisfy which measured class. Raises ``UsageError`` for anything but a
    ``.pt``, ``CannotStart`` for one that cannot be loaded.
    """

    def __init__(self, weights: Path, vocabulary: Vocabulary) -> None:
        if weights.suffix != ".pt":
            raise UsageError(f"--attack: {weights.name} gives no gradients; attack the .pt that it was exported from")
        from stages.detect.checkpoint import choose_head, load_checkpoint

        network: Any = load_checkpoint(weights)
        if not choose_head(network, "one_to_many", weights):
            raise UsageError(f"--attack: {weights.name} has no one-to-many head, whose scores the attack pushes down")
        import torch

        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network.model[-1].export = True  # the answer alone, without what training needs
        network.requires_grad_(False)
        self._network = network.fuse().eval().to(self.device)
        self._stride = int(network.stride.max())
        self._satisfies = [np.flatnonzero(vocabulary.of_model == c).tolist() for c in range(len(vocabulary.names))]

    def tensor(self, pixels: Picture) -> "torch.Tensor":
        """Float32 (1, 3, height, width), RGB, 0 to 1."""
        import torch

        rgb = np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1))
        return torch.from_numpy(rgb).to(self.device).float().div(255)[None]

    def visibility(self, picture: "torch.Tensor", target: Target) -> "torch.Tensor":
        """How plainly the true boxes are seen, summed: what hiding them must lower. A differentiable scalar.

        Of each anchor whose box overlaps a true box, minus the logarithm of (1 - score of the true class): binary
        cross-entropy against "there is nothing". ``picture``: (1, 3, height, width).
        """
        import torch

        bottom, right = (-side % self._stride for side in picture.shape[2:])
        canvas = torch.nn.functional.pad(picture, (0, right, 0, bottom), value=114 / 255)
        output = self._network(canvas)[0]
        centre, half = output[:2].detach().T, output[2:4].detach().T / 2
        boxes = torch.cat([centre - half, centre + half], dim=1).cpu().numpy().astype(np.float32)
        near = overlaps(boxes, target.xyxy) >= NEAR
        seen = output.sum() * 0
        for number, measured in enumerate(target.class_id.tolist()):
            anchors = torch.from_numpy(np.flatnonzero(near[:, number])).to(self.device)
            score = output[4:][self._satisfies[measured]][:, anchors].clamp(1e-6, 1 - 1e-6)
            seen = seen - torch.log1p(-score).sum()
        visible: torch.Tensor = seen
        return visible

    def gradient(self, picture: "torch.Tensor", target: Target) -> "torch.Tensor":
        """Of ``visibility`` with respect to the picture, of its shape."""
        import torch

        leaf = picture.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.visibility(leaf, target), leaf)
        return gradient


def picture_of(tensor: "torch.Tensor") -> Picture:
    """Back to uint8 (height, width, 3) BGR, from (1, 3, height, width)."""
    rgb = tensor.detach()[0].clamp(0, 1).mul(255).round().byte().cpu().numpy()
    picture: Picture = np.ascontiguousarray(rgb.transpose(1, 2, 0)[:, :, ::-1])
    return picture
