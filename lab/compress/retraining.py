"""Smaller networks, taught by the one they come from: pruned ones and students."""

import shutil
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer

from lab.compress.delivery import deliver, workshop
from lab.compress.importance import Criterion, importance_of
from lab.compress.lessons import lessons_of
from lab.compress.proof import DetectorProof, Outcome, Terms
from lab.compress.pruning import Cut, prune
from lab.compress.record import record
from lab.compress.wiring import Wiring
from lab.dataset.labelled import Dataset
from lab.evaluate.truth import Truth
from pipeline.errors import UsageError

JUDGED_BATCHES = 24
"""Batches from which the importance of channels is taken."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """How a smaller network is taught. Pictures are ``imgsz`` pixels on their longer side."""

    epochs: int
    imgsz: int = 640
    batch: int = 8
    lr: float = 5e-4
    seed: int = 0
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Pruning:
    """How much of the work is to go, and by what channels are judged."""

    ratio: float
    criterion: Criterion = "taylor"


def pruned(
    model: Path,
    data: Sequence[Dataset],
    truth: Truth,
    pruning: Pruning,
    lessons: Lessons,
    terms: Terms,
    out: Path,
    *,
    mapping: dict[str, tuple[str, ...]],
    options: dict[str, Any],
) -> Outcome:
    """Make ``out`` (NAME.pt, run.json, curves) of a detector without ``pruning.ratio`` of its work.

    It is taught by the network that it was, on ``data``. ``options`` are the detector's. Raises ``UsageError``.
    """
    from lab.train.detect.network import write_network
    from stages.detect.checkpoint import load_checkpoint

    proof = DetectorProof(model, truth, terms, mapping=mapping, **options)
    with workshop(out) as place:
        network: Any = load_checkpoint(_checked(model))
        names = tuple(str(network.names[number]) for number in range(len(network.names)))
        lesson_data = lessons_of(model, names, data, mapping, left_out=truth, imgsz=lessons.imgsz)
        cut = prune_network(network, lesson_data, pruning, lessons, head=options["head"])
        shares = [1 - after / before for before, after in (cut.work, cut.parameters)]
        typer.echo(
            f"removed {shares[0]:.0%} of the work and {shares[1]:.0%} of the weights, in {cut.groups} places", err=True
        )
        start = place / "start.pt"
        write_network(network, start, facts={"name": f"{model.stem}-pruned", "imgsz": lessons.imgsz})
        facts = {"pruning": {"ratio": pruning.ratio, "criterion": pruning.criterion, "work": list(cut.work),
                             "parameters": list(cut.parameters)}}  # fmt: skip
        made = _teach(start, model, lesson_data, lessons, place, name=f"{model.stem}-pruned")
        return _finish(made, "prune", model, truth, facts, lessons, terms, out, proof=proof, options=options)


def distilled(
    teacher: Path,
    student: str,
    data: Sequence[Dataset],
    truth: Truth,
    lessons: Lessons,
    terms: Terms,
    out: Path,
    *,
    mapping: dict[str, tuple[str, ...]],
    options: dict[str, Any],
) -> Outcome:
    """Make ``out`` of a student of ``teacher``: a checkpoint, or a width (0.75: three quarters of the channels).

    Pictures of ``data`` without boxes are lessons too: the teacher's answers are the targets. Raises ``UsageError``.
    """
    from stages.detect.checkpoint import load_checkpoint

    proof = DetectorProof(teacher, truth, terms, mapping=mapping, **options)
    with workshop(out) as place:
        network: Any = load_checkpoint(_checked(teacher))
        names = tuple(str(network.names[number]) for number in range(len(network.names)))
        start = place / "start.pt"
        name = f"{teacher.stem}-student"
        _write_student(network, student, start, name, lessons)
        lesson_data = lessons_of(teacher, names, data, mapping, left_out=truth, imgsz=lessons.imgsz)
        made = _teach(start, teacher, lesson_data, lessons, place, name=name, fresh=_width(student) is not None)
        facts = {"student": student if _width(student) else Path(student).name}
        return _finish(made, "distill", teacher, truth, facts, lessons, terms, out, proof=proof, options=options)


def prune_network(network: Any, data: Dataset, pruning: Pruning, lessons: Lessons, *, head: str) -> Cut:
    """Remove channels from ``network`` in place, judged on the training pictures of ``data`` (in its own classes)."""
    wiring = Wiring(network, idle=_idle(network, head))
    batches = _batches(data, network, lessons) if pruning.criterion == "taylor" else ()
    importance = importance_of(wiring.norms, pruning.criterion, batches, network)
    return prune(network, importance, wiring, ratio=pruning.ratio, sides=(lessons.imgsz, lessons.imgsz))


def _idle(network: Any, head: str) -> tuple[str, ...]:
    """Branches of the head that do not run where it is deployed; what they cost does not count."""
    if getattr(network.model[-1], "one2one_cv2", None) is None:
        return ()
    return ("one2one_cv2", "one2one_cv3") if head == "one_to_many" else ("cv2", "cv3")


def _batches(data: Dataset, network: Any, lessons: Lessons) -> Any:
    """Letterboxed training pictures with their boxes, as ultralytics' loss reads them."""
    import torch
    from ultralytics.cfg import get_cfg

    from lab.detector import read_picture
    from stages.detect.letterbox import Letterbox

    network.args = get_cfg()
    random = np.random.default_rng(lessons.seed)
    labelled = [image for image in data.splits["train"] if len(image)]
    if not labelled:
        raise UsageError("--data: no picture has a box; --criterion taylor needs some, bn and l1 do not")
    side = lessons.imgsz
    for _ in range(JUDGED_BATCHES):
        canvases, classes, boxes, owners = [], [], [], []
        for place, at in enumerate(random.integers(0, len(labelled), 4)):
            image = labelled[at]
            letterbox = Letterbox.fit(image.size, imgsz=side, stride=32, rect=False)
            canvas = np.empty((*letterbox.canvas, 3), np.uint8)
            letterbox.draw(read_picture(image.path), canvas)
            canvases.append(canvas[..., ::-1].transpose(2, 0, 1))
            gain, shift = letterbox.inner[0] / image.size[0], np.array([letterbox.left, letterbox.top] * 2)
            xyxy = (image.xyxy * gain + shift) / side
            boxes.append(np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1))
            classes.append(image.class_id)
            owners.append(np.full(len(image), place))
        yield {
            "img": torch.from_numpy(np.ascontiguousarray(canvases)).float() / 255,
            "cls": torch.from_numpy(np.concatenate(classes)).float()[:, None],
            "bboxes": torch.from_numpy(np.concatenate(boxes)).float(),
            "batch_idx": torch.from_numpy(np.concatenate(owners)).float(),
        }


