"""The fine-tuning of a detector, from its settings to a checkpoint that can be deployed."""

import math
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.dataset import yolo_format
from lab.dataset.labelled import Dataset
from lab.settings import beside
from lab.train.curves import Curves
from lab.train.detect.settings import DetectSettings
from lab.train.progress import Progress
from lab.train.run_folder import add_to_run, asked_of, check_run, digest_of_data, open_run, write_json
from lab.train.verdict import say_verdict
from pipeline.errors import CannotStart, UsageError
from pipeline.file_digest import file_sha256
from stages.detect.hardware import has_bf16
from stages.detect.offline import import_ultralytics

if TYPE_CHECKING:
    import torch

CHECKPOINT = "checkpoint.pt"
SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def train(settings: DetectSettings, out: Path, *, base: Path, resume: bool = False) -> Path:
    """Fine-tune; returns the checkpoint, ``out/NAME.pt`` (FP16, ultralytics' format).

    ``base`` is the folder from which the settings' paths count. An interrupted run goes on with ``resume`` after its
    last whole epoch, and ends with the same weights. Raises ``UsageError`` for data or settings that do not fit,
    ``CannotStart`` for weights that cannot be taught.
    """
    import_ultralytics()
    data = _data(settings, base)
    start = find_start(settings.start, base)
    teacher = find_start(settings.teacher, base) if settings.teacher else start
    asked = asked_of(settings, data_sha256=digest_of_dataset(data), weights={"start": start, "teacher": teacher})
    check_run(out, asked, resume=resume)
    course = _Course(settings, data.names, out, start=start, teacher=teacher)
    open_run(out, asked, resume=resume)
    course.open(_prepared(data, out), resume=resume)
    final = out / f"{settings.name}.pt"
    course.run()
    facts = course.finish(final)
    add_to_run(out, {"model": {"file": final.name, "sha256": file_sha256(final)}, **facts})
    say_verdict(
        final,
        f"weights of epoch {facts['epoch']} of {course.epoch}"
        if facts["epoch"]
        else f"weights of the start, none of {course.epoch} epochs beat it",
        "mAP50-95 on val",
        reached=facts["val_mAP50-95"],
        start=facts["start_val_mAP50-95"],
    )
    return final


def find_start(named: str, base: Path) -> Path:
    """Weights by the name of a registered model, else by path. Raises ``CannotStart`` or ``UsageError``."""
    from pipeline import models

    if models.is_name(named):
        return models.find(named)
    path = beside(base / "settings", Path(named))
    if not path.is_file():
        raise UsageError(f"start: {path} is not there; name a file, or a model of `bartizan models list`")
    return path


