"""What looks at a window of rows: the graph ``temporal.onnx``, and the same network in training.

Attention pooling weighs the moments before they are summed up (Bahdanau et al. 2015; Lin et al. 2017), so that each
judgement comes with what it looked at. Under it, one of: nothing (order plays no part), GRU (Cho et al. 2014), LSTM
(Hochreiter and Schmidhuber 1997), a Transformer encoder layer (Vaswani et al. 2017), a small network over pictures
before a GRU, or R(2+1)D, 3D convolution in two steps (Tran et al. 2018).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lab.train.behaviour.settings import FitSettings, Head


class Temporal(nn.Module):
    """Windows (n, frames, width) to logits (n, classes) and attention (n, frames).

    ``size``: height and width of the small pictures in the rows, if that is what they are. ``differenced``: bool
    (width,), columns of which only the change from row to row is looked at.
    """

    def __init__(
        self,
        head: Head,
        *,
        width: int,
        frames: int,
        classes: int,
        settings: FitSettings,
        size: tuple[int, int],
        differenced: Tensor | None = None,
    ) -> None:
        super().__init__()
        hidden = settings.hidden
        changes = torch.zeros(width, dtype=torch.bool) if differenced is None else differenced
        self.register_buffer("differenced", changes)
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.head = head
        self.dropout = nn.Dropout(settings.dropout)
        self.over_time: nn.Module
        match head:
            case "conv3d":
                self.entrance: nn.Module = nn.Identity()
                self.over_time = Volume(size, hidden)
            case "cnn_gru":
                self.entrance = PictureNetwork(size, hidden)
                self.over_time = nn.GRU(hidden, hidden, batch_first=True)
            case _:
                self.entrance = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(settings.dropout))
                self.over_time = _over_time(head, hidden, frames, settings.dropout)
        self.importance = nn.Linear(hidden, 1)
        self.classes = nn.Linear(hidden, classes)

    def normalise(self, windows: Tensor) -> None:
        """Take mean and deviation of each column from training windows (m, frames, width). Pixels stay as they are."""
        if self.head not in ("conv3d", "cnn_gru"):
            rows = self._changed(windows).flatten(0, 1)
            self.get_buffer("centre").copy_(rows.mean(0))
            self.get_buffer("scale").copy_(1 / rows.std(0).clamp(min=1e-3))

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and attention; attention is over as many moments as there are, also where the network has fewer."""
        rows = (self._changed(windows) - self.get_buffer("centre")) * self.get_buffer("scale")
        moments = self.over_time(self.entrance(rows))
        moments = moments[0] if isinstance(moments, tuple) else moments
        weight = torch.softmax(self.importance(moments).squeeze(2), 1)
        pooled = (weight[..., None] * moments).sum(1)
        return self.classes(self.dropout(pooled)), self._for_each_frame(weight, windows.shape[1])

    def _changed(self, windows: Tensor) -> Tensor:
        """The first row's change is unknown: it counts as that of the second."""
        if not bool(self.get_buffer("differenced").any()):
            return windows
        change = (windows[:, 1:] - windows[:, :-1]).abs()
        return torch.where(self.get_buffer("differenced"), torch.cat([change[:, :1], change], 1), windows)

    def _for_each_frame(self, weight: Tensor, frames: int) -> Tensor:
        if self.head != "conv3d":
            return weight
        spread = weight.repeat_interleave(-(-frames // weight.shape[1]), 1)[:, :frames]
        return spread / spread.sum(1, keepdim=True)


class Calibrated(nn.Module):
    """Probabilities in place of logits, softened by ``temperature`` (Guo et al. 2017)."""

    def __init__(self, network: Temporal, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (n, classes) and attention (n, frames)."""
        logits, attention = self.network(windows)
        return torch.softmax(logits / self.temperature, 1), attention


def _over_time(head: Head, hidden: int, frames: int, dropout: float) -> nn.Module:
    made: dict[Head, Callable[[], nn.Module]] = {
        "mean": nn.Identity,
        "gru": lambda: nn.GRU(hidden, hidden, batch_first=True),
        "lstm": lambda: nn.LSTM(hidden, hidden, batch_first=True),
        "attention": lambda: SelfAttention(hidden, frames, dropout),
    }
    return made[head]()


class SelfAttention(nn.Module):
    """One Transformer encoder layer, normalised first, with the place in time added as sines.

    Written out, for torch's own layer takes a fused path in evaluation that cannot be exported.
    """

    def __init__(self, hidden: int, frames: int, dropout: float, *, parts: int = 4) -> None:
        super().__init__()
        self.parts = parts if hidden % parts == 0 else 1
        self.before, self.between = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.query_key_value = nn.Linear(hidden, 3 * hidden)
        self.joined = nn.Linear(hidden, hidden)
        self.forward_part = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden))
        self.dropout = nn.Dropout(dropout)
        place = torch.arange(frames)[:, None] / 10000 ** (2 * (torch.arange(hidden) // 2) / hidden)
        self.register_buffer("place", torch.where(torch.arange(hidden) % 2 == 0, place.sin(), place.cos()))

    def forward(self, moments: Tensor) -> Tensor:
        """(n, frames, hidden) to the same."""
        n, frames, hidden = moments.shape
        moments = moments + self.get_buffer("place")
        asked = self.query_key_value(self.before(moments)).reshape(n, frames, 3, self.parts, hidden // self.parts)
        query, key, value = asked.permute(2, 0, 3, 1, 4).unbind(0)
        weight = torch.softmax(query @ key.transpose(2, 3) / math.sqrt(hidden // self.parts), 3)
        seen = (weight @ value).transpose(1, 2).reshape(n, frames, hidden)
        moments = moments + self.dropout(self.joined(seen))
        changed: Tensor = moments + self.dropout(self.forward_part(self.between(moments)))
        return changed


class PictureNetwork(nn.Module):
    """Three convolutions over each small picture: rows (n, frames, 3 x h x w) to (n, frames, hidden)."""

    def __init__(self, size: tuple[int, int], hidden: int) -> None:
        super().__init__()
        self.size = size
        self.layers = nn.Sequential(_flat(3, 12), _flat(12, 24), _flat(24, hidden))

    def forward(self, rows: Tensor) -> Tensor:
        """Features of each picture."""
        maps: Tensor = self.layers(rows.reshape(-1, 3, *self.size))
        return maps.mean((2, 3)).reshape(rows.shape[0], rows.shape[1], -1)


class Volume(nn.Module):
    """R(2+1)D of three blocks: rows (n, frames, 3 x h x w) to (n, frames / 2, hidden)."""

    def __init__(self, size: tuple[int, int], hidden: int) -> None:
        super().__init__()
        self.size = size
        self.layers = nn.Sequential(_deep(3, 12, 1), _deep(12, 24, 2), _deep(24, hidden, 1))

    def forward(self, rows: Tensor) -> Tensor:
        """Features of each moment, averaged over the picture."""
        volume = rows.reshape(rows.shape[0], rows.shape[1], 3, *self.size).transpose(1, 2)
        maps: Tensor = self.layers(volume)
        return maps.mean((3, 4)).transpose(1, 2)


def _flat(into: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, 3, 2, 1, bias=False), nn.GroupNorm(4, out), nn.ReLU())


def _deep(into: int, out: int, step: int) -> nn.Sequential:
    """Over the picture, then over time."""
    return nn.Sequential(
        nn.Conv3d(into, out, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False),
        nn.GroupNorm(4, out),
        nn.ReLU(),
        nn.Conv3d(out, out, (3, 1, 1), (step, 1, 1), (1, 0, 0), bias=False),
        nn.GroupNorm(4, out),
        nn.ReLU(),
    )