def _teach(
    start: Path, teacher: Path, data: Dataset, lessons: Lessons, place: Path, *, name: str, fresh: bool = False
) -> Path:
    """Train the network in ``start`` on labels and on the teacher's answers; the folder with ``NAME.pt``.

    Only a ``fresh`` one learns its batch statistics. One that knows something keeps those it has: in checkpoints that
    were restored from an export they are folded into the weights, and a batch's own would be another network.
    """
    from lab.dataset import yolo_format
    from lab.train.detect.settings import DetectSettings, Distillation
    from lab.train.detect.training import train

    folder = place / "data"
    yolo_format.write(data, folder)
    run = place / "run"
    if lessons.epochs == 0:
        run.mkdir()
        shutil.copyfile(start, run / f"{name}.pt")
        return run
    settings = DetectSettings(
        start=str(start),
        teacher=str(teacher.absolute()),
        data=folder,
        name=name,
        imgsz=lessons.imgsz,
        epochs=lessons.epochs,
        batch=lessons.batch,
        lr=lessons.lr,
        frozen_layers=0,
        frozen_epochs=0,
        freeze_statistics=not fresh,
        ema=0.99,
        patience=max(lessons.epochs, 1),
        distillation=Distillation(weight=2.0),
        workers=lessons.workers,
        seed=lessons.seed,
    )
    train(settings, run, base=place)
    for leftover in ("data", "checkpoint.pt"):
        path = run / leftover
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return run


def _finish(
    made: Path,
    made_by: str,
    model: Path,
    truth: Truth,
    facts: dict[str, Any],
    lessons: Lessons,
    terms: Terms,
    out: Path,
    *,
    proof: DetectorProof,
    options: dict[str, Any],
) -> Outcome:
    (checkpoint,) = made.glob("*.pt")
    outcome = proof.weigh(checkpoint)
    if outcome.verdict.decision == "accepted":
        from dataclasses import asdict

        settings = {**facts, "lessons": asdict(lessons), "options": options}
        record(made, made_by, model, truth.sha256(), settings, terms, outcome)
        deliver(made, out)
    return outcome


def _checked(model: Path) -> Path:
    if model.suffix != ".pt":
        raise UsageError(f"{model}: must be an ultralytics .pt; an exported graph can be made INT8, but not taught")
    return model


def _width(student: str) -> float | None:
    try:
        width = float(student)
    except ValueError:
        return None
    if not 0.05 <= width <= 1:
        raise UsageError(f"--student {student}: a width lies between 0.05 and 1")
    return width


def _write_student(teacher: Any, student: str, start: Path, name: str, lessons: Lessons) -> None:
    """A fresh network of the teacher's design with fewer channels, or the checkpoint that was named."""
    import torch

    from lab.train.detect.network import load_network, write_network

    width = _width(student)
    if width is None:
        if not Path(student).is_file():
            raise UsageError(f"--student {student}: neither a width such as 0.75 nor a .pt that is there")
        named = _checked(Path(student))
        load_network(
            named, [str(name) for name in teacher.names.values()]
        )  # an error speaks of this file, not of the copy that is taught
        shutil.copyfile(named, start)
        return
    design = deepcopy(teacher.yaml)
    scales: dict[str, tuple[float, float, int]] = design["scales"]
    scale = design.get("scale") or next(iter(scales))
    depth, full, most = scales[scale]
    design["scales"] = {scale: [depth, full * width, most]}
    torch.manual_seed(lessons.seed)
    network = type(teacher)(design, nc=len(teacher.names), verbose=False)
    network.names = dict(teacher.names)
    typer.echo("the student begins with random weights: it needs many thousands of frames", err=True)
    write_network(network, start, facts={"name": name, "imgsz": lessons.imgsz})