class _Course:
    """One training under way: everything that a checkpoint must hold, and the loop over it."""

    def __init__(
        self, settings: DetectSettings, names: tuple[str, ...], out: Path, *, start: Path, teacher: Path
    ) -> None:
        import torch

        from lab.train.detect.distillation import Teaching
        from lab.train.detect.network import load_network

        torch.manual_seed(settings.seed)
        self._settings, self._out = settings, out
        self._device = torch.device(
            ("cuda" if torch.cuda.is_available() else "cpu") if settings.device == "auto" else settings.device
        )
        network, _ = load_network(start, names)
        taught_by, known = load_network(teacher, names)
        self._start = {name: value.clone() for name, value in network.state_dict().items()}
        network.args = _loss_gains()
        self._network = network.to(self._device, memory_format=torch.channels_last)
        self._half = settings.precision == "bf16" or (
            settings.precision == "auto" and (self._device.type == "cuda" or has_bf16())
        )
        self._average = deepcopy(self._network).eval().requires_grad_(requires_grad=False)
        taught_by = taught_by.to(self._device, memory_format=torch.channels_last)
        self._teacher = taught_by.eval().requires_grad_(requires_grad=False)
        self._loss = Teaching(self._network, settings.distillation, known=known, classes=names)
        self._optimizer = _optimizer(self._network, settings)
        self.epoch, self._best, self._best_epoch = 0, -1.0, -1
        self._at_start, self._reached = 0.0, 0.0
        self._best_state: dict[str, torch.Tensor] = self._start

    def open(self, data: Dataset, *, resume: bool) -> None:
        """Take the pictures, and with ``resume`` what an interrupted run left. Raises ``CannotStart``."""
        from lab.train.detect.pictures import Pictures

        settings = self._settings
        self._data = data
        folder = data.splits["train"][0].path.parent
        self._pictures = Pictures(
            folder,
            names=data.names,
            imgsz=settings.imgsz,
            batch=settings.batch,
            options=settings.augmentation,
            kinds=tuple(each.pictures for each in settings.distillation.complete),
        )
        self._steps = max(len(self._pictures) // settings.batch, 1)
        if resume:
            self._load()

    def run(self) -> None:
        """Epoch after epoch, a checkpoint after each, until the last or until it gets no better."""
        settings = self._settings
        curves = Curves(self._out, first_epoch=self.epoch + 1 if self.epoch else 0)  # row 0 is the start's
        if self.epoch == 0:
            self._weigh(curves, {})
        with Progress(f"training {settings.name}", total=settings.epochs * self._steps) as progress:
            progress.advance(self.epoch * self._steps)
            while self.epoch < settings.epochs and self.epoch - self._best_epoch < settings.patience:
                losses = self._one_epoch(progress)
                self.epoch += 1
                self._weigh(curves, losses)
                reached = curves.rows[-1]["val/mAP50-95"]
                progress.say(f"epoch {self.epoch}: loss {losses['loss/all']:.3f}, val mAP50-95 {reached:.4f}")
        curves.close()

    def _one_epoch(self, progress: Progress) -> dict[str, float]:
        import torch

        settings, number = self._settings, self.epoch
        frozen = number < settings.frozen_epochs
        distils = settings.distillation.weight > 0 or settings.distillation.box_weight > 0
        for name, parameter in self._network.named_parameters():
            stays = (frozen and _layer(name) < settings.frozen_layers) or any(
                part in name for part in (".dfl.", *settings.frozen_parts)
            )
            parameter.requires_grad_(not stays)
        self._network.train()
        for module in self._network.modules() if settings.freeze_statistics else ():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        sums: dict[str, float] = {}
        batches = 0
        for batch in self._batches():
            self._set_rate(number * self._steps + batches)
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
                predictions = self._network(batch["img"])
                with torch.no_grad():
                    before = self._before(batch["img"], predictions, only_head=frozen) if distils else None
            parts = self._loss(_as_float(predictions), None if before is None else _as_float(before), batch)
            total = torch.stack(list(parts.values())).sum()
            self._optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]  # untyped in torch
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), 10.0)
            self._optimizer.step()
            self._follow()
            for name, value in {**parts, "all": total}.items():
                sums[f"loss/{name}"] = sums.get(f"loss/{name}", 0.0) + float(value.detach())
            batches += 1
            progress.advance(1)
        return {name: value / max(batches, 1) for name, value in sums.items()}

    def _before(self, pixels: "torch.Tensor", predictions: Any, *, only_head: bool) -> Any:
        """What the teacher says. While only the head learns, the teacher's features are the network's own."""
        head = self._teacher.model[-1]
        shared = only_head and not self._settings.teacher and self._settings.frozen_layers >= head.i
        if not shared or not self._settings.freeze_statistics:
            return self._teacher(pixels)[1]
        one = predictions.get("one2many", predictions)
        return head([level.detach() for level in one["feats"]])[1]

    def _batches(self) -> Iterator[dict[str, Any]]:
        import torch

        from lab.train.detect.pictures import loader

        settings = self._settings
        if self.epoch >= settings.epochs - settings.augmentation.close_mosaic:
            self._pictures.without_mosaic()
        batches = loader(
            self._pictures, batch=settings.batch, workers=settings.workers, seed=settings.seed, epoch=self.epoch
        )
        for batch in batches:
            moved = {
                key: batch[key].to(self._device, non_blocking=True) for key in ("img", "cls", "bboxes", "batch_idx")
            }
            pixels = moved["img"].float() / 255
            yield moved | {"img": pixels.contiguous(memory_format=torch.channels_last), "im_file": batch["im_file"]}

    def _set_rate(self, step: int) -> None:
        """Warm-up, then half a cosine down to a hundredth."""
        settings = self._settings
        whole = settings.epochs * self._steps
        rate = 0.01 + 0.99 * (1 + math.cos(math.pi * min(step / whole, 1.0))) / 2
        warm = min((step + 1) / max(settings.warmup_epochs * self._steps, 1), 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.lr * rate * warm

    def _follow(self) -> None:
        """The running average of the weights."""
        import torch

        decay = self._settings.ema
        with torch.no_grad():
            own = self._network.state_dict()
            for name, value in self._average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(own[name], 1 - decay)

    def _weigh(self, curves: Curves, losses: dict[str, float]) -> None:
        """Score the averaged weights on the val split, remember the best, write the checkpoint."""
        from lab.train.detect.validation import score

        scores = score(self._average, self._data.splits["val"], imgsz=self._settings.imgsz)
        figures = {"val/mAP50-95": scores.mean_average_precision(), "val/mAP50": scores.mean_average_precision(iou=0.5)}
        curves.add(self.epoch, {**losses, **figures, "rate/lr": self._optimizer.param_groups[0]["lr"]})
        self._reached = figures["val/mAP50-95"]
        if self.epoch == 0:
            self._at_start = self._reached
        if figures["val/mAP50-95"] > self._best:
            self._best, self._best_epoch = figures["val/mAP50-95"], self.epoch
            self._best_state = {
                name: value.detach().cpu().clone() for name, value in self._average.state_dict().items()
            }
        self._save()

    def _save(self) -> None:
        import io

        import torch

        from pipeline.whole_file import write_whole

        buffer = io.BytesIO()
        torch.save(
            {
                "epoch": self.epoch,
                "network": self._network.state_dict(),
                "average": self._average.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "at_start": self._at_start,
                "reached": self._reached,
                "best": self._best,
                "best_epoch": self._best_epoch,
                "best_state": self._best_state,
            },
            buffer,
        )
        write_whole(self._out / CHECKPOINT, [buffer.getvalue()])

    def _load(self) -> None:
        import torch

        file = self._out / CHECKPOINT
        if not file.is_file():
            return
        try:
            held = torch.load(file, map_location=self._device, weights_only=True)
            self._network.load_state_dict(held["network"])
            self._average.load_state_dict(held["average"])
            self._optimizer.load_state_dict(held["optimizer"])
            self.epoch, self._best, self._best_epoch = held["epoch"], held["best"], held["best_epoch"]
            self._at_start, self._reached = held["at_start"], held["reached"]
            self._best_state = {name: value.cpu() for name, value in held["best_state"].items()}
        except Exception as error:  # damaged files raise anything
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].partition(". ")[0][:160]
            raise CannotStart(f"{file}: damaged, cannot be resumed from ({reason}); start in another --out") from error

    def finish(self, path: Path) -> dict[str, Any]:
        """Choose the share of the new, write the checkpoint; returns what is to be kept in ``run.json``."""
        from lab.train.detect.averaging import between
        from lab.train.detect.network import write_network
        from lab.train.detect.validation import score

        settings = self._settings
        if settings.keep == "last":
            self._best_epoch = self.epoch
            self._best_state = {name: value.cpu().clone() for name, value in self._average.state_dict().items()}
        reached = self._reached if settings.keep == "last" else self._best
        tried: dict[str, float] = {}
        share = settings.share
        if share == "val":
            for each in SHARES:
                self._average.load_state_dict(between(self._start, self._best_state, each))
                scores = score(self._average, self._data.splits["val"], imgsz=settings.imgsz)
                tried[str(each)] = scores.mean_average_precision()
            share = float(max(tried, key=lambda each: (tried[each], -float(each))))
        assert isinstance(share, float)
        self._average.load_state_dict(between(self._start, self._best_state, share))
        if tried:
            reached = tried[str(share)]
        elif share < 1:
            reached = score(self._average, self._data.splits["val"], imgsz=settings.imgsz).mean_average_precision()
        facts = {
            "share": share,
            "epoch": self._best_epoch,
            "start_val_mAP50-95": self._at_start,
            "val_mAP50-95": reached,
            "best_val_mAP50-95": self._best,
            "imgsz": settings.imgsz,
        }
        write_network(self._average, path, facts={**facts, "name": settings.name})
        if tried:
            write_json(self._out / "shares.json", tried)
        return facts


