"""From a picture to a row of numbers: the graph ``features.onnx``, and the same network in training."""

import hashlib
import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lab.settings import beside
from lab.train.behaviour.motion import Motion
from lab.train.behaviour.settings import BackboneSettings, BehaviourSettings, Part
from pipeline.errors import CannotStart, UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""ImageNet's, RGB: what torchvision's backbones were trained with."""
PIXELS_SHRINK = 8
"""Pixels of the model's picture to one of the feature ``pixels``."""


class Features(nn.Module):
    """uint8 (n, h, w, 3) BGR, and the pictures before, to float32 (n, ``width``): the parts side by side.

    ``names`` tells the parts, ``fingerprint`` what decides their values.
    """

    def __init__(self, parts: dict[Part, nn.Module], *, size: tuple[int, int], fingerprint: str) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({str(name): part for name, part in parts.items()})
        self.size = size
        self.fingerprint = fingerprint
        self.eval()
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        blank = torch.zeros(1, *size, 3, dtype=torch.uint8)
        with torch.no_grad():
            values = [self._part(name, *self._prepared(blank, blank)) for name in self.names]
        self.widths: dict[Part, int] = {name: value.shape[1] for name, value in zip(self.names, values, strict=True)}
        """Columns of each part, in order."""

    @property
    def names(self) -> list[Part]:
        """The parts in order."""
        return cast(list[Part], list(self.parts))

    @property
    def needs_previous(self) -> bool:
        """Whether the picture before is looked at."""
        return "motion" in self.parts

    @property
    def width(self) -> int:
        """Columns of a row."""
        return sum(self.widths.values())

    def forward(self, pictures: Tensor, previous: Tensor) -> Tensor:
        """The rows."""
        now, before = self._prepared(pictures, previous)
        return torch.cat([self._part(name, now, before) for name in self.names], 1)

    def rows(self, pixels: "npt.NDArray[np.uint8]") -> "npt.NDArray[np.float32]":
        """Rows of consecutive pictures uint8 (t, h, w, 3), each after the one before it, as torch computes them."""
        pictures = torch.from_numpy(pixels)
        with torch.inference_mode():
            rows: Tensor = self(pictures, torch.cat([pictures[:1], pictures[:-1]]))
            return rows.numpy()

    def _prepared(self, pictures: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        return _rgb(pictures), _rgb(previous) if self.needs_previous else torch.empty(0)

    def _part(self, name: str, now: Tensor, before: Tensor) -> Tensor:
        part = self.parts[name]
        return cast(Tensor, part(now, before) if name == "motion" else part(now))


def only(features: Features, names: Sequence[Part]) -> Features:
    """The same networks, fewer of them: those of one candidate, for its export."""
    parts = {name: features.parts[name] for name in names}
    return Features(parts, size=features.size, fingerprint=features.fingerprint)


def build_features(settings: BehaviourSettings, names: Sequence[Part], *, base: Path) -> Features:
    """The networks of the features named. Raises ``CannotStart`` or ``UsageError`` for weights that cannot be used."""
    parts: dict[Part, nn.Module] = {}
    facts: dict[str, Any] = {"size": settings.size}
    for name in names:
        match name:
            case "detector":
                weights = _found(base, settings.detector)
                parts[name], facts[name] = DetectorNeck(weights), _digest(weights)
            case "backbone":
                parts[name] = Backbone(settings.backbone, base=base, seed=settings.seed)
                chosen = settings.backbone.weights
                known = _digest(_found(base, chosen)) if chosen else settings.seed
                facts[name] = [settings.backbone.name, known]
            case "motion":
                parts[name], facts[name] = Motion(), Motion.width
            case "pixels":
                parts[name], facts[name] = SmallPicture(), PIXELS_SHRINK
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Features(parts, size=settings.size, fingerprint=fingerprint)


class DetectorNeck(nn.Module):
    """The detector's feature maps at the entrance of its head, each averaged over the picture and its strongest.

    A network that finds people and things knows much of what a behaviour consists of, and it is there anyway.
    Raises ``CannotStart`` if the weights are not a detection model.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        from stages.detect.checkpoint import load_checkpoint

        loaded: Any = load_checkpoint(weights)
        network = loaded.float().fuse()
        head = network.model[-1]
        self.layers: Any = nn.ModuleList(list(network.model)[:-1])
        self._from: list[Any] = [layer.f for layer in self.layers]
        self._entrances: list[int] = list(head.f)

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 3, h, w) RGB 0 to 1 to (n, 2 x channels)."""
        known: list[Tensor] = []
        value = pictures
        for source, layer in zip(self._from, self.layers, strict=True):
            if isinstance(source, int):
                value = layer(value if source == -1 else known[source])
            else:
                value = layer([value if each == -1 else known[each] for each in source])
            known.append(value)
        maps = [known[each] for each in self._entrances]
        return torch.cat([each.mean((2, 3)) for each in maps] + [each.amax((2, 3)) for each in maps], 1)


class Backbone(nn.Module):
    """A torchvision classification network without its last layer, from a state dict on disk or knowing nothing."""

    def __init__(self, settings: BackboneSettings, *, base: Path, seed: int) -> None:
        super().__init__()
        models: Any = import_module("torchvision.models")
        if settings.name not in models.list_models(module=models):
            raise UsageError(f"backbone.name: torchvision has no classification network {settings.name!r}")
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network: Any = models.get_model(settings.name, weights=None)
        if settings.weights is not None:
            path = _found(base, settings.weights)
            state = _state(path)
            # The classifier's size is the data's affair, and it is not used.
            refused = network.load_state_dict(
                {key: value for key, value in state.items() if not key.startswith(("fc.", "classifier."))}, strict=False
            )
            missing = [key for key in refused.missing_keys if not key.startswith(("fc.", "classifier."))]
            if missing or refused.unexpected_keys:
                odd = (missing or refused.unexpected_keys)[0]
                raise CannotStart(f"weights {path} are not those of {settings.name}: {odd}")
        for name in ("fc", "classifier"):
            if hasattr(network, name):
                setattr(network, name, nn.Identity())
        self.network: nn.Module = network
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(STD)[:, None, None])

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 3, h, w) RGB 0 to 1 to (n, channels)."""
        made: Tensor = self.network((pictures - self.get_buffer("mean")) / self.get_buffer("deviation"))
        return made.flatten(1)


class SmallPicture(nn.Module):
    """The picture itself, small, for networks that learn from pixels; a row holds (3, h, w), from -1 to 1."""

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, 3, h, w) RGB 0 to 1 to (n, 3 x h / shrink x w / shrink)."""
        return functional.avg_pool2d(pictures * 2 - 1, PIXELS_SHRINK).flatten(1)


def small_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the pictures of the feature ``pixels``."""
    return size[0] // PIXELS_SHRINK, size[1] // PIXELS_SHRINK


def _rgb(pictures: Tensor) -> Tensor:
    return pictures.permute(0, 3, 1, 2).flip(1).to(torch.float32) / 255


def _found(base: Path, weights: Path | None) -> Path:
    assert weights is not None  # the settings saw to it
    return beside(base / "_", weights)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CannotStart(
            f"weights {path} cannot be read ({error.strerror}); nothing is downloaded by itself"
        ) from error


def _state(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return dict(import_module("safetensors.torch").load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # damaged files raise anything
        raise CannotStart(
            f"weights {path} are not a state dict that can be trusted: {str(error).splitlines()[0]}"
        ) from error
