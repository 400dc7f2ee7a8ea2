"""The finished model as two ONNX graphs with their card: all that runs later, without torch."""

import hashlib
import json
import warnings
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lab.train.behaviour.features import MEAN, STD, Features
from lab.train.behaviour.heads import Calibrated, Temporal
from lab.train.behaviour.settings import BehaviourSettings
from pipeline.errors import BartizanError
from pipeline.whole_file import write_whole
from stages.classify.behaviour import FEATURES, TEMPORAL, BehaviourModel, BehaviourOptions
from stages.classify.onnx_graph import CARD

OPSET = 17
TOLERANCE = 2e-3
"""Greatest difference of a probability between torch and the exported graphs."""


def export(
    folder: Path,
    features: Features,
    network: Temporal,
    settings: BehaviourSettings,
    *,
    candidate: str,
    temperature: float,
    thresholds: tuple[float, ...],
) -> dict[str, str]:
    """Write both graphs and check them against torch; returns the digest of each file.

    ``features`` must be those of the candidate and no others. Raises ``BartizanError`` where a graph answers
    otherwise than the network it was made of.
    """
    folder.mkdir(parents=True, exist_ok=True)
    card: dict[str, Any] = {
        "kind": "behaviour",
        "attribute": settings.attribute,
        "names": settings.names,
        "candidate": candidate,
        "frames": settings.frames,
        "fps": settings.fps,
        "scope": settings.scope,
        "margin": settings.margin if settings.scope == "track" else 0.0,
        "width": features.width,
        "size": settings.size,
        "mean": MEAN if "backbone" in features.names else (0.0, 0.0, 0.0),
        "std": STD if "backbone" in features.names else (1.0, 1.0, 1.0),
        "needs_previous": features.needs_previous,
        "temperature": temperature,
        "thresholds": thresholds,
    }
    window = torch.zeros(1, settings.frames, features.width)
    calibrated = Calibrated(network, temperature).eval()
    first = features_graph(features)
    second = _graph(calibrated, (window,), ["windows"], ["probability", "attention"])
    card["pair"] = hashlib.sha256(first + second).hexdigest()[:16]
    digests = {}
    for file, content, part in ((FEATURES, first, "features"), (TEMPORAL, second, "temporal")):
        carded = with_card(content, card | {"graph": part})
        write_whole(folder / file, [carded])
        digests[file] = hashlib.sha256(carded).hexdigest()
    _check(folder, features, calibrated, settings)
    return digests


def features_graph(features: Features) -> bytes:
    """The features as an ONNX graph without a card: ``pictures`` (and ``previous``, if looked at) to ``rows``."""
    picture = torch.zeros(1, *features.size, 3, dtype=torch.uint8)
    inputs = (picture, picture) if features.needs_previous else (picture,)
    return _graph(_Positional(features), inputs, ["pictures", "previous"][: len(inputs)], ["rows"])


def with_card(content: bytes, card: dict[str, Any]) -> bytes:
    """The same graph with a card in it."""
    onnx: Any = import_module("onnx")
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, {CARD: json.dumps(card)})
    made: bytes = model.SerializeToString()
    return made


class _Positional(nn.Module):
    """One input where the picture before is of no use."""

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.features = features

    def forward(self, pictures: Tensor, previous: Tensor | None = None) -> Tensor:
        rows: Tensor = self.features(pictures, pictures if previous is None else previous)
        return rows


def _graph(network: nn.Module, inputs: tuple[Tensor, ...], names: list[str], outputs: list[str]) -> bytes:
    buffer = BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter without these warnings needs onnxscript, one more dependency.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            inputs,
            buffer,  # type: ignore[arg-type]  # a file object too, as torch's own text says
            dynamo=False,
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: {0: "n"} for name in [*names, *outputs]},
            opset_version=OPSET,
        )
    return buffer.getvalue()


def _check(folder: Path, features: Features, calibrated: Calibrated, settings: BehaviourSettings) -> None:
    """Moving noise through both; grey pictures would not show a wrong order of colours."""
    random = np.random.default_rng(settings.seed)
    noise = random.integers(0, 256, (settings.size[0] // 8 + 8, settings.size[1] // 8 + 8, 3), np.uint8)
    noise = noise.repeat(8, 0).repeat(8, 1)
    pixels = np.stack([noise[k : k + settings.size[0], k : k + settings.size[1]] for k in range(settings.frames)])
    with torch.inference_mode():
        wanted = calibrated(torch.from_numpy(features.rows(pixels))[None])[0].numpy()
    model = BehaviourModel(BehaviourOptions(model=folder))
    given = model.judge(model.embed(list(pixels), [None, *pixels[:-1]])[None])
    difference = float(np.abs(given - wanted).max())
    if not difference <= TOLERANCE:
        raise BartizanError(
            f"{folder}: the exported graphs differ from the network by {difference:.4f}; do not use them"
        )
