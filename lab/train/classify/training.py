"""``bartizan train classify``: from crops to a calibrated model that the pipeline runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt
import typer

from lab.train.classify.attack import pgd
from lab.train.classify.calibration import calibration_error, fit_temperature
from lab.train.classify.collection import collect
from lab.train.classify.crops import Crop, names_of, read_crop, write_list
from lab.train.classify.division import counts, divide
from lab.train.classify.loading import CropShelf, in_order
from lab.train.classify.network import MEAN, STD, size_m
from lab.train.classify.pretrained import locate
from lab.train.classify.settings import ClassifySettings
from lab.train.curves import Curves
from lab.train.run_folder import add_to_run, asked_of, check_run, digest_of_data, open_run, write_json
from lab.train.verdict import say_verdict
from stages.classify.classifier import softmax

if TYPE_CHECKING:
    from lab.train.classify.lesson import Lesson

LIST = "crops.csv"
RESULTS = "results.json"
Labels = npt.NDArray[np.int64]


def train(settings: ClassifySettings, out: Path, *, base: Path, resume: bool = False) -> Path:
    """Train, calibrate, export and check; returns the folder's ``model.onnx``.

    ``base`` is the folder that relative paths in the settings start from. After a kill, ``resume`` goes on with the
    next epoch and comes to the same weights. Raises ``UsageError``, ``CannotStart``.
    """
    from lab.train.classify.lesson import Lesson

    crops = divide(
        collect(settings.data, base),
        val_share=settings.data.val_share,
        test_share=settings.data.test_share,
        seed=settings.seed,
    )
    names = names_of(crops)
    weights = locate(settings.weights, base) if settings.weights else None
    data_sha256 = digest_of_crops(crops)
    asked = asked_of(settings, data_sha256=data_sha256, weights={"weights": weights} if weights else {})
    check_run(out, asked, resume=resume)
    _say_data(crops, weights)
    with _threads(settings.threads):
        shelves = _shelves(crops, names, settings)
        lesson = Lesson(settings, len(names), shelves["train"], shelves["val"], weights)
        open_run(out, asked, resume=resume)
        write_list(out / LIST, crops)
        if resume:
            lesson.resume(out)
        typer.echo(f"{settings.network}: {size_m(lesson.network):.2f} million weights, on {lesson.device}")
        _learn(lesson, out)
        return _finish(lesson, settings, names, shelves, data_sha256, out)


def digest_of_crops(crops: Sequence[Crop]) -> str:
    """SHA-256 over the pictures and over what was said of them, whatever folder they lie in."""
    return digest_of_data((((crop.split, crop.name, crop.box), [crop.path]) for crop in crops), names_of(crops))


def _say_data(crops: Sequence[Crop], weights: Path | None) -> None:
    for split, many in counts(crops).items():
        groups = len({crop.group for crop in crops if crop.split == split})
        listed = ", ".join(f"{name} {count}" for name, count in many.items())
        typer.echo(f"{split:<6}{sum(many.values()):6d} crops from {groups} recordings: {listed}")
    if weights is None:
        typer.echo("no pretrained weights named: training from scratch, which needs many more crops")
    else:
        typer.echo(f"pretrained weights: {weights.name}")


def _shelves(
    crops: Sequence[Crop], names: tuple[str, ...], settings: ClassifySettings
) -> dict[str, tuple[CropShelf, Labels]]:
    made = {}
    for split in ("train", "val", "test"):
        part = [crop for crop in crops if crop.split == split]
        labels = np.array([names.index(crop.name) for crop in part], np.int64)
        made[split] = (CropShelf(part, settings.size, cache_mb=settings.cache_mb * len(part) / len(crops)), labels)
    return made


def _learn(lesson: "Lesson", out: Path) -> None:
    from rich.progress import Progress

    curves = Curves(out, first_epoch=lesson.progress.epoch)
    with Progress(transient=True) as bar:
        while not lesson.finished:
            number = lesson.progress.epoch
            state = "last layer only" if number < lesson.frozen_epochs else ""
            task = bar.add_task(f"epoch {number + 1} {state}", total=lesson.steps)
            figures = lesson.epoch(lambda loss, task=task: bar.update(task, advance=1))  # type: ignore[misc]  # bound now
            bar.remove_task(task)
            curves.add(number, figures)
            lesson.save(out)
            typer.echo(
                f"epoch {number + 1:3d}  loss {figures['loss/train']:.3f}  validation: loss {figures['loss/val']:.3f}"
                f"  balanced accuracy {figures['accuracy/val balanced']:.3f} {state}".rstrip()
            )
    curves.close()
    if lesson.progress.stopped:
        typer.echo(f"stopped early: no better since epoch {lesson.progress.best_epoch + 1}")


def _finish(
    lesson: "Lesson",
    settings: ClassifySettings,
    names: tuple[str, ...],
    shelves: dict[str, tuple[CropShelf, Labels]],
    data_sha256: str,
    out: Path,
) -> Path:
    """Calibrate on the validation crops, write the model, prove it on them, and measure it on the held-back ones."""
    from lab.train.classify.export import MODEL, WEIGHTS, checked, write_graph, write_weights
    from lab.train.classify.lesson import logits_of
    from stages.classify.classifier import CropClassifier
    from stages.classify.options import ClassifierOptions

    network = lesson.result()
    shelf, labels = shelves["val"]
    logits = logits_of(network, shelf, settings.batch)
    temperature = fit_temperature(logits, labels)
    card = {
        "kind": "classify",
        "name": out.name,
        "attribute": settings.attribute,
        "names": list(names),
        "size": list(settings.size),
        "margin": settings.data.margin,
        "mean": list(MEAN),
        "std": list(STD),
        "temperature": temperature,
        "network": settings.network,
        "data_sha256": data_sha256,
        "epoch": lesson.progress.best_epoch + 1,
    }
    write_weights(network, out / WEIGHTS, card)
    write_graph(network, out / MODEL, card)
    deployed = CropClassifier(ClassifierOptions(model=out / MODEL))
    found = np.concatenate([deployed.process([shelf[at]]) for at in range(len(shelf))])
    gap = checked(softmax(logits / temperature), found, out / MODEL)
    results: dict[str, Any] = {
        "progress": asdict(lesson.progress),
        "crops": counts([crop for part, _ in shelves.values() for crop in part.crops]),
        "temperature": temperature,
        "calibration_error": {
            "before": calibration_error(softmax(logits), labels),
            "after": calibration_error(softmax(logits / temperature), labels),
        },
        "largest_difference_onnx": gap,
        "validation": {"balanced_accuracy": lesson.progress.best_accuracy, "log_loss": lesson.progress.best_loss},
        "model": deployed.model,
    }
    if settings.adversarial is not None:
        results["validation"]["robust_accuracy"] = _robust(network, shelf, labels, settings)
    if len(shelves["test"][0]):
        results["test"] = _tested(deployed, *shelves["test"])
    write_json(out / RESULTS, results)
    add_to_run(out, {"model": deployed.model})
    _say_results(results)
    progress = lesson.progress
    say_verdict(
        out / MODEL,
        f"weights of epoch {progress.best_epoch + 1} of {progress.epoch}",
        "balanced accuracy on val",
        reached=progress.best_accuracy,
        start=1 / len(np.unique(labels)),
        known_as="guessing",
    )
    return out / MODEL


def _tested(deployed: Any, shelf: CropShelf, labels: Labels) -> dict[str, Any]:
    """The held-back figures, measured with the deployed model on the crops as they come, by recording."""
    from lab.evaluate.classify import Answers, measure

    found = np.concatenate([deployed.process([read_crop(crop)]) for crop in shelf.crops])
    groups, pictures = tuple(crop.group for crop in shelf.crops), tuple(str(crop.path) for crop in shelf.crops)
    return msgspec_ready(measure(Answers(deployed.names, labels, found, groups, pictures)))


def msgspec_ready(figures: Any) -> dict[str, Any]:
    """Figures as plain JSON values."""
    ready: dict[str, Any] = msgspec.to_builtins(figures)
    return ready


def _robust(network: Any, shelf: CropShelf, labels: Labels, settings: ClassifySettings) -> float:
    assert settings.adversarial is not None
    eps, step = settings.adversarial.eps_255 / 255, settings.adversarial.step_255 / 255
    right = 0
    for pictures, classes in in_order(shelf, labels, settings.batch):
        attacked = pgd(network, pictures, classes, eps=eps, step=step, steps=settings.adversarial.steps * 2)
        right += int((network(attacked)[0].argmax(1) == classes).sum())
    return right / len(shelf)


def _say_results(results: dict[str, Any]) -> None:
    error = results["calibration_error"]
    typer.echo(
        f"temperature {results['temperature']:.2f}: calibration error {error['before']:.3f} to {error['after']:.3f}"
    )
    if "robust_accuracy" in results["validation"]:
        typer.echo(f"validation accuracy under attack: {results['validation']['robust_accuracy']:.3f}")
    if "test" in results:
        for name in ("balanced_accuracy", "accuracy", "baseline"):
            found = results["test"][name]
            words = {"baseline": "accuracy of the most frequent class alone"}.get(name, name.replace("_", " "))
            typer.echo(f"held back: {words} {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]")


@contextmanager
def _threads(wanted: int) -> Iterator[None]:
    """torch with this many processor threads, for a while; 0 leaves it alone."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(wanted or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
