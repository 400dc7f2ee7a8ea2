"""Training one small network over time on windows whose features are known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from lab.train.behaviour.features import small_size
from lab.train.behaviour.heads import Temporal
from lab.train.behaviour.settings import BehaviourSettings, Candidate
from lab.train.behaviour.windows import Windows

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained network, the epoch (from 1) it is of, and its losses after each epoch."""

    network: Temporal
    epoch: int
    train_loss: list[float]
    val_loss: list[float]


def fit(
    candidate: Candidate,
    windows: Windows,
    truth: IntArray,
    settings: BehaviourSettings,
    *,
    train: IntArray,
    val: IntArray | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> Fitted:
    """Train on the windows ``train``, one variant of each by lot per epoch. ``truth`` int64 (n,): what to learn.

    With ``val``, stops when its loss no longer falls and gives the network back as it was at its best; else after
    ``epochs``. Equal arguments give equal networks on one machine.
    """
    options = settings.fit
    rows = windows.of(candidate)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Temporal(
            candidate.head,
            width=rows.shape[3],
            frames=settings.frames,
            classes=len(settings.names),
            settings=options,
            size=small_size(settings.size),
            differenced=windows.differenced(candidate),
        )
        chosen = torch.from_numpy(train)
        network.normalise(rows[:, chosen].flatten(0, 1))
        labels = torch.from_numpy(truth)
        weight = _class_weights(truth[train], len(settings.names)) if options.class_weights else None
        optimiser = torch.optim.AdamW(network.parameters(), options.learning_rate, weight_decay=options.weight_decay)
        best, best_state, train_loss, val_loss = float("inf"), _state(network), [], []
        best_epoch = 0
        for epoch in range(1, (epochs or options.epochs) + 1):
            train_loss.append(_epoch(network, optimiser, rows, labels, chosen, weight, options.batch))
            if val is None:
                continue
            val_loss.append(_loss(network, rows, labels, torch.from_numpy(val), weight))
            if val_loss[-1] < best - 1e-4:
                best, best_epoch, best_state = val_loss[-1], epoch, _state(network)
            elif epoch - best_epoch >= options.patience:
                break
        if val is not None:
            network.load_state_dict(best_state)
    return Fitted(network.eval(), best_epoch or len(train_loss), train_loss, val_loss)


def logits_of(network: Temporal, rows: Tensor, which: IntArray) -> npt.NDArray[np.float64]:
    """Logits float64 (len(which), classes) of unaltered windows."""
    network.eval()
    with torch.inference_mode():
        parts = [network(rows[0, part])[0] for part in torch.split(torch.from_numpy(which), 64)]
    return torch.cat(parts).double().numpy()


def _epoch(
    network: Temporal,
    optimiser: torch.optim.Optimizer,
    rows: Tensor,
    labels: Tensor,
    train: Tensor,
    weight: Tensor | None,
    batch: int,
) -> float:
    network.train()
    order = train[torch.randperm(len(train))]
    total = 0.0
    for part in torch.split(order, batch):
        variant = torch.randint(0, rows.shape[0], (len(part),))
        logits, _ = network(rows[variant, part])
        loss = functional.cross_entropy(logits, labels[part], weight)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        total += loss.item() * len(part)
    return total / max(len(train), 1)


def _loss(network: Temporal, rows: Tensor, labels: Tensor, which: Tensor, weight: Tensor | None) -> float:
    logits = torch.from_numpy(logits_of(network, rows, which.numpy())).float()
    return functional.cross_entropy(logits, labels[which], weight).item()


def _class_weights(truth: IntArray, classes: int) -> Tensor:
    """Inverse to how often each occurs, 1 on average over windows; a class that does not occur has none."""
    counts = np.bincount(truth, minlength=classes).astype(np.float64)
    present = max(int((counts > 0).sum()), 1)
    return torch.tensor(np.where(counts > 0, len(truth) / (present * np.maximum(counts, 1)), 0.0), dtype=torch.float32)


def _state(network: Temporal) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