def _data(settings: DetectSettings, base: Path) -> Dataset:
    data = yolo_format.read(beside(base / "settings", settings.data))
    for split in ("train", "val"):
        if not data.splits.get(split):
            raise UsageError(f"data: {settings.data} has no split {split!r}; `bartizan dataset split` makes one")
    if settings.classes and settings.classes != data.names:
        raise UsageError(
            f"classes: {', '.join(settings.classes)} are not those of the data ({', '.join(data.names)}); "
            "`bartizan dataset import --map` brings them into order"
        )
    return data


def digest_of_dataset(data: Dataset) -> str:
    """SHA-256 over pictures, labels, splits and classes, whatever folder they lie in."""
    members = []
    for split, images in data.splits.items():
        for image in images:
            labels = yolo_format.labels_of(image.path)
            members.append((split, [image.path, labels] if labels.is_file() else [image.path]))
    return digest_of_data(members, data.names)


def _prepared(data: Dataset, out: Path) -> Dataset:
    """The data as one tree of links, because ultralytics finds labels by the folder's name and writes beside it."""
    folder = out / "data"
    yolo_format.write(data, folder)
    return yolo_format.read(folder)


def _loss_gains() -> Any:
    from ultralytics.cfg import get_cfg

    return get_cfg()


def _optimizer(network: Any, settings: DetectSettings) -> "torch.optim.Optimizer":
    import torch

    heavy = [value for value in network.parameters() if value.ndim > 1]
    light = [value for value in network.parameters() if value.ndim <= 1]
    groups = [{"params": heavy, "weight_decay": settings.weight_decay}, {"params": light, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.lr)


def _layer(parameter: str) -> int:
    """Number of the layer of a parameter called ``model.7.conv.weight``."""
    number = parameter.split(".")[1]
    return int(number) if number.isdigit() else 10**6


def _as_float(predictions: Any) -> Any:
    """The raw outputs of the heads in float32: losses are computed in full precision."""
    import torch

    if isinstance(predictions, torch.Tensor):
        return predictions.float()
    if isinstance(predictions, dict):
        return {key: _as_float(value) for key, value in predictions.items()}
    return [_as_float(value) for value in predictions]
