"""A classifier on parts of the crops, under bad conditions, and under attack: balanced accuracy of each."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.evaluate.classify import accuracy
from lab.evaluate.corruption import CORRUPTIONS, corrupt
from lab.evaluate.slices import light_of
from lab.statistics import Interval
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lab.evaluate.classify_trial import Trial

SIZES = {"under 32 px": (0, 32), "32 to 96 px": (32, 96), "over 96 px": (96, 1 << 30)}
"""By the square root of the crop's area."""
FEWEST = 5
"""Crops that a part must have."""
PGD_STEPS = 20


def sliced(trial: "Trial") -> dict[str, Interval]:
    """Balanced accuracy by size, light and recording, over the classes that occur there."""
    side = np.array([np.sqrt(picture.shape[0] * picture.shape[1]) for picture in trial.pictures])
    light = np.array([light_of(float(picture.mean())) for picture in trial.pictures])
    groups = np.array([crop.group for crop in trial.crops])
    masks = {f"size: {name}": (side >= least) & (side < most) for name, (least, most) in SIZES.items()}
    masks |= {f"light: {name}": light == name for name in ("dark", "normal", "bright")}
    owners = np.unique(groups)
    if 1 < len(owners) <= 20:
        masks |= {f"recording: {name}": groups == name for name in owners if name}
    return {
        f"{name} ({mask.sum()})": accuracy(trial.answers.select(mask))
        for name, mask in masks.items()
        if FEWEST <= mask.sum() < len(mask)
    }


def corrupted(trial: "Trial", *, severity: int, seed: int) -> dict[str, Interval]:
    """Balanced accuracy under each corruption (Hendrycks and Dietterich 2019)."""
    return {
        name: accuracy(
            trial.answers_under(lambda crop, at, name=name: corrupt(crop, name, severity, seed=seed + at), name)  # type: ignore[misc]  # bound at once
        )
        for name in CORRUPTIONS
    }


def attacked(
    trial: "Trial", model: Path, attacks: tuple[str, ...], *, eps_255: float, seed: int
) -> dict[str, Interval]:
    """Balanced accuracy when each crop is changed as badly as ``eps_255`` allows, by one who knows the weights.

    Raises ``UsageError`` where they do not lie beside the model.
    """
    import torch

    from lab.train.classify.attack import fgsm, pgd
    from lab.train.classify.export import WEIGHTS, read_network
    from lab.train.classify.loading import as_tensor
    from stages.classify.behaviour import fit
    from stages.classify.classifier import softmax

    weights = model.parent / WEIGHTS
    if not weights.is_file():
        raise UsageError(f"--attack needs the weights {weights} beside the model: gradients are not in a .onnx")
    network, card = read_network(weights)
    if tuple(card["names"]) != trial.classifier.names or not _same(network, card, trial):
        raise UsageError(f"{weights}: not the weights that {model} was made from")
    torch.manual_seed(seed)
    found = {}
    for attack in attacks:
        rows = []
        for start in range(0, len(trial.pictures), 32):
            part = slice(start, start + 32)
            fitted = fit(trial.pictures[part], tuple(card["size"]))
            pictures = torch.stack([as_tensor(each) for each in fitted]) / 255
            classes = torch.from_numpy(trial.answers.labels[part])
            eps = eps_255 / 255
            if attack == "fgsm":
                changed = fgsm(network, pictures, classes, eps=eps)
            else:
                changed = pgd(network, pictures, classes, eps=eps, step=eps / 4, steps=PGD_STEPS)
            with torch.no_grad():
                rows.append(softmax(network(changed)[0].numpy() / card["temperature"]))
        found[attack] = accuracy(trial.answered(np.concatenate(rows)))
    return found


def _same(network: object, card: dict[str, object], trial: "Trial") -> bool:
    """Whether weights and deployed model say the same of one crop, within the error of lower precision."""
    import torch

    from lab.train.classify.loading import as_tensor
    from stages.classify.behaviour import fit
    from stages.classify.classifier import softmax

    fitted = fit(trial.pictures[:1], tuple(card["size"]))  # type: ignore[arg-type]  # JSON
    with torch.no_grad():
        logits = network((as_tensor(fitted[0]) / 255)[None])[0].numpy()  # type: ignore[operator]  # a torch module
    return bool(np.abs(softmax(logits / card["temperature"]) - trial.answers.probability[:1]).max() < 0.1)
