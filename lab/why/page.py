"""One page that explains an event, complete in itself: it opens without Bartizan, its results, or a network."""

from collections.abc import Iterator, Sequence

import msgspec

from lab.report.page import Page
from lab.why.chart import chart
from lab.why.course import Course
from lab.why.finding import Results
from lab.why.moment import Moment
from lab.why.normal import FEATURE_HEADER, NEAREST_HEADER, Crop, features, nearest, normal_of
from lab.why.prevention import Prevention
from lab.why.scene import View
from lab.why.smallest_change import preventions
from lab.why.text import judged, smallest
from lab.why.words import clock, conditions, facts, story, title
from pipeline.messages import Event
from stages.alert.verdict import verdict

_UNBROKEN = "\u00a0"


def page(results: Results, course: Course, view: View, moments: list[Moment], like: Sequence[Crop] = ()) -> Page:
    """The whole page, to be written. ``like``: crops of the nearest normal examples."""
    start = course.start
    made = Page(f"Why: {title(start)}", f"{start.reason}. Camera {start.camera}, severity {start.severity}.")
    made.text(story(course))
    made.note(judged(start), "good" if verdict(start).follows else "bad")
    made.note(smallest(course))
    _seen(made, course, view, moments)
    _why(made, course)
    _unusual(made, start, like)
    _like(made, start, like)
    _prevented(made, preventions(course))
    _told(made, results, course)
    _record(made, results, course)
    return made


def _seen(made: Page, course: Course, view: View, moments: list[Moment]) -> None:
    made.section("What was seen")
    if view.missing:
        made.note(f"Drawn from the record alone: {view.missing}.", "warn")
    numbers = "; ".join(f"{each.number} {each.what}, {each.seconds:.2f} s" for each in moments)
    made.picture(view.pixels, numbers, alt=f"The scene: {course.start.reason}. {numbers}")
    shaded = "" if course.momentary else " Shaded: the event is open."
    made.figure(
        chart(course, moments),
        f"The course of it. The numbers are those of the picture; dashed lines are the rule's limits.{shaded} "
        "A message holds the last 30 confidences, so a long event has gaps.",
        alt=f"Confidence over time. {numbers}",
    )


def _why(made: Page, course: Course) -> None:
    made.section("Why it was raised")
    header = ("condition", "value", "limit", "at")
    made.table(header, _conditions(course.start), "Every condition of the start, in the order of its trace.")
    if known := list(facts(course.start)):
        made.table(("beside that", ""), known)
    if course.end is not None and not course.momentary:
        made.table(header, _conditions(course.end), f"Its end. {judged(course.end)}")


def _conditions(event: Event) -> Iterator[tuple[str, ...]]:
    for each in conditions(event):
        limit = f"{each.limit} ({each.option})" if each.option else each.limit
        value, time = (text.replace(" ", _UNBROKEN) for text in (each.value, each.time))
        yield each.what, value, limit if each.holds else f"{limit}: {each.fault.upper()}", time


def _unusual(made: Page, event: Event, like: Sequence[Crop]) -> None:
    if rows := list(features(event)):
        made.section("What was unusual")
        made.table(FEATURE_HEADER, rows, "Each feature against the normal footage of this camera.")
        if model := normal_of(event):
            made.text("Model of normal: " + ", ".join(f"{name} {value}" for name, value in model.items()))


def _like(made: Page, event: Event, like: Sequence[Crop]) -> None:
    if rows := list(nearest(event)):
        made.heading("Most like it in normal time")
        made.table(NEAREST_HEADER, rows)
        if like:
            made.pictures([(crop.pixels, crop.caption) for crop in like])
        else:
            made.text("Name the camera's model of normal with --normal to see them.")


def _prevented(made: Page, found: list[Prevention]) -> None:
    made.section("What would have prevented it")
    made.text(
        "One option changed, and nothing else. Certain: the rule could then not have started an event about the same "
        "thing before this one was over."
    )
    rows = [(f"{each.option} {each.to}", each.basis, each.doubt or "certain") for each in found]
    made.table(("change", "because", ""), rows or [("none", "the record has no limit with an order", "")])


def _told(made: Page, results: Results, course: Course) -> None:
    made.section("Messages")
    rows = [
        (str(results.line(each)), f"{each.type} {each.ended}".strip(), clock(each.media_time), each.reason)
        for each in course.messages
    ]
    made.table(("line", "message", "at", "reason"), rows)


def _record(made: Page, results: Results, course: Course) -> None:
    start = course.start
    made.section("Record")
    made.table(
        ("", ""),
        [
            ("read from", str(results.source)),
            ("event", start.id),
            ("message", start.message_id),
            ("detector", start.model.get("name", "")),
            ("its weights, SHA-256", start.model.get("sha256", "")),
            ("analysis, SHA-256", start.analysis_sha256),
            ("decided by Bartizan", start.version or "a version that the record does not name"),
            ("deciding frame", start.correlation_id),
        ],
    )
    for message in course.messages:
        if message.type != "update":
            made.heading(f"The {message.type} as it was sent")
            made.code(_as_json(message))


def _as_json(message: Event) -> str:
    """A line for each field, and for each entry of the trace."""
    fields = msgspec.json.decode(msgspec.json.encode(message), type=dict[str, msgspec.Raw])
    trace = ",\n  ".join(msgspec.json.encode(entry).decode() for entry in message.why)
    lines = {name: bytes(value).decode() for name, value in fields.items()} | {"why": f"[{trace}]"}
    return "{" + ",\n ".join(f'"{name}": {value}' for name, value in lines.items()) + "}"
