"""``bartizan dataset``: collect, import, label, check and export annotated pictures."""

from pathlib import Path
from typing import Annotated

import typer

from lab.dataset.arguments import ClassesOption, MapOption, OutFolder, names_of, pairs_of

app = typer.Typer(help="Collect, import, label, check and export annotated frames.", no_args_is_help=True)


@app.callback()
def dataset_group() -> None:
    """Collect, import, label, check and export annotated frames."""


@app.command()
def label(
    dataset: Annotated[Path, typer.Argument(help="a YOLO data set (folder or YAML), or a folder of bare pictures")],
    teacher: Annotated[list[Path], typer.Option(help="weights of a detector; repeat it: two that agree are better")],
    out: OutFolder,
    classes: ClassesOption,
    mapping: MapOption = None,
    types: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=A,B", help="boxes of NAME may hold A or B; teachers say which, A where none does"),
    ] = None,
    complete: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="class that people labelled incompletely; may be repeated")
    ] = None,
    sizes: Annotated[str, typer.Option(help="longer sides in pixels at which teachers look")] = "640,960,1280",
    flip: Annotated[bool, typer.Option(help="also look at the mirror image")] = True,
    agree: Annotated[float, typer.Option(min=0.05, max=1, help="overlap (IoU) from which teachers agree")] = 0.6,
    keep: Annotated[float, typer.Option(min=0, max=1, help="mean confidence from which agreed boxes are kept")] = 0.3,
    sure: Annotated[float, typer.Option(min=0, max=1, help="confidence that lets one teacher alone decide")] = 0.8,
    review: Annotated[float, typer.Option(min=0, max=1, help="confidence from which people are asked")] = 0.15,
    threads: Annotated[int, typer.Option(min=1, max=256, help="processor threads")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="label only so many pictures of each split")] = None,
) -> None:
    """Label pictures by detectors that agree; people's labels win; what is uncertain goes to review.json."""
    from lab.dataset.label import data_sha256, policy_for
    from lab.dataset.label import label as run
    from lab.dataset.reading import read_any
    from lab.dataset.record import write_record
    from lab.dataset.teacher import Teacher

    names = names_of(classes)
    data = read_any(dataset, names)
    if limit:
        data = type(data)(data.names, {split: images[:limit] for split, images in data.splits.items()})
    policy = policy_for(
        data.names,
        names,
        renamed=pairs_of(mapping),
        types={name: names_of(kinds) for name, kinds in pairs_of(types).items()},
        completed=complete or (),
    )
    teachers = [Teacher(path, names, threads=threads) for path in teacher]
    looks = {"sizes": [int(size) for size in names_of(sizes)], "flip": flip}
    settings = {**looks, "agree": agree, "keep": keep, "sure": sure, "review": review}
    outcome = run(data, teachers, policy, names, out, **settings)
    write_record(
        out,
        command="dataset label",
        settings={**settings, "classes": names, "map": mapping, "types": types, "complete": complete},
        teachers=[each.model for each in teachers],
        data_sha256=data_sha256(data),
        result={"pictures": outcome.pictures, "boxes": dict(outcome.boxes), "review": outcome.review},
    )
    said = ", ".join(f"{count} {origin}" for origin, count in sorted(outcome.boxes.items())) or "none"
    typer.echo(f"{outcome.pictures} pictures in {outcome.yaml.parent}; boxes: {said}")
    if outcome.review:
        typer.echo(f"{outcome.review} pictures hold uncertain boxes: import {out / 'review.json'} into Label Studio")
