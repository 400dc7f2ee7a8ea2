"""One run of training a classifier, epoch by epoch: the network, its average, its optimiser, its batches."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.train.classify import checkpoint
from lab.train.classify.attack import pgd
from lab.train.classify.augmentation import recipe
from lab.train.classify.averaging import WeightAverage
from lab.train.classify.calibration import log_loss
from lab.train.classify.loading import CropShelf, in_order, seed_of, shuffled
from lab.train.classify.network import build, set_training
from lab.train.classify.pretrained import load_into
from lab.train.classify.settings import ClassifySettings

Labels = npt.NDArray[np.int64]


class Lesson:
    """A network being trained. The seed decides all random numbers; on a CPU it decides the result.

    ``weights`` is the file of pretrained weights, or None to start from scratch.
    """

    def __init__(
        self,
        settings: ClassifySettings,
        classes: int,
        train: tuple[CropShelf, Labels],
        val: tuple[CropShelf, Labels],
        weights: Path | None,
    ) -> None:
        import torch

        self._settings, self._val = settings, val
        torch.manual_seed(seed_of(settings.seed))
        self.device = device_of(settings.device)
        network = build(settings.network, classes, dropout=settings.dropout)
        self.pretrained = weights is not None
        if weights is not None:
            load_into(network, weights)
        self.network = network.to(self.device)
        self.average = WeightAverage(self.network, settings.ema_decay)
        self._optimiser = self._make_optimiser()
        self._batches = shuffled(*train, settings, recipe(settings.augmentation, settings.size))
        self._steps = max(len(train[0]) // settings.batch, 1)
        self._loss = torch.nn.CrossEntropyLoss(
            weight=torch.tensor(class_weights(train[1], classes, settings.balance), device=self.device),
            label_smoothing=settings.label_smoothing,
        )
        self._half = self.device == "cuda" and torch.cuda.is_bf16_supported()
        self.progress = checkpoint.Progress()
        self.best: dict[str, Any] = {}

    @property
    def frozen_epochs(self) -> int:
        """How many epochs the base stays as it is."""
        return min(self._settings.freeze_epochs, self._settings.epochs - 1) if self.pretrained else 0

    def resume(self, folder: Path) -> None:
        """Go on where the checkpoint in ``folder`` stands, if there is one."""
        self.progress, self.best = checkpoint.restore(folder, self.network, self.average, self._optimiser)

    def save(self, folder: Path) -> None:
        """Write a checkpoint."""
        checkpoint.save(folder, self.progress, self.network, self.average, self._optimiser, self.best)

    def epoch(self, tick: Callable[[float], None] = lambda _: None) -> dict[str, float]:
        """Train for one epoch and validate; returns the figures. ``tick`` hears each step's loss."""
        import torch

        epoch = self.progress.epoch
        torch.manual_seed(seed_of(self._settings.seed, epoch))
        frozen = epoch < self.frozen_epochs
        set_training(self.network, frozen=frozen, settle_norms=self.pretrained)
        losses = []
        for number, (pictures, classes) in enumerate(self._batches(epoch)):
            self._set_rates(epoch + number / self._steps)
            losses.append(self._step(pictures.to(self.device), classes.to(self.device)))
            tick(losses[-1])
        logits = self.logits_of(self._val[0], self.average.network)
        figures = self._validated(logits, frozen=frozen)
        return {"loss/train": float(np.mean(losses)), **figures, "rate/lr": self._optimiser.param_groups[-1]["lr"]}

    @property
    def steps(self) -> int:
        """Steps in one epoch."""
        return self._steps

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.progress.stopped or self.progress.epoch >= self._settings.epochs

    def result(self) -> Any:
        """The network with the best weights, averaged, in evaluation mode on the CPU."""
        network = self.average.network
        network.load_state_dict(self.best)
        return network.cpu().eval()

    def logits_of(self, shelf: CropShelf, network: Any) -> npt.NDArray[np.float32]:
        """What a network says to every crop, unchanged: float32 (n, classes)."""
        return logits_of(network, shelf, self._settings.batch, self.device)

    def _step(self, pictures: Any, classes: Any) -> float:
        import torch

        if (adversarial := self._settings.adversarial) is not None:
            many = math.ceil(adversarial.share * len(pictures))
            attacked = pgd(
                self.network,
                pictures[:many],
                classes[:many],
                eps=adversarial.eps_255 / 255,
                step=adversarial.step_255 / 255,
                steps=adversarial.steps,
            )
            pictures = torch.cat([attacked, pictures[many:]])
        with torch.autocast(self.device, torch.bfloat16, enabled=self._half):
            loss = self._loss(self.network(pictures)[0].float(), classes)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimiser.step()
        self.average.update(self.network)
        return float(loss.detach())

    def _validated(self, logits: npt.NDArray[np.float32], *, frozen: bool) -> dict[str, float]:
        labels, progress = self._val[1], self.progress
        right = logits.argmax(axis=1) == labels
        recalls = [float(right[labels == number].mean()) for number in np.unique(labels)]
        accuracy, loss = float(np.mean(recalls)), log_loss(logits, labels)
        if (round(accuracy, 6), -loss) > (round(progress.best_accuracy, 6), -progress.best_loss):
            progress.best_accuracy, progress.best_loss, progress.best_epoch = accuracy, loss, progress.epoch
            progress.since_best = 0
            self.best = {name: tensor.clone() for name, tensor in self.average.network.state_dict().items()}
        elif not frozen:
            progress.since_best += 1
        progress.epoch += 1
        progress.stopped = progress.since_best >= self._settings.patience
        return {"loss/val": loss, "accuracy/val": float(right.mean()), "accuracy/val balanced": accuracy}

    def _make_optimiser(self) -> Any:
        """AdamW with four groups: base and last layer, each with and (for biases and norms) without decay."""
        import torch

        groups = []
        for part in (self.network.base, self.network.last):
            weights = list(part.parameters())
            groups.append({"params": [w for w in weights if w.ndim > 1], "weight_decay": self._settings.weight_decay})
            groups.append({"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0})
        return torch.optim.AdamW(groups, lr=self._settings.lr)

    def _set_rates(self, at: float) -> None:
        share = self._settings.base_lr_share if self.pretrained else 1.0
        start = float(self.frozen_epochs)
        rates = [share * self._rate(at, start)] * 2 + [self._rate(at, 0.0)] * 2
        for group, rate in zip(self._optimiser.param_groups, rates, strict=True):
            group["lr"] = rate

    def _rate(self, at: float, start: float) -> float:
        """Learning rate ``at`` an epoch (with fraction): up over the warm-up, then down along a cosine to 1 %."""
        passed, total = at - start, self._settings.epochs - start
        warm = min(self._settings.warmup_epochs, total / 2)
        if passed < warm:
            return self._settings.lr * max(passed + 1 / self._steps, 0.0) / (warm + 1 / self._steps)
        share = min((passed - warm) / max(total - warm, 1e-9), 1.0)
        return self._settings.lr * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)


def logits_of(network: Any, shelf: CropShelf, batch: int, device: str = "cpu") -> npt.NDArray[np.float32]:
    """What a network says to every crop: float32 (n, classes)."""
    import torch

    network.eval()
    nothing = np.zeros(len(shelf), np.int64)
    with torch.no_grad():
        rows = [
            network(pictures.to(device))[0].float().cpu().numpy() for pictures, _ in in_order(shelf, nothing, batch)
        ]
    return np.concatenate(rows)


def class_weights(labels: Labels, classes: int, balance: str) -> npt.NDArray[np.float32]:
    """Weight of each class in the loss, 1 on average over crops; the rarer the more if ``balance`` is ``weights``."""
    if balance != "weights":
        return np.ones(classes, np.float32)
    many = np.maximum(np.bincount(labels, minlength=classes), 1)
    return (len(labels) / (classes * many)).astype(np.float32)


def device_of(wanted: str) -> str:
    """``cuda`` or ``cpu``. Raises ``CannotStart`` if a GPU is wanted and none is there."""
    import torch

    from pipeline.errors import CannotStart

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise CannotStart("device cuda: no NVIDIA GPU here; set device: auto")
    return wanted
