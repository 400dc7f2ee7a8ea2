"""What moved since the picture before, as numbers that do not depend on where: differences and optical flow.

Flow by Lucas and Kanade (1981): in each cell of a grid the shift that explains the change of brightness best, from
sums over the cell. Its histogram of directions weighted by speed is that of Dalal, Triggs and Schmid (2006), and its
spread over the picture tells a scuffle from people walking by. Only convolutions and sums, so it is part of the
exported graph and is the same in training and in use.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SHRINK = 4
"""Pixels of the model's picture to one of the flow's."""
CELL = 4
"""Sides of a cell in those."""
DIRECTIONS = 8
REGULAR = 4e-4
"""Keeps cells without texture still; brightness is 0 to 1."""


class Motion(nn.Module):
    """(n, 3, h, w) RGB 0 to 1 and the same of the picture before, to (n, ``width``)."""

    width = 5 * 3 + 2 * DIRECTIONS + 1

    def __init__(self) -> None:
        super().__init__()
        slope = torch.tensor([-0.5, 0.0, 0.5])
        soft = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("across", (soft[:, None] * slope[None, :])[None, None])
        self.register_buffer("down", (slope[:, None] * soft[None, :])[None, None])
        self.register_buffer("soft", (soft[:, None] * soft[None, :])[None, None])
        angles = torch.arange(DIRECTIONS) * (2 * math.pi / DIRECTIONS)
        self.register_buffer("compass", torch.stack([torch.cos(angles), torch.sin(angles)]))

    def forward(self, now: Tensor, before: Tensor) -> Tensor:
        """Statistics of cells: mean, spread and greatest of each measure, and directions of flow."""
        first, second = self._grey(before), self._grey(now)
        change = second - first
        middle = (first + second) / 2
        x, y = self._filtered(middle, "across"), self._filtered(middle, "down")
        t = self._filtered(change, "soft")

        def cells(value: Tensor) -> Tensor:
            return functional.avg_pool2d(value, CELL)

        xx, yy, xy = cells(x * x) + REGULAR, cells(y * y) + REGULAR, cells(x * y)
        xt, yt = cells(x * t), cells(y * t)
        determinant = xx * yy - xy * xy
        u, v = (xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant
        speed = torch.sqrt(u * u + v * v + 1e-8)
        energy = cells(change.abs())
        # Change where nothing seems to move: limbs that appear and vanish, too fast to be followed.
        sudden = energy / (speed + 0.1)
        texture = cells(torch.sqrt(x * x + y * y + 1e-8))
        uneven = (speed - functional.avg_pool2d(speed, 3, 1, 1)).abs()
        measures = torch.cat([energy, speed, uneven, sudden, texture], 1)
        flat = measures.flatten(2)
        pulls = torch.einsum("nchw,cd->ndhw", torch.cat([u, v], 1), self.compass).clamp(min=0).flatten(2)
        moving = (speed > 0.3).to(speed.dtype).flatten(1).mean(1, keepdim=True)
        parts = [flat.mean(2), flat.std(2, correction=0), flat.amax(2), pulls.mean(2), pulls.amax(2), moving]
        return torch.log1p(torch.cat(parts, 1) * 20)

    def _grey(self, picture: Tensor) -> Tensor:
        return functional.avg_pool2d(picture.mean(1, keepdim=True), SHRINK)

    def _filtered(self, picture: Tensor, kernel: str) -> Tensor:
        padded = functional.pad(picture, (1, 1, 1, 1), mode="replicate")
        return functional.conv2d(padded, self.get_buffer(kernel))
