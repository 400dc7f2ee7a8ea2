"""What a finished run says on the terminal, and its exit code."""

import sys
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from pipeline.messages import Event
from pipeline.redaction import redact
from pipeline.run import Finished
from pipeline.store.letters import Left

_REASONS = 5
_EVENT = msgspec.json.Decoder(Event)


def conclude(finished: Finished, console: Console) -> int:
    """Print what came of the run; returns the exit code."""
    report = finished.report
    books = "books balance" if report.balanced else "[red]books do not balance[/red]"
    where = _shown(finished.out)
    console.print(
        f"{report.frames} frames in {report.elapsed_s:.1f} s ({report.fps:.0f} a second), "
        f"{report.events} event messages, {books}; everything is in [bold]{where}[/bold]",
        highlight=False,
        soft_wrap=True,
    )
    for line in alerts_by_rule(finished.out / "events.jsonl"):
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    for imbalance in report.imbalances:
        console.print(f"  {imbalance}", highlight=False)
    for source in report.sources:
        if source["ended"].startswith("failed"):
            sys.stderr.write(redact(f"camera {source['camera']}: {source['ended']}\n"))
        if not source["ended"]:
            sys.stderr.write(f"camera {source['camera']}: stopped before its end; run again to go on\n")
    for book in report.books:
        if poison := book.dropped.get("poison"):
            frames = "1 frame" if poison == 1 else f"{poison} frames"
            sys.stderr.write(f"camera {book.camera}: {frames} could not be analysed; the log says why\n")
    if finished.status.failed:
        sys.stderr.write(redact(f"the run stopped: {finished.status.failed}\n"))
    for unfinished in finished.status.unfinished:
        sys.stderr.write(f"cut short: {unfinished}; run again to go on\n")
    for sink, counts in report.governor.items():
        told = f"{counts['delivered']} of {counts['events']} events delivered, {counts['merged']} merged"
        line = f"  sink {sink}: {told}, {counts['held']} held back (digests: {counts['digests']})"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    tell_what_is_left(finished.left, where, known=finished.sinks)
    return finished.code


def tell_what_is_left(left: Sequence[Left], where: str, *, known: Collection[str]) -> None:
    """Say for each sink what has not reached it, why, and what to do. ``known``: sinks of the configuration; what waits
    for others waits for ever."""
    for sink in sorted({each.sink for each in left}):
        waits = [each for each in left if each.sink == sink and each.state == "pending"]
        if waits:
            number = _messages(sum(each.count for each in waits))
            what = f"run again to go on, or: bartizan deliver flush {where}"
            if sink not in known:
                what = (
                    "the configuration has no sink of that name: give it back to one and run again, or: "
                    f"bartizan deliver flush {where} --config CONFIG.yml"
                )
            sys.stderr.write(f"sink {sink}: {number} not delivered; {what}\n")
            for each in waits[:_REASONS]:
                sys.stderr.write(redact(f"  {each.count:,}: {each.reason or 'not tried yet, or behind another one'}\n"))
        if dead := sum(each.count for each in left if each.sink == sink and each.state == "dead"):
            number = _messages(dead)
            sys.stderr.write(f"sink {sink}: {number} given up; bartizan deliver list {where} --state dead says why\n")


def _messages(count: int) -> str:
    return "1 message is" if count == 1 else f"{count:,} messages are"


def alerts_by_rule(events: Path) -> list[str]:
    """One line for each rule that alerted: its name, its kind, how often, and where the picture of its first event
    lies, the best one if it was made."""
    counts: Counter[tuple[str, str]] = Counter()
    pictures: dict[tuple[str, str], str] = {}
    firsts: dict[str, tuple[str, str]] = {}
    if events.exists():
        with events.open("rb") as lines:
            for event in map(_EVENT.decode, lines):
                key = event.name, event.rule
                if event.type == "start":
                    counts[key] += 1
                    if counts[key] == 1:
                        firsts[event.id] = key
                        pictures[key] = event.evidence.get("snapshot", "no picture")
                best = event.evidence.get("best")
                if event.id in firsts and best is not None and (events.parent / best).is_file():
                    pictures[firsts[event.id]] = best
    return [f"{n} x {name} ({rule}), first: {pictures[name, rule]}" for (name, rule), n in sorted(counts.items())]


def _shown(path: Path) -> str:
    try:
        return f"{path.relative_to(Path.cwd())}/"
    except ValueError:
        return f"{path}/"
