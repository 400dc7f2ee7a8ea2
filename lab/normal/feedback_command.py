"""``bartizan normal feedback``: tell a camera's model of normal which alarms matter."""

import sys
from math import log
from pathlib import Path
from typing import Annotated, Literal

import typer

from lab.normal.effect import Effect
from lab.normal.giving import find, put
from lab.normal.past import ANOMALY, Past
from lab.normal.proposal import Proposal, Wish, effects_of, propose
from lab.normal.showing import highest
from lab.normal.telling import MOST, SHORT, counts, effect, entry, proposed
from pipeline.errors import UsageError
from pipeline.rehearsal.difference import alarms
from stages.alert.normal.feedback import REACH, TOLERANCE, Feedback, read_feedback
from stages.alert.normal.store import Stored, current, read

app = typer.Typer(help="Tell the model which alarms matter, see what that changes, take it back.", no_args_is_help=True)

DirArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the camera's model of normal.")]
ResultsOption = Annotated[
    list[Path] | None,
    typer.Option("--results", metavar="OUT", help="Results of a run in which it is tried; may be repeated."),
]


@app.callback()
def feedback_group() -> None:
    """Tell the model which alarms matter, see what that changes, take it back."""


@app.command("give")
def give(
    folder: DirArgument,
    event: Annotated[
        str,
        typer.Argument(
            metavar="EVENT", help="Its id, the beginning of one, or the number of its line in events.jsonl."
        ),
    ],
    verdict: Annotated[
        Literal["not_of_interest", "true_alarm", "unsure"],
        typer.Argument(help="not_of_interest: no alarm again for what is like it, there; true_alarm: never lose it."),
    ],
    results: ResultsOption = None,
    note: Annotated[str, typer.Option(help="Kept with it, for people.")] = "",
    reach: Annotated[
        float, typer.Option(min=0.01, max=10, help="How far from its path a thing is still there, in its heights.")
    ] = REACH,
    tolerance: Annotated[
        float, typer.Option(min=0, max=10, help="How much more than it a thing may show, as a share of that.")
    ] = TOLERANCE,
    whole: Annotated[
        bool, typer.Option("--whole", help="What it showed, or was taken for, only for a moment counts too.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Apply it without asking. Else it is only shown.")] = False,
    lose: Annotated[
        bool, typer.Option("--lose-true-alarms", help="Even if events are lost that were said to be true alarms.")
    ] = False,
) -> None:
    """Say what an event was. First shows what would change in the results; nothing is learned from true alarms."""
    if len(note) > 2000:
        raise UsageError(f"--note has {len(note)} characters, at most 2000 are kept")
    stored = read(folder)
    wish = Wish(verdict, note, reach, tolerance, whole)
    proposal = propose(stored, read_feedback(stored), _pasts(results, stored, folder), event, wish)
    for line in proposed(proposal):
        typer.echo(line)
    _refuse_loss(proposal, lose=lose)
    if not apply and not (sys.stdin.isatty() and typer.confirm("apply it?")):
        typer.echo("nothing is changed; --apply applies it")
        return
    if current(folder) != stored.manifest.generation:
        raise UsageError(f"{folder}: another generation was put in use meanwhile; look again")
    kept = put(stored, proposal.feedback)
    _conclude(folder, kept, proposal.feedback)
    typer.echo(f"  take it back: bartizan normal feedback undo {folder} {proposal.given.event[:SHORT]}")


@app.command("list")
def list_(folder: DirArgument) -> None:
    """What was said so far, as the generation in use keeps it."""
    feedback = read_feedback(read(folder))
    for each in feedback.given:
        typer.echo(entry(each))
    typer.echo(f"{len(feedback.given)} in all: {counts(feedback)}")


@app.command("undo")
def undo(
    folder: DirArgument,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Id of the event, or the beginning of it.")],
    results: ResultsOption = None,
) -> None:
    """Take back what was said about an event; then it is as if nothing had been said. Can be given again."""
    stored = read(folder)
    feedback = read_feedback(stored)
    given = find(feedback, event)
    left = feedback.without(given.event)
    if results:
        for each in effects_of(stored, feedback, left, _pasts(results, stored, folder)):
            _echo(each, left)
    kept = put(stored, left)
    typer.echo(f"taken back: {entry(given)}")
    _conclude(folder, kept, left)


@app.command("ask")
def ask(folder: DirArgument, results: ResultsOption = None) -> None:
    """Which events to say something about: those nearest to the threshold first, where it decides most."""
    stored = read(folder)
    feedback = read_feedback(stored)
    said = {each.event for each in feedback.given}
    asked = [
        (abs(log(highest(alarm) / limit)), past, alarm, limit)
        for past in _pasts(results, stored, folder)
        for alarm in alarms(past.raised)
        if alarm.start.rule == ANOMALY and alarm.start.id not in said and (limit := _threshold(alarm.start.why)) > 0
    ]
    for _, past, alarm, limit in sorted(asked, key=lambda each: (each[0], each[2].started))[:MOST]:
        typer.echo(
            f"{alarm.start.id[:SHORT]}  score {highest(alarm):.1f}, at least {limit:.1f}  {past.out}, "
            f"{alarm.started:.1f} s: {alarm.start.reason}"
        )
    typer.echo(
        f"{len(asked)} without feedback; say: bartizan normal feedback give {folder} EVENT VERDICT --results OUT"
    )


def _pasts(results: list[Path] | None, stored: Stored, folder: Path) -> list[Past]:
    if not results:
        raise UsageError("--results OUT: name the results of a run with the event")
    return [Past.of(out, stored.manifest.camera, folder) for out in dict.fromkeys(results)]


def _threshold(why: list[dict[str, object]]) -> float:
    found = next((entry["threshold"] for entry in why if entry.get("predicate") == "surprise"), 0.0)
    return float(found) if isinstance(found, int | float) else 0.0


def _refuse_loss(proposal: Proposal, *, lose: bool) -> None:
    if not proposal.lost or lose:
        return
    names = ", ".join(f"{each.event[:SHORT]} ({each.reason})" for each in proposal.lost)
    raise UsageError(
        f"would lose what was said to be a true alarm: {names}; give a smaller --reach or --tolerance, or say "
        "--lose-true-alarms"
    )


def _echo(one: Effect, feedback: Feedback) -> None:
    for line in effect(one, feedback):
        typer.echo(line)


def _conclude(folder: Path, kept: Stored, feedback: Feedback) -> None:
    typer.echo(
        f"{folder}: generation {kept.manifest.generation} is in use from the next start on; at once where a rule is "
        f"online; sha256 {kept.digest[:12]}; feedback: {counts(feedback)}"
    )
