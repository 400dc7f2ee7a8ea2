"""The explanation as text for a terminal: what happened, why, what would have prevented it, from which record."""

from collections.abc import Iterator, Sequence

from lab.why.course import Course
from lab.why.finding import Results
from lab.why.normal import FEATURE_HEADER, NEAREST_HEADER, features, nearest, normal_of
from lab.why.prevention import Prevention
from lab.why.smallest_change import preventions
from lab.why.words import Condition, conditions, facts, story, title
from pipeline.messages import Event
from stages.alert.verdict import verdict

MOST = 4
"""Changes of each sort that are listed."""


def text(results: Results, course: Course) -> str:
    """All of it, with a final newline."""
    start, end = course.start, course.end
    lines = [f"{title(start)}, {start.severity}, camera {start.camera}", f"  {start.reason}", f"  {story(course)}", ""]
    lines += ["Why", *_rows(list(conditions(start))), f"  {judged(start)}"]
    if end is not None and not course.momentary:
        lines += ["", "Why it ended", *_rows(list(conditions(end))), f"  {judged(end)}"]
    if known := list(facts(start)):
        lines += ["", "Beside that", *_table(known)]
    if odd := list(features(start)):
        lines += ["", "What was unusual", *_table([FEATURE_HEADER, *odd])]
    if like := list(nearest(start)):
        lines += ["", "Most like it in normal time", *_table([NEAREST_HEADER, *like])]
    lines += ["", *_changes(course), "", "From this record", *_table(provenance(results, course))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def judged(event: Event) -> str:
    """Whether the message follows from its record."""
    again = verdict(event)
    if again.follows:
        return f"Computed again from the record alone: {again.said}."
    if event.why and not any("comparison" in entry for entry in event.why):
        return "It cannot be computed again: the record is of a version that did not say how to compare."
    faults = "; ".join(f"{check.predicate}: {check.says}" for check in again.failed)
    return f"Computed again from the record alone: {again.said}. {faults}"


def smallest(course: Course) -> str:
    """One sentence: the smallest change that would surely have prevented it."""
    found = preventions(course)
    if found and found[0].certain:
        return f"Smallest change that would have prevented it: {found[0]}."
    if course.end is None:
        return "No change is certain to have prevented it: its end is not known, so it may go further."
    return "No change of one limit is certain to have prevented it, as far as its record tells."


def provenance(results: Results, course: Course) -> list[tuple[str, str]]:
    """Where it was read, and by what it was made."""
    start = course.start
    model = f"{start.model.get('name', '?')}, SHA-256 {start.model.get('sha256', '?')[:16]}"
    judge = normal_of(start)
    named = f"generation {judge.get('generation', '?')}, SHA-256 {str(judge.get('sha256', '?'))[:16]}"
    return [
        ("event", start.id),
        ("message", f"{start.message_id}, line {results.line(start)} of {results.source}"),
        ("detector", model),
        *([("normal", named)] if judge else []),
        ("analysis", start.analysis_sha256[:16]),
        ("Bartizan", start.version or "of a version that the record does not name"),
    ]


def _rows(found: Sequence[Condition]) -> Iterator[str]:
    rows = [(each.time, each.what, each.value, each.limit, _mark(each)) for each in found]
    yield from _table(rows, right=(0, 2))


def _mark(condition: Condition) -> str:
    return f"<- {condition.fault}" if condition.fault else ""


def _changes(course: Course) -> Iterator[str]:
    found = preventions(course)
    certain = [each for each in found if each.certain]
    yield "What would have prevented it, smallest change first"
    yield from _table([_change(each) for each in certain[:MOST]]) if certain else [f"  {smallest(course)}"]
    if doubted := [each for each in found if not each.certain]:
        yield "And perhaps"
        yield from _table([(*_change(each), f"({each.doubt})") for each in doubted[:MOST]])


def _change(each: Prevention) -> tuple[str, str, str]:
    return each.option, each.to, each.basis


def _table(rows: Sequence[Sequence[str]], *, right: tuple[int, ...] = ()) -> Iterator[str]:
    """Rows indented and in columns; those in ``right`` are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  " + "  ".join(cell for cell, width in zip(cells, widths, strict=True) if width)
