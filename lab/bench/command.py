"""``bartizan bench``: what this machine gets out of a model."""

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.bench.measure import Result
from lab.evaluate import detect_options as shared
from pipeline.errors import CannotStart, UsageError

app = typer.Typer(help="How fast and how exact models are on this machine.", no_args_is_help=True)


@app.callback()
def bench_group() -> None:
    """How fast and how exact models are on this machine."""


@app.command()
def detect(
    model: Annotated[
        list[str], typer.Option(metavar="MODEL", help="weights or a name; give several to compare, such as an INT8 one")
    ],
    data: Annotated[Path | None, typer.Option(metavar="DATASET", help="labelled pictures: adds mAP50-95")] = None,
    source: Annotated[Path | None, typer.Option(metavar="VIDEO", help="a recording to look at")] = None,
    runtime: Annotated[str, typer.Option(metavar="A,B,...", help="only these runtimes  [default: all]")] = "",
    precision: Annotated[str, typer.Option(metavar="A,B,...", help="only these precisions  [default: all]")] = "",
    imgsz: shared.ImgszOption = 640,
    head: shared.HeadOption = "one_to_many",
    threads: Annotated[int, typer.Option(min=1, max=256, help="processor threads of each engine")] = 1,
    turns: Annotated[int, typer.Option(min=3, max=10_000, help="how often each engine is timed, turn by turn")] = 40,
    batch: Annotated[
        str, typer.Option(metavar="N,M,...", help="batches of the curve  [default: 1,4; cuda to 64]")
    ] = "",
    split: shared.SplitOption = None,
    labels: shared.LabelsOption = None,
    names: shared.NamesOption = None,
    limit: shared.LimitOption = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="write the figures as JSON")] = None,
) -> None:
    """Milliseconds a frame, frames a second, batch curve and accuracy, for each runtime and precision there is here.

    Times are from picture to boxes: resizing, computing, suppression. Accuracy is mAP50-95 with --data, and always the
    share of boxes that agree with the first float32 engine. Every engine is timed in turn with the others.
    """
    from lab.bench import machine, measure, pictures
    from lab.bench.contenders import contenders_of
    from lab.bench.table import show
    from lab.evaluate.truth import read_truth
    from lab.evaluate.vocabulary import match_names

    models = [shared.weights_of(each) for each in model]
    for missing in (each for each in models if not each.exists()):
        raise CannotStart(f"model {missing} not found; give a file, or a name that `bartizan models list` knows")
    contenders = contenders_of(models, runtimes=shared.listed(runtime), precisions=shared.listed(precision))
    options: dict[str, Any] = {"imgsz": imgsz, "threads": threads, "head": head}
    curve = _batches(batch, cuda=any(contender.device == "cuda" for contender in contenders))
    truth = None
    if data is not None:
        known = measure.names_of(contenders, options)
        truth = read_truth(data, split=split, labels=labels, names=names, model_names=known, limit=limit)
        match_names(known, truth.names, mapping={})  # refused now rather than after everything has been timed
    if source is not None:
        frames, what = pictures.from_video(source, 16), source.name
    elif truth is not None:
        frames, what = pictures.from_files([image.path for image in truth.images], 16), truth.place
    else:
        frames, what = pictures.made_up(16), "made-up pictures"
    facts = machine.facts()
    results = [Result(contender) for contender in contenders]
    measure.latency(results, frames, options, turns=turns, step=_say)
    if all(result.fault for result in results):
        raise CannotStart(f"none of {len(results)} engines can start; the first one: {results[0].fault}")
    measure.throughput(results, pictures.of_one_shape(frames), options, curve, _say)
    if truth is not None:
        measure.precision(results, truth, options, _say)
    show(results, facts, what=f"{what}, imgsz {imgsz}, {threads} thread{'s' if threads > 1 else ''}")
    if out is not None:
        _write(out, {"machine": facts, "looked_at": what, "options": options, "turns": turns}, results)


def _batches(text: str, *, cuda: bool) -> list[int]:
    if not text:
        return [1, 2, 4, 8, 16, 32, 64] if cuda else [1, 4]
    try:
        batches = [int(part) for part in shared.listed(text)]
    except ValueError:
        batches = []
    if not batches or not all(1 <= one <= 64 for one in batches):
        raise UsageError(f"--batch {text!r}: expected numbers from 1 to 64 with commas between them")
    return batches


def _say(step: str) -> None:
    typer.echo(step, err=True)


def _write(out: Path, facts: dict[str, Any], results: list[Result]) -> None:
    from pipeline.whole_file import write_whole

    document = facts | {"results": [result.facts() for result in results]}
    text = json.dumps(_plain(document), indent=1)
    try:
        write_whole(out, [text.encode() + b"\n"])
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}") from error


def _plain(value: Any) -> Any:
    """JSON knows no NaN."""
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case float() if math.isnan(value):
            return None
    return value
