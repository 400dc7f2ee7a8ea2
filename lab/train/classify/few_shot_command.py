"""``bartizan train few-shot``: name a new type of object from 5 to 20 crops, without a training run."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import UsageError

METHODS = ("prototype", "nearest", "discriminant")


def few_shot(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="5 to 20 crops of a type in each")],
    embedder: Annotated[
        Path, typer.Option(help="a classifier's model.onnx, a detector's .pt, or any .onnx with one vector out")
    ],
    others: Annotated[Path, typer.Option(help="folder with crops of other objects, the more the better")],
    name: Annotated[list[str] | None, typer.Option(help="of each folder's type  [default: the folder's name]")] = None,
    out: Annotated[Path, typer.Option(help="folder of the gallery")] = Path("out/train/gallery"),
    attribute: Annotated[str, typer.Option(help="what the names are values of")] = "type",
    method: Annotated[str, typer.Option(help=", ".join(METHODS))] = "discriminant",
    false_alarm_rate: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="share of other objects that may be called by a new name")
    ] = 0.02,
    design: Annotated[str | None, typer.Option(help="network that --embedder holds plain weights of")] = None,
    size: Annotated[int, typer.Option(min=32, max=512, help="side in pixels that crops are fitted into")] = 128,
) -> None:
    """Make a gallery that the classify stage and 'evaluate classify' use like a trained model.

    Raises ``UsageError``, or ``CannotStart`` for an embedder that cannot be used.
    """
    from typing import cast, get_args

    from lab.evaluate.detect_options import open_out
    from lab.train.classify.few_shot import Method, few_names, name_types
    from lab.train.classify.gallery import embeddings_of, write_gallery
    from lab.train.classify.settings import Design

    if method not in get_args(Method):
        raise UsageError(f"--method {method}: known are {', '.join(get_args(Method))}")
    if design is not None and design not in get_args(Design):
        raise UsageError(f"--design {design}: known are {', '.join(get_args(Design))}")
    open_out(out)
    names = few_names(folders, name or ())
    found = embeddings_of(
        dict(zip(names, folders, strict=True)), others, embedder=embedder, design=design, size=size, out=out
    )
    content = name_types(
        {each: found.rows[each] for each in names},
        found.others,
        method=cast(Method, method),
        false_alarm_rate=false_alarm_rate,
    )
    write_gallery(out, content, attribute=attribute, files=found.files)
    for each in content["types"]:
        typer.echo(
            f"{each.name}: {each.examples} examples; {each.recall:.0%} of them pass when left out, "
            f"with {false_alarm_rate:.1%} of other objects (separation {each.separation:.3f})"
        )
        if each.separation < 0.9:
            typer.echo("  the embedding hardly tells it from other objects; more crops, or another --embedder")
    typer.echo(f"gallery: {out}")
