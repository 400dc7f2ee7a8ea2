"""``bartizan replay``: what other rules would have raised, from what a run stored, without its video."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.commands.console import table_console
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.configuration.rules_file import load_rules
from pipeline.errors import UsageError
from pipeline.rehearsal.difference import Alarm, Pair, Verdict
from pipeline.rehearsal.rehearsal import Rehearsal, rehearse
from pipeline.rehearsal.window import Moment, Window
from pipeline.whole_file import write_whole

DIFFERS = 1
SHOWN = 20
"""Events in which something differs that are shown one by one; ``--json`` has all."""


def replay(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Results of a run, finished or still going on.")],
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules",
            metavar="RULES.yml",
            help="A file with `rules:`, or a whole configuration, of which the rules are taken. "
            "Default: the run's own, which must give the same events to the byte.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Media time (90, '1h 30min', 01:30:00) or wall time (2026-11-21T08:00:00Z)."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="As --since.")] = None,
    camera: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this camera; may be repeated. Default: all.")
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the differences as JSON.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option("--events", metavar="FILE", help="Write what would have been raised, as events.jsonl."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 if anything differs.")] = False,
) -> None:
    """Try rules on the tracks that a run stored, and show how its events would differ. No video is read."""
    window = Window(_moment(since, "--since"), _moment(until, "--until"))
    own = KeptAnalysis.read(out)
    kept = own.with_rules(own.rules if rules is None else load_rules(rules, own))
    began = time.monotonic()
    rehearsal = rehearse(out, kept, cameras=camera or (), window=window)
    seconds = time.monotonic() - began
    is_same_analysis = rehearsal.analysis_sha256 == own.sha256
    console = table_console()
    _conclude(console, rehearsal, seconds, is_same_analysis=is_same_analysis)
    if rules is None and not is_same_analysis:
        console.print("  a file that the run's rules name is not what it was: its events are compared with another's")
    if as_json is not None:
        _write(as_json, [json.dumps(_as_plain(rehearsal), indent=2).encode(), b"\n"])
    if events is not None:
        _write(events, rehearsal.lines())
    if check and (rehearsal.differs or (is_same_analysis and not rehearsal.is_identical)):
        raise typer.Exit(DIFFERS)


def _moment(text: str | None, option: str) -> Moment | None:
    return None if text is None else Moment.parse(text, option=option)


def _write(path: Path, chunks: list[bytes]) -> None:
    try:
        write_whole(path, chunks)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _conclude(console: Console, rehearsal: Rehearsal, seconds: float, *, is_same_analysis: bool) -> None:
    rate = f"{rehearsal.frames / seconds:,.0f} a second" if seconds > 0 else "at once"
    console.print(f"{rehearsal.frames:,} frames in {seconds:.1f} s ({rate}), no video read", highlight=False)
    for name, told in rehearsal.cameras.items():
        if told.tracked_anew:
            console.print(f"  camera {name}: its tracks are not stored any more: tracked again", markup=False)
    if is_same_analysis:
        console.print(
            f"the run's own rules: {len(rehearsal.told)} messages, identical to the byte"
            if rehearsal.is_identical
            else "the run's own rules, but not the same events to the byte: another version raised them, or the "
            "results were changed"
        )
    console.print(_counts(rehearsal.pairs, console.width))
    different = [pair for pair in rehearsal.pairs if pair.verdict is not Verdict.SAME]
    for pair in different[:SHOWN]:
        console.print(_line(pair), soft_wrap=True, highlight=False)
    if len(different) > SHOWN:
        console.print(f"  and {len(different) - SHOWN} more: --json FILE has them all")


def _counts(pairs: list[Pair], width: int) -> Table:
    """How many events of each rule were and would be, in so many columns of a terminal."""
    table = Table(box=None, pad_edge=False)
    for title, most in (("camera", 12), ("rule", max(12, width - 64))):
        table.add_column(title, no_wrap=True, overflow="ellipsis", max_width=most)
    for title in ("raised", "would be", *Verdict):
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    found: dict[tuple[str, str], Counter[str]] = {}
    for pair in pairs:
        counts = found.setdefault((pair.alarm.start.camera, pair.alarm.start.name), Counter())
        counts[pair.verdict] += 1
        counts["raised"] += pair.raised is not None
        counts["would be"] += pair.told is not None
    for (camera, rule), counts in sorted(found.items()):
        row = [str(counts[title]) if counts[title] else "" for title in ("raised", "would be", *Verdict)]
        table.add_row(escape(camera), escape(rule), *row)
    return table


def _line(pair: Pair) -> str:
    start, ended = pair.alarm.start, pair.alarm.ended
    span = f"{pair.alarm.started:.2f} s to {'open' if ended is None else f'{ended:.2f} s'}"
    if ended == pair.alarm.started:
        span = f"at {ended:.2f} s"
    style = {Verdict.NEW: "green", Verdict.GONE: "red"}.get(pair.verdict, "yellow")
    about = "; ".join(pair.what) or start.reason
    verdict = f"[{style}]{pair.verdict:<7}[/{style}]"
    return f"  {verdict} {escape(f'{start.camera}  {start.name}  {span}: {about}')}"


def _as_plain(rehearsal: Rehearsal) -> dict[str, Any]:
    """The differences as JSON has them."""
    counts = Counter(pair.verdict.value for pair in rehearsal.pairs)
    return {
        "analysis_sha256": rehearsal.analysis_sha256,
        "identical": rehearsal.is_identical,
        "frames": {name: told.frames for name, told in rehearsal.cameras.items()},
        "counts": {verdict.value: counts[verdict] for verdict in Verdict},
        "events": [
            {
                "verdict": pair.verdict.value,
                "camera": pair.alarm.start.camera,
                "name": pair.alarm.start.name,
                "rule": pair.alarm.start.rule,
                "track_id": pair.alarm.track_id,
                "what": list(pair.what),
                "raised": _alarm(pair.raised),
                "would_be": _alarm(pair.told),
            }
            for pair in rehearsal.pairs
        ],
    }


def _alarm(alarm: Alarm | None) -> dict[str, Any] | None:
    if alarm is None:
        return None
    start = alarm.start
    return {
        "id": start.id,
        "started": alarm.started,
        "ended": alarm.ended,
        "severity": start.severity,
        "reason": start.reason,
        "snapshot": start.evidence.get("snapshot", ""),
    }
