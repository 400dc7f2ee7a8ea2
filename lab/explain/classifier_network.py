"""The torch network of a classifier made by ``bartizan train classify``, asked for its last features."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.explain.class_activation import METHODS, Method, Plane, combined
from pipeline.errors import CannotStart, UsageError
from pipeline.stage import Picture

WEIGHTS = "model.safetensors"


class ClassifierNetwork:
    """The weights beside ``model.onnx``. Raises ``UsageError`` where there are none, or ``BartizanError``."""

    def __init__(self, model: Path) -> None:
        weights = model.with_name(WEIGHTS)
        if not weights.is_file():
            raise UsageError(f"{weights}: not there, and an ONNX graph alone has no gradients; take --method rise")
        from lab.train.classify.export import read_network

        self._network, _ = read_network(weights)

    def saliency(self, picture: Picture, class_id: int, method: Method) -> Plane:
        """float32 (height, width) of a picture of the network's own size, from the last layer that has places."""
        import torch

        kept: list[Any] = []
        hooks = [part.register_forward_hook(_keeper(kept)) for part in self._network.base.modules()]
        try:
            pixels = torch.from_numpy(picture[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
            with torch.enable_grad():
                logits, _ = self._network(pixels.requires_grad_())
            places = [layer for layer in kept if layer.ndim == 4 and min(layer.shape[2:]) > 1]
            if not places:
                raise CannotStart("no layer of this network has places; take --method rise")
            (gradient,) = torch.autograd.grad(logits[0, class_id], places[-1])
        finally:
            for hook in hooks:
                hook.remove()
        features: npt.NDArray[np.float32] = places[-1][0].detach().numpy()
        return combined([METHODS[method](features, gradient[0].numpy())], (picture.shape[0], picture.shape[1]))


def _keeper(kept: list[Any]) -> Any:
    def keep(_part: Any, _arguments: Any, output: Any) -> None:
        kept.append(output)

    return keep
