"""``bartizan compress``: smaller and faster models, each let through only if it is shown to lose little."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from lab.evaluate import detect_options as shared
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lab.compress.proof import Outcome
    from lab.evaluate.truth import Truth

app = typer.Typer(help="Make a model smaller and faster, and refuse where it loses too much.", no_args_is_help=True)

GATE_CLOSED = 1

DataOption: TypeAlias = Annotated[
    Path, typer.Option("--data", metavar="DATASET", help="labelled pictures that the result is proved on")
]
LessonsOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--learn", metavar="DATASET|DIR", help="to learn from, also unlabelled; may be repeated  [default: --data]"
    ),
]
ToleranceOption: TypeAlias = Annotated[
    float, typer.Option(min=0, max=1, help="accuracy that it may lose: mAP50-95, or share of crops named rightly")
]
OutOption: TypeAlias = Annotated[Path, typer.Option("--out", metavar="DIR", help="new folder of the result")]
BlockOption: TypeAlias = Annotated[
    int, typer.Option(min=1, metavar="N", help="neighbours of one camera drawn together: for frames of recordings")
]
TurnsOption: TypeAlias = Annotated[int, typer.Option(min=5, help="how often each model is timed, turn by turn")]
EpochsOption: TypeAlias = Annotated[int, typer.Option(min=0, help="epochs of learning; 0: none")]
BatchOption: TypeAlias = Annotated[int, typer.Option(min=1, max=256, help="pictures of one step")]
RateOption: TypeAlias = Annotated[float, typer.Option("--lr", min=1e-6, max=0.1, help="greatest learning rate")]
WorkersOption: TypeAlias = Annotated[int, typer.Option(min=0, max=64, help="processes that prepare pictures")]


@app.callback()
def compress_group() -> None:
    """Make a model smaller and faster, and refuse where it loses too much."""


@app.command()
def int8(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="detector: .pt, OpenVINO folder or a name; classifier: model.onnx")
    ],
    calibrate: Annotated[
        Path,
        typer.Option(metavar="VIDEO|DIR|DATASET", help="footage to take ranges from; not what --data was cut from"),
    ],
    data: DataOption,
    out: OutOption,
    tolerance: ToleranceOption = 0.02,
    frames: Annotated[int, typer.Option(min=1, max=5000, help="frames chosen from the footage")] = 128,
    keep: Annotated[
        str, typer.Option(help="what stays in floating point: nothing, decoding, outputs, head, or auto: as needed")
    ] = "auto",
    split: shared.SplitOption = None,
    labels: shared.LabelsOption = None,
    names: shared.NamesOption = None,
    mapping: shared.MapOption = None,
    imgsz: shared.ImgszOption = 640,
    precision: shared.PrecisionOption = "auto",
    head: shared.HeadOption = "one_to_many",
    block: BlockOption = 1,
    rounds: shared.RoundsOption = 1000,
    turns: TurnsOption = 40,
    seed: shared.SeedOption = 0,
) -> None:
    """INT8 by post-training quantisation (NNCF). Exit code 1, and nothing written, if it loses too much."""
    from lab.compress.int8 import LADDER, Calibration, quantise, quantise_classifier
    from lab.compress.proof import Terms

    terms = Terms(tolerance, rounds, block, seed, turns)
    weights, footage = shared.weights_of(model), Calibration(calibrate, frames)
    if weights.suffix == ".onnx":
        _say(quantise_classifier(weights, footage, data, terms, out), out)
        return
    if keep not in (*LADDER, "auto", "nothing"):
        raise UsageError(f"--keep {keep}: allowed are auto, nothing, {', '.join(LADDER)}")
    truth = _truth(weights, data, split=split, labels=labels, names=names, seed=seed)
    options = {"imgsz": imgsz, "precision": precision, "head": head}
    _say(
        quantise(
            weights,
            footage,
            truth,
            terms,
            out,
            keep=keep,  # type: ignore[arg-type]  # checked above
            mapping=shared.mapping_of(mapping),
            options=options,
        ),
        out,
    )


@app.command()
def prune(
    model: shared.ModelArgument,
    data: DataOption,
    out: OutOption,
    learn: LessonsOption = None,
    ratio: Annotated[float, typer.Option(min=0.01, max=0.9, help="share of the multiply-adds that is to go")] = 0.3,
    criterion: Annotated[str, typer.Option(help="what tells that a channel matters little: taylor, bn or l1")] = (
        "taylor"
    ),
    finetune: EpochsOption = 10,
    tolerance: ToleranceOption = 0.02,
    batch: BatchOption = 8,
    rate: RateOption = 5e-4,
    split: shared.SplitOption = None,
    labels: shared.LabelsOption = None,
    names: shared.NamesOption = None,
    mapping: shared.MapOption = None,
    imgsz: shared.ImgszOption = 640,
    precision: shared.PrecisionOption = "auto",
    head: shared.HeadOption = "one_to_many",
    workers: WorkersOption = 2,
    block: BlockOption = 1,
    rounds: shared.RoundsOption = 1000,
    turns: TurnsOption = 40,
    seed: shared.SeedOption = 0,
) -> None:
    """Remove whole channels, then teach what is left by the network it was. Exit code 1 if it loses too much."""
    from lab.compress.proof import Terms
    from lab.compress.retraining import Lessons, Pruning, pruned
    from lab.dataset.reading import read_any

    if criterion not in ("taylor", "bn", "l1"):
        raise UsageError(f"--criterion {criterion}: allowed are taylor, bn, l1")
    weights = shared.weights_of(model)
    outcome = pruned(
        weights,
        [read_any(place) for place in learn or [data]],
        _truth(weights, data, split=split, labels=labels, names=names, seed=seed),
        Pruning(ratio, criterion),  # type: ignore[arg-type]  # checked above
        Lessons(finetune, imgsz, batch, rate, seed, workers),
        Terms(tolerance, rounds, block, seed, turns),
        out,
        mapping=shared.mapping_of(mapping),
        options={"imgsz": imgsz, "precision": precision, "head": head},
    )
    _say(outcome, out)


@app.command()
def distill(
    teacher: shared.ModelArgument,
    student: Annotated[
        str, typer.Option(metavar="WIDTH|MODEL", help="share of the teacher's channels, such as 0.75, or a .pt")
    ],
    data: DataOption,
    out: OutOption,
    learn: LessonsOption = None,
    epochs: EpochsOption = 50,
    tolerance: ToleranceOption = 0.02,
    batch: BatchOption = 8,
    rate: RateOption = 1e-3,
    split: shared.SplitOption = None,
    labels: shared.LabelsOption = None,
    names: shared.NamesOption = None,
    mapping: shared.MapOption = None,
    imgsz: shared.ImgszOption = 640,
    precision: shared.PrecisionOption = "auto",
    head: shared.HeadOption = "one_to_many",
    workers: WorkersOption = 2,
    block: BlockOption = 1,
    rounds: shared.RoundsOption = 1000,
    turns: TurnsOption = 40,
    seed: shared.SeedOption = 0,
) -> None:
    """Teach a smaller network what the teacher answers, on labelled and unlabelled frames. Exit code 1 as above."""
    from lab.compress.proof import Terms
    from lab.compress.retraining import Lessons, distilled
    from lab.dataset.reading import read_any

    weights = shared.weights_of(teacher)
    outcome = distilled(
        weights,
        student,
        [read_any(place) for place in learn or [data]],
        _truth(weights, data, split=split, labels=labels, names=names, seed=seed),
        Lessons(epochs, imgsz, batch, rate, seed, workers),
        Terms(tolerance, rounds, block, seed, turns),
        out,
        mapping=shared.mapping_of(mapping),
        options={"imgsz": imgsz, "precision": precision, "head": head},
    )
    _say(outcome, out)


def _truth(model: Path, data: Path, *, split: str | None, labels: Path | None, names: str | None, seed: int) -> "Truth":
    from lab.evaluate.truth import PREFERRED, read_truth

    model_names: tuple[str, ...] = ()
    if names == "model" or (labels is not None and names is None):
        from lab.detector import open_detector

        model_names = tuple(open_detector(model).names)
    if split is None and labels is None and names is None:
        from lab.dataset.yolo_format import read

        split = next((name for name in PREFERRED if name in read(data).splits), None)
    return read_truth(data, split=split, labels=labels, names=names, model_names=model_names, seed=seed)


def _say(outcome: "Outcome", out: Path) -> None:
    """The figures, and one line: where the model lies, or why there is none."""
    typer.echo(outcome.table())
    if outcome.verdict.decision == "accepted":
        typer.echo(f"{outcome.verdict.sentence}; written to {out}")
        return
    typer.echo(outcome.verdict.sentence, err=True)
    raise typer.Exit(GATE_CLOSED)
