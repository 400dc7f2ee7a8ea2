"""``bartizan dataset``: collect, import, label, check and export annotated pictures."""

from pathlib import Path
from typing import Annotated

import typer

from lab.dataset.arguments import ClassesOption, MapOption, OutFolder, SplitBy, fresh, names_of, pairs_of, summary
from lab.dataset.formats import Format, Target
from pipeline.errors import UsageError

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
    anew: Annotated[
        bool, typer.Option("--anew", help="labels that are there count for nothing: those of capture are proposals")
    ] = False,
    sizes: Annotated[str, typer.Option(help="longer sides in pixels at which teachers look")] = "320,480,640,960,1280",
    flip: Annotated[bool, typer.Option(help="also look at the mirror image")] = True,
    agree: Annotated[float, typer.Option(min=0.05, max=1, help="overlap (IoU) from which teachers agree")] = 0.6,
    keep: Annotated[float, typer.Option(min=0, max=1, help="mean confidence from which agreed boxes are kept")] = 0.35,
    sure: Annotated[float, typer.Option(min=0, max=1, help="confidence that lets one teacher alone decide")] = 0.8,
    review: Annotated[float, typer.Option(min=0, max=1, help="confidence from which people are asked")] = 0.15,
    threads: Annotated[int, typer.Option(min=1, max=256, help="processor threads")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="label only so many pictures of each split")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="write into a folder that holds a data set")] = False,
) -> None:
    """Label pictures by detectors that agree; people's labels win; what is uncertain goes to review.json."""
    from lab.dataset.label import data_sha256, policy_for, unlabelled
    from lab.dataset.label import label as run
    from lab.dataset.reading import read_any
    from lab.dataset.record import write_record
    from lab.dataset.teacher import Teacher

    fresh(out, overwrite=overwrite)
    names = names_of(classes)
    data = unlabelled(read_any(dataset)) if anew else read_any(dataset)
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
        settings={**settings, "classes": names, "map": mapping, "types": types, "complete": complete, "anew": anew},
        teachers=[each.model for each in teachers],
        data_sha256=data_sha256(data),
        result={"pictures": outcome.pictures, "boxes": dict(outcome.boxes), "review": outcome.review},
    )
    said = ", ".join(f"{count} {origin}" for origin, count in sorted(outcome.boxes.items())) or "none"
    typer.echo(f"{outcome.pictures} pictures in {outcome.yaml.parent}; boxes: {said}")
    if outcome.review:
        typer.echo(f"{outcome.review} pictures hold uncertain boxes: import {out / 'review.json'} into Label Studio")


@app.command()
def capture(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="camera, stream, recording or folder, as in a configuration"),
    ],
    out: OutFolder,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="frames wanted")],
    teacher: Annotated[
        list[Path] | None,
        typer.Option(help="weights of a detector: finds uncertain frames, proposes boxes; a second one to disagree"),
    ] = None,
    known: Annotated[
        list[Path] | None, typer.Option(help="data set that is labelled already; its like is not chosen")
    ] = None,
    classes: Annotated[str | None, typer.Option(metavar="A,B,...", help="classes that matter; default: all")] = None,
    threshold: Annotated[float, typer.Option(min=0.02, max=0.95, help="confidence from which a box counts")] = 0.25,
    rate: Annotated[float, typer.Option(min=0.001, max=100, help="frames looked at in a second of video")] = 2.0,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="stop a source after this long; default: 60 for live ones, recordings to the end"),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="processor threads")] = 2,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="write into a folder that holds a data set")] = False,
) -> None:
    """Choose frames worth labelling: uncertain, novel, different from one another, sharp; and say why each."""
    from lab.dataset.candidate import Eyes
    from lab.dataset.capture import capture as run
    from lab.dataset.labelled import Dataset
    from lab.dataset.reading import read_any
    from lab.dataset.record import write_record
    from lab.detector import open_detector

    fresh(out, overwrite=overwrite)
    weights = teacher or []
    if len(weights) > 2:
        raise UsageError("--teacher: at most two")
    chosen = names_of(classes) if classes else ()
    detectors = [open_detector(path, threads=threads, classes=chosen, confidence=0.05) for path in weights]
    first, second = [*detectors, None, None][:2]
    eyes = Eyes(first, second, threshold, chosen)
    old = [image for place in known or () for image in read_any(place)]
    outcome = run(
        sources, out, count, eyes, known=Dataset((), {"known": tuple(old)}) if old else None, rate=rate, seconds=seconds
    )
    settings = {"count": count, "classes": chosen, "threshold": threshold, "rate": rate, "seconds": seconds}
    write_record(
        out,
        command="dataset capture",
        settings=settings,
        teachers=[detector.model for detector in detectors],
        result={"looked_at": outcome.looked_at, "blurred": outcome.blurred, "chosen": len(outcome.manifest)},
    )
    typer.echo(
        f"{len(outcome.manifest)} of {outcome.looked_at} frames chosen ({outcome.blurred} blurred) in {out}; "
        "why each: manifest.jsonl"
    )
    if len(outcome.manifest) < count:
        typer.echo(f"fewer than the {count} wanted: the others are blurred or near-duplicates; try a higher --rate")


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="folder, file or ZIP that another tool wrote")],
    form: Annotated[Format, typer.Option("--format", help="what it is")],
    out: OutFolder,
    pictures: Annotated[
        Path | None, typer.Option(help="where the pictures lie, if not beside; mot: the recording")
    ] = None,
    mapping: MapOption = None,
    classes: Annotated[str | None, typer.Option(metavar="A,B,...", help="the classes, in this order")] = None,
    proposals: Annotated[bool, typer.Option(help="labelstudio: predictions too, of tasks nobody has done")] = False,
    every: Annotated[int, typer.Option(min=1, help="mot: each so many frames")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="write into a folder that holds a data set")] = False,
) -> None:
    """Bring annotations of another tool into the form that training reads (YOLO)."""
    from lab.dataset.class_mapping import remapped
    from lab.dataset.corners import cut
    from lab.dataset.formats import opened
    from lab.dataset.yolo_format import write

    fresh(out, overwrite=overwrite)
    with opened(source, form, workshop=out, pictures=pictures, proposals=proposals, every=every) as found:
        whole = cut(remapped(found, pairs_of(mapping), names_of(classes) if classes else ()))
        yaml = write(whole.dataset, out)
        typer.echo(f"{summary(whole.dataset)}; {yaml}")
        if whole.cut or whole.dropped:
            typer.echo(
                f"{whole.cut} boxes reached out of their pictures and were cut; {whole.dropped} lay outside or had no "
                "area and were dropped: if that is many, look whether width and height were swapped"
            )


