"""An ultralytics network as torch runs it: pixels in, its answer out.

Two things are settled when it is loaded: BGR becomes RGB by swapping the first layer's weights, and the head decodes
boxes in float32 whatever the layers compute in, because a coordinate of 600 is known to half a pixel only in float16,
and to four pixels in bfloat16.
"""

from typing import Any

from pipeline.errors import CannotStart
from stages.detect.checkpoint import choose_head, digest, load_checkpoint
from stages.detect.embedding import LOOKED_AT_BY
from stages.detect.engine import ModelCard
from stages.detect.options import YoloOptions

TYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}


class TorchNetwork:
    """Raises ``CannotStart`` if the weights cannot be used. ``channels_last``: memory order of pictures and layers."""

    def __init__(self, options: YoloOptions, *, channels_last: bool) -> None:
        network: Any = load_checkpoint(options.model)
        import torch

        suppresses = choose_head(network, options.head, options.model)
        names = tuple(str(network.names[i]) for i in sorted(network.names))
        self.card = ModelCard(
            options.model.stem, digest(options.model), names, int(network.stride.max()), suppresses=suppresses
        )
        self._torch: Any = torch
        self._type: Any = getattr(torch, TYPES[options.precision])
        self._order: Any = torch.channels_last if channels_last else torch.contiguous_format
        network.requires_grad_(False)
        network = network.fuse(verbose=False).eval()
        _take_bgr(torch, network)
        network.to(options.device, self._type).to(memory_format=self._order)
        self._head = _Head(torch, network.model[-1])
        self._maps: dict[int, Any] = {}
        if options.embedding:
            self._show_maps(network, options)
        network.model[-1].forward = self._head.forward
        self._network = network

    def __call__(self, pixels: Any) -> tuple[Any, list[Any]]:
        """``pixels`` uint8 (batch, height, width, 3), BGR, on the device: float32 (batch, ...), laid out as
        ``stages.detect.postprocess`` says, and with the option ``embedding`` its maps, (batch, channels, rows,
        columns) each."""
        pictures = pixels.permute(0, 3, 1, 2).to(self._type, memory_format=self._order).div_(255)
        return self._network(pictures), list(self._maps.values())

    def _show_maps(self, network: Any, options: YoloOptions) -> None:
        for layer in LOOKED_AT_BY:
            if type(network.model[layer]).__name__ != "Conv":
                raise CannotStart(f"embedding: {options.model} is of a design whose feature maps are not known here")
            network.model[layer].register_forward_pre_hook(
                lambda _, seen, layer=layer: self._maps.__setitem__(layer, seen[0])
            )


def _take_bgr(torch: Any, network: Any) -> None:
    """Swap the colours of the layer that sees the picture."""
    stem = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    assert stem.in_channels == 3, "the first layer sees the picture"
    stem.weight.data = stem.weight.data.flip(1).contiguous()


class _Head:
    """Stands in for ``ultralytics.nn.modules.head.Detect.forward``: the same sums, decoded in float32."""

    def __init__(self, torch: Any, detect: Any) -> None:
        detect.dfl.float()
        self._torch = torch
        self._detect = detect
        self._grids: dict[tuple[tuple[int, int], ...], tuple[Any, Any]] = {}

    def forward(self, features: list[Any]) -> Any:
        """Candidates (batch, 4 + classes, anchors) or rows (batch, k, 6), float32."""
        detect, torch = self._detect, self._torch
        raw = detect.forward_head(features, **(detect.one2one if detect.end2end else detect.one2many))
        anchors, strides = self._grid(features)
        left_top, right_bottom = detect.dfl(raw["boxes"].float()).chunk(2, 1)
        first, last = (anchors - left_top) * strides, (anchors + right_bottom) * strides
        scores = raw["scores"].float().sigmoid()
        if detect.end2end:
            return detect.postprocess(torch.cat((first, last, scores), 1).permute(0, 2, 1))
        return torch.cat(((first + last) / 2, last - first, scores), 1)

    def _grid(self, features: list[Any]) -> tuple[Any, Any]:
        """Centres (2, anchors) in cells, and strides (1, anchors)."""
        torch = self._torch
        key = tuple((level.shape[2], level.shape[3]) for level in features)
        if key not in self._grids:
            centres, strides = [], []
            for (rows, columns), stride in zip(key, self._detect.stride.tolist(), strict=True):
                y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
                centres.append(torch.stack((x.flatten(), y.flatten())))
                strides.append(torch.full((1, rows * columns), float(stride)))
            device = features[0].device
            self._grids[key] = (torch.cat(centres, 1).float().to(device), torch.cat(strides, 1).to(device))
        return self._grids[key]
