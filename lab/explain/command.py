"""``bartizan explain``: what a detection or a classification rests on, and whether the answer can be believed."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lab.detector import open_detector, view
from lab.explain import record
from lab.explain.classifier_network import ClassifierNetwork
from lab.explain.detector_network import DetectorNetwork
from lab.explain.explanation import Effort, Explanation, all_explain, explain, overall
from lab.explain.masked import Advance, Map, Masks, saliency
from lab.explain.picture import read
from lab.explain.scorer import class_scorer, detection_scorer
from lab.explain.target import Target, Window, chosen, targets_of
from lab.train.progress import Progress
from pipeline.errors import UsageError
from pipeline.models import find, is_name
from pipeline.stage import Picture

app = typer.Typer(help="Show what in a picture a detection or classification rests on.", no_args_is_help=True)

FAINTEST = 0.005
"""Confidence below which a detector is not followed while its target fades."""


class DetectorMethod(StrEnum):
    """How the map of a detection is made."""

    DRISE = "drise"
    LAYERCAM = "layercam"
    GRADCAM = "gradcam"
    EIGENCAM = "eigencam"


class ClassifierMethod(StrEnum):
    """How the map of a class is made."""

    RISE = "rise"
    LAYERCAM = "layercam"
    GRADCAM = "gradcam"
    EIGENCAM = "eigencam"


SourceArgument = Annotated[Path, typer.Argument(metavar="PICTURE|VIDEO", help="A picture, or a recording.")]
FrameOption = Annotated[int | None, typer.Option(min=0, help="Which frame of a recording, from 0.")]
OutOption = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results.")]
MasksOption = Annotated[int, typer.Option(min=16, max=100_000, help="Random masks of drise and rise.")]
CellsOption = Annotated[int, typer.Option(min=2, max=64, help="Cells of a mask along each side of the window.")]
StepsOption = Annotated[int, typer.Option(min=2, max=200, help="Steps of deletion and insertion.")]
RivalsOption = Annotated[int, typer.Option(min=19, max=10_000, help="Random maps to compare with.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Of masks and random maps.")]
ThreadsOption = Annotated[int, typer.Option(min=1, max=256, help="Processor threads.")]
RequireOption = Annotated[bool, typer.Option("--require", help="Exit code 1 unless the map explains more than chance.")]


@app.callback()
def explain_group() -> None:
    """Show what in a picture a detection or classification rests on."""


@app.command("detect")
def explain_detection(
    model: Annotated[str, typer.Argument(help="Name or file of the detector.")],
    source: SourceArgument,
    frame: FrameOption = None,
    box: Annotated[
        str, typer.Option(help="Which detection: its number (0 is the surest), x,y of a point in it, or all.")
    ] = "0",
    method: Annotated[
        DetectorMethod, typer.Option(help="drise asks the deployed model; the others look into a .pt.")
    ] = DetectorMethod.DRISE,
    out: OutOption = Path("explained"),
    confidence: Annotated[float, typer.Option(min=0.01, max=0.99, help="Detections below are not listed.")] = 0.25,
    imgsz: Annotated[int, typer.Option(min=64, max=4096, help="Longer side of what the model sees.")] = 640,
    context: Annotated[
        float, typer.Option(min=0, max=50, help="Window looked at, in sizes of the box; 0: the whole picture.")
    ] = 2.5,
    masks: MasksOption = 400,
    cells: CellsOption = 8,
    steps: StepsOption = 8,
    rivals: RivalsOption = 20,
    seed: SeedOption = 0,
    threads: ThreadsOption = 1,
    require: RequireOption = False,
) -> None:
    """Why was this detected? A map over the picture, and a test against maps of chance."""
    settings = _settings(locals())
    weights, picture = _weights(model), read(source, frame)
    detector = open_detector(weights, confidence=FAINTEST, imgsz=imgsz, threads=threads)
    found = targets_of(detector.process([view(picture)])[0], detector.names)
    targets = chosen([target for target in found if target.score >= confidence], box)
    network = None if method is DetectorMethod.DRISE else DetectorNetwork(weights, imgsz=imgsz)
    effort = Effort(steps, rivals, seed)
    randomly = Masks(masks, cells, seed=seed)

    def one(target: Target, advance: Advance) -> Explanation:
        window = Window.of(picture)
        if context:
            window = Window.around(target.xyxy, context, within=(picture.shape[0], picture.shape[1]))
        scorer = detection_scorer(detector, target)
        if network is None:
            found = saliency(picture, window, scorer, randomly, advance=advance)
        else:
            found = network.saliency(picture, target, method.value)[window.slices]  # type: ignore[arg-type]  # not drise
        return explain(picture, window, target, found, scorer, effort=effort, advance=advance)

    each = effort.pictures + (masks if network is None else 0)
    _finish(_all(targets, one, each), picture, out, settings, require=require)


@app.command("classify")
def explain_classification(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx|RUN", help="The classifier, or the folder of its run.")],
    source: SourceArgument,
    frame: FrameOption = None,
    class_name: Annotated[str, typer.Option("--class", help="Which class; default: the likeliest.")] = "",
    method: Annotated[
        ClassifierMethod, typer.Option(help="rise asks the deployed model; the others need model.safetensors beside.")
    ] = ClassifierMethod.RISE,
    out: OutOption = Path("explained"),
    masks: MasksOption = 1000,
    cells: CellsOption = 7,
    steps: StepsOption = 16,
    rivals: RivalsOption = 40,
    seed: SeedOption = 0,
    threads: ThreadsOption = 1,
    require: RequireOption = False,
) -> None:
    """Why this class? PICTURE is the crop of an object, as the classifier is given it."""
    from stages.classify.behaviour import fit
    from stages.classify.classifier import CropClassifier
    from stages.classify.options import ClassifierOptions

    settings = _settings(locals())
    file = model / "model.onnx" if model.is_dir() else model
    classifier = CropClassifier(ClassifierOptions(model=file, threads=threads))
    picture: Picture = fit([read(source, frame)], classifier.size)[0]
    target = _class(classifier.process([picture])[0], classifier.names, class_name, picture)
    window, scorer = Window.of(picture), class_scorer(classifier, target.class_id)
    effort = Effort(steps, rivals, seed)

    def one(target: Target, advance: Advance) -> Explanation:
        if method is ClassifierMethod.RISE:
            found = saliency(picture, window, scorer, Masks(masks, cells, seed=seed), advance=advance)
        else:
            found = ClassifierNetwork(file).saliency(picture, target.class_id, method.value)  # type: ignore[arg-type]
        return explain(picture, window, target, found, scorer, effort=effort, advance=advance)

    _finish(_all([target], one, effort.pictures + masks), picture, out, settings, require=require)


def _weights(model: str) -> Path:
    return find(model) if is_name(model) else Path(model)


def _class(row: Map, names: Sequence[str], wanted: str, picture: Picture) -> Target:
    if wanted and wanted not in names:
        raise UsageError(f"--class {wanted}: the classifier knows {', '.join(names)}")
    number = names.index(wanted) if wanted else int(row.argmax())
    whole = np.array([0, 0, picture.shape[1], picture.shape[0]], np.float32)
    return Target(whole, number, names[number], float(row[number]))


def _all(targets: Sequence[Target], one: Callable[[Target, Advance], Explanation], pictures: int) -> list[Explanation]:
    with Progress("explaining", total=pictures * len(targets)) as progress:
        return [one(target, progress.advance) for target in targets]


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    plain = (str, int, float, bool, type(None))
    return {name: value if isinstance(value, plain) else str(value) for name, value in given.items()}


def _finish(
    explanations: Sequence[Explanation], picture: Picture, out: Path, settings: dict[str, Any], *, require: bool
) -> None:
    for number, explanation in enumerate(explanations):
        verdict, curves = explanation.verdict, explanation.verdict.curves
        typer.echo(f"{number}  {explanation.target}")
        typer.echo(f"   deletion {curves.deleted:.3f}  insertion {curves.inserted:.3f}  gain {curves.gain:+.3f}")
        for name, each in explanation.baselines.items():
            remark = ", as good as the map or better" if each.gain >= curves.gain else ""
            typer.echo(f"   {name}: gain {each.gain:+.3f}{remark}")
        typer.echo(f"   over random maps: {verdict.advantage}; {verdict}")
    if len(explanations) > 1:
        typer.echo(f"all {len(explanations)}: over random maps {overall(explanations)}")
    record.write(out, picture, explanations, settings)
    typer.echo(f"{out / 'report.html'}")
    if require and not all_explain(explanations):
        raise typer.Exit(1)
