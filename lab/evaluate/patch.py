"""A printed patch, stood in for: one picture that hides whoever carries it (Thys et al. 2019).

Optimised over random place, size, turn and light within the true boxes (expectation over transformation, Athalye et
al. 2018), kept smooth and within what a printer's inks reach, and judged on pictures that it was not optimised on. The
control is a plain grey patch in the same places: what mere covering costs is not the attack's merit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lab.dataset.progress import progress
from lab.evaluate.attack import Strength, measures_of, scores_on
from lab.evaluate.figures import FloatArray
from lab.evaluate.victim import Target, Victim, picture_of
from lab.evaluate.vocabulary import Vocabulary
from lab.statistics import Interval, intervals_of
from pipeline.errors import UsageError
from pipeline.stage import Detector, Picture

if TYPE_CHECKING:
    import torch

SIDE_PX = 64
"""Side of the patch itself."""
STEPS = 120
PACE = 0.03
SMOOTH = 20.0
"""Weight of the mean difference between neighbouring pixels."""
INK = (0.05, 0.95)
"""Darkest and brightest that is printed."""
SHARE = (0.4, 0.55)
"""Side of the patch, of the shorter side of the object."""
LEAST_PX = 24
"""Objects whose shorter side is less carry none."""
MOST_OBJECTS = 8
"""Objects of a picture that carry a patch while it is optimised."""


@dataclass(frozen=True, slots=True)
class PatchTrial:
    """The held-back pictures clean, with grey patches, with the patch; and what the patch takes beyond the grey one.

    ``cost``: mAP50-95 and recall with the patch less those with the grey one (negative: it hides).
    """

    pictures: int
    clean: Strength
    control: Strength
    patched: Strength
    cost: tuple[Interval, Interval]


def try_patch(
    detector: Detector,
    victim: Victim,
    targets: Sequence[Target],
    vocabulary: Vocabulary,
    *,
    threshold: float,
    rounds: int = 300,
    seed: int = 0,
    steps: int = STEPS,
) -> tuple[PatchTrial, Picture, list[Picture]]:
    """Optimise on every other picture, judge on the rest. Also the patch, and the judged pictures with it.

    Raises ``UsageError`` with fewer than two pictures whose objects are large enough.
    """
    large = [target for target in targets if len(_carriers(target))]
    if len(large) < 2:
        raise UsageError(
            f"--attack patch: needs two pictures with objects of at least {LEAST_PX} px; see --attack-limit"
        )
    seen, held_back = large[::2], large[1::2]
    patch = optimised(victim, seen, steps=steps, seed=seed)
    grey = patch * 0 + 0.5
    shown = [[t.pixels for t in held_back]]
    for each in (grey, patch):
        shown.append([_worn(victim, each, t, seed=seed + i) for i, t in enumerate(held_back)])
    measures = [measures_of(scores_on(detector, s, held_back, vocabulary), threshold) for s in shown]

    def together(weights: FloatArray) -> FloatArray:
        clean, control, patched = (measure(weights) for measure in measures)
        return np.concatenate([clean, control, patched, (patched - control)[:, [0, 2]]], axis=1)

    found = intervals_of(together, len(held_back), rounds=rounds, seed=seed)
    trial = PatchTrial(
        len(held_back),
        Strength(0.0, *found[0:3]),
        Strength(0.0, *found[3:6]),
        Strength(0.0, *found[6:9]),
        (found[9], found[10]),
    )
    return trial, picture_of(patch), shown[2]


def optimised(victim: Victim, targets: Sequence[Target], *, steps: int, seed: int) -> "torch.Tensor":
    """The patch after ``steps`` pictures: (1, 3, side, side), 0 to 1."""
    import torch

    random = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    patch = torch.rand((1, 3, SIDE_PX, SIDE_PX), generator=generator).to(victim.device).requires_grad_(True)
    optimiser = torch.optim.Adam([patch], lr=PACE)
    for _ in progress(range(steps), steps, "patch"):
        target = targets[int(random.integers(len(targets)))]
        picture = place(victim.tensor(target.pixels), patch, target, random, most=MOST_OBJECTS)
        rough = (patch[..., 1:] - patch[..., :-1]).abs().mean() + (patch[..., 1:, :] - patch[..., :-1, :]).abs().mean()
        seen = victim.visibility(picture, target) / max(len(target.class_id), 1)
        optimiser.zero_grad()
        (seen + SMOOTH * rough).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        with torch.no_grad():
            patch.clamp_(*INK)
    return patch.detach()


def place(
    picture: "torch.Tensor", patch: "torch.Tensor", target: Target, random: np.random.Generator, *, most: int = 1000
) -> "torch.Tensor":
    """The picture with the patch on its objects, each turned, sized, shifted and lit at random; differentiable."""
    import torch

    height, width = picture.shape[2:]
    for number in _carriers(target)[:most]:
        left, top, right, bottom = target.xyxy[number].tolist()
        shorter = min(right - left, bottom - top)
        side = shorter * random.uniform(*SHARE)
        x = (left + right) / 2 + random.uniform(-0.08, 0.08) * shorter
        y = top + (bottom - top) * random.uniform(0.38, 0.5)
        turn = random.uniform(-0.25, 0.25)
        light, contrast = random.uniform(-0.1, 0.1), random.uniform(0.8, 1.1)
        cos, sin = np.cos(turn), np.sin(turn)
        # From coordinates of the picture (-1 to 1) to coordinates of the patch (-1 to 1).
        theta = np.array(
            [
                [cos * width / side, sin * height / side, 0],
                [-sin * width / side, cos * height / side, 0],
            ]
        )
        centre = np.array([2 * x / width - 1, 2 * y / height - 1])
        theta[:, 2] = -theta[:, :2] @ centre
        grid = torch.nn.functional.affine_grid(
            torch.from_numpy(theta).float().to(picture.device)[None], [1, 3, height, width], align_corners=False
        )
        inside = (grid.abs() <= 1).all(dim=3)[:, None]
        worn = torch.nn.functional.grid_sample(
            patch * contrast + light, grid, padding_mode="border", align_corners=False
        ).clamp(0, 1)
        picture = torch.where(inside, worn, picture)
    return picture


def _worn(victim: Victim, patch: "torch.Tensor", target: Target, *, seed: int) -> Picture:
    return picture_of(place(victim.tensor(target.pixels), patch, target, np.random.default_rng(seed)))


def _carriers(target: Target) -> list[int]:
    sides = (target.xyxy[:, 2:] - target.xyxy[:, :2]).min(axis=1)
    return [int(number) for number in np.flatnonzero(sides >= LEAST_PX)]