@app.command()
def export(
    dataset: Annotated[Path, typer.Argument(help="a YOLO data set, folder or YAML")],
    form: Annotated[Target, typer.Option("--format", help="what to write")],
    out: OutFolder,
    mapping: MapOption = None,
    proposals: Annotated[bool, typer.Option(help="labelstudio: boxes as predictions, to be corrected")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="write into a folder that holds a data set")] = False,
) -> None:
    """Write a data set for another tool."""
    from lab.dataset.class_mapping import remapped
    from lab.dataset.formats import write
    from lab.dataset.reading import read_any

    fresh(out, overwrite=overwrite)
    data = remapped(read_any(dataset), pairs_of(mapping))
    place = write(data, form, out, proposals=proposals)
    typer.echo(f"{summary(data)}; {place}")


@app.command()
def split(
    dataset: Annotated[
        list[Path], typer.Argument(help="YOLO data sets, folders or YAML; they and their splits are put together")
    ],
    out: OutFolder,
    by: Annotated[SplitBy, typer.Option(help="whole cameras, or the end of each camera's time")] = SplitBy.CAMERA,
    val: Annotated[float, typer.Option(min=0.01, max=0.9, help="share of pictures for validation")] = 0.2,
    gap: Annotated[int, typer.Option(min=0, help="time: pictures left out between training and validation")] = 5,
    seed: Annotated[int, typer.Option(help="camera: another one gives another split")] = 0,
    hold_back: Annotated[
        list[str] | None, typer.Option(metavar="CAMERA", help="camera for validation; may be repeated, --val is unused")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="write into a folder that holds a data set")] = False,
) -> None:
    """Split into training and validation without a recording, or a moment of one, on both sides."""
    from lab.dataset.reading import read_any
    from lab.dataset.split import by_camera, by_name, by_time, joined
    from lab.dataset.yolo_format import write

    fresh(out, overwrite=overwrite)
    data = joined([read_any(each) for each in dataset])
    if hold_back:
        parts = by_name(data, hold_back)
    else:
        parts = by_camera(data, val=val, seed=seed) if by is SplitBy.CAMERA else by_time(data, val=val, gap=gap)
    yaml = write(parts, out)
    left_out = f"; {len(data) - len(parts)} between left out" if len(parts) < len(data) else ""
    typer.echo(f"{summary(parts)}{left_out}; {yaml}")


@app.command()
def check(
    dataset: Annotated[Path, typer.Argument(help="a YOLO data set, folder or YAML")],
    teacher: Annotated[
        list[Path] | None, typer.Option(help="weights of a detector: looks for forgotten and wrong labels too")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="folder for report.html, report.json; default: the data set's"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="warnings fail, too")] = False,
    threads: Annotated[int, typer.Option(min=1, max=256, help="processor threads")] = 2,
) -> None:
    """Say what is wrong with a data set and what to do. Exit code 1 on errors; with --strict, on warnings."""
    from lab.dataset.check import check as run
    from lab.dataset.check_page import write_page
    from lab.dataset.check_report import print_report, write_report
    from lab.dataset.reading import read_any
    from lab.dataset.teacher import Teacher

    faults: list[UsageError] = []
    data = read_any(dataset, faults=faults)
    teachers = [Teacher(path, data.names, threads=threads) for path in teacher or ()]
    outcome = run(data, teachers, faults)
    folder = out or (dataset if dataset.is_dir() else dataset.parent)
    write_report(outcome, data, folder)
    failed = print_report(outcome, data, write_page(outcome, data, folder), strict=strict)
    if failed:
        raise typer.Exit(1)
