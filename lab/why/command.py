"""``bartizan why``: why an event was raised, and what would have prevented it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.why.course import Course
from lab.why.finding import Results, read_results
from lab.why.smallest_change import preventions
from lab.why.text import text
from pipeline.commands.options import JsonOption, OutOption
from pipeline.errors import CannotStart, UsageError
from pipeline.whole_file import write_whole
from stages.alert.verdict import verdict

if TYPE_CHECKING:
    from lab.explain.explanation import Explanation
    from pipeline.stage import Picture

RESULTS = Path("results")


def why(
    event: Annotated[
        str,
        typer.Argument(
            metavar="EVENT",
            help="Its id or message id, the beginning of one, or the number of its line in events.jsonl.",
        ),
    ],
    out: OutOption = None,
    page: Annotated[
        Path | None,
        typer.Option("-o", "--page", metavar="FILE.html", help="The page; default: why/EVENT.html in --out."),
    ] = None,
    saliency: Annotated[
        Path | None,
        typer.Option(
            metavar="RECORDING|PICTURE",
            help="Also explain the detection itself, on the frame of the event; takes about half a minute.",
        ),
    ] = None,
    normal: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The camera's model of normal, to show the nearest normal examples."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say why an event was raised, computed again from its record, and what would have prevented it.

    Writes a page, and beside it one picture (PNG).
    """
    results = read_results(RESULTS if out is None else out)
    course = results.find(event)
    where = page or results.folder / "why" / f"{_file_name(course.start.id[:8])}.html"
    detection = None
    if saliency is not None:
        from lab.why.saliency import explained

        detection = explained(course.start, saliency)
    picture = _drawn(results, course, where, detection, normal)
    if json:
        typer.echo(_as_json(course, where, picture))
        return
    typer.echo(text(results, course))
    if detection is not None:
        from lab.why.saliency import said

        typer.echo(said(detection[1]))
    typer.echo(f"Page: {where}\nPicture: {picture}")


def _file_name(event_id: str) -> str:
    """An id as a name that stays in its folder, whatever a record holds."""
    return re.sub(r"[^0-9A-Za-z_-]", "_", event_id) or "event"


def _drawn(
    results: Results,
    course: Course,
    where: Path,
    detection: "tuple[Picture, Explanation] | None",
    normal: Path | None,
) -> Path:
    """Write the page, and the picture beside it. Raises ``CannotStart`` where they cannot be written."""
    from lab.report.charts import as_png
    from lab.why.board import DPI, board
    from lab.why.moment import moments
    from lab.why.normal import crops
    from lab.why.page import page
    from lab.why.scene import view

    picture = where.with_suffix(".png")
    if picture == where:
        raise UsageError(
            f"-o {where}: names the page, such as {where.with_suffix('.html')}; the picture lies beside it"
        )
    numbered = moments(course)
    seen = view(results, course, numbered)
    try:
        made = page(results, course, seen, numbered, [] if normal is None else crops(course.start, normal))
        if detection is not None:
            from lab.why.saliency import add

            add(made, *detection)
        made.write(where)
        write_whole(picture, [as_png(board(course, seen, numbered), dpi=DPI)], flush=False)
    except OSError as error:
        raise CannotStart(f"{where}: cannot be written: {error.strerror}") from error
    return picture


def _as_json(course: Course, page: Path, picture: Path) -> str:
    import msgspec

    again = verdict(course.start)
    answer: dict[str, Any] = {
        "event": course.start.id,
        "verdict": again.said,
        "checks": [{"predicate": each.predicate, "holds": each.holds, "says": each.says} for each in again.checks],
        "preventions": [
            {"option": each.option, "was": each.was, "needs": each.needs, "certain": each.certain, "basis": each.basis}
            for each in preventions(course)
        ],
        "page": str(page),
        "picture": str(picture),
    }
    return msgspec.json.format(msgspec.json.encode(answer), indent=1).decode()
