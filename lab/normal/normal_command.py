"""``bartizan normal``: look at a camera's model of normal, go back, forget it, carry it elsewhere."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from lab.normal.archive import export as export_to
from lab.normal.archive import take_in
from lab.normal.feedback_command import app as feedback
from lab.normal.keeping import KEPT, forget, go_back, prune
from lab.normal.learn_command import size_kb
from lab.normal.reservoir import read_index
from lab.normal.telling import counts
from lab.normal.update_command import update_normal
from lab.normal.words import BUDGETS, advised_mode, budget_table, clips, feature_table, lasting, rate, reservoir_words
from pipeline.errors import UsageError
from stages.alert.normal.feedback import read_feedback
from stages.alert.normal.store import Stored, generations, listed, read

app = typer.Typer(help="Look at a camera's model of normal, go back, forget it, carry it.", no_args_is_help=True)
app.add_typer(feedback, name="feedback")

app.command("update")(update_normal)
DirArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the model, as 'bartizan learn' made it.")]
GenerationOption = Annotated[int | None, typer.Option(min=1, help="Default: the one in use.")]


@app.callback()
def normal_group() -> None:
    """Look at a camera's model of normal, go back, forget it, carry it."""


@app.command("show")
def show(
    folder: DirArgument,
    generation: GenerationOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What it was learned from, what is usual, and what each number of false alarms makes the threshold."""
    stored = read(folder, generation=generation)
    if as_json:
        typer.echo(msgspec.json.encode(facts_of(stored, folder)).decode())
        return
    manifest, calibration, footage = stored.manifest, stored.calibration, stored.manifest.footage
    console = Console(soft_wrap=True, highlight=False, markup=False)
    there = listed(generations(folder))
    console.print(f"camera {manifest.camera}: generation {manifest.generation} of {there}; {size_kb(stored)} kB")
    console.print(f"  sha256 {stored.digest}")
    console.print(f"  after {manifest.parent or 'none'}")
    console.print(f"  detector {manifest.detector or 'unknown'}; made by Bartizan {manifest.created_by}")
    console.print(
        f"  {lasting(footage.seconds)} of normal footage: {clips(footage)}; {footage.fps:.1f} frames a second"
    )
    if (said := read_feedback(stored)).given:
        console.print(f"  feedback: {counts(said)}; see 'bartizan normal feedback list {folder}'")
    if sample := _reservoir(folder):
        console.print(f"  sample for updates: {sample}")
    counting = calibration.counting
    console.print(
        f"  an alarm: {counting.enter_s:g} s above the threshold, over after {counting.exit_s:g} s below, "
        f"none of the same object for {counting.rearm_s:g} s"
    )
    console.print()
    console.print(feature_table(stored))
    console.print()
    console.print(budget_table(calibration))
    console.print(
        f"raised: in the {lasting(calibration.seconds)} that calibrated. Fewer than "
        f"{rate(calibration.smallest_budget_per_day)} is extrapolated: an exponential tail is assumed, "
        "and `mode: auto` stays in shadow."
    )


def _reservoir(folder: Path) -> str:
    """In words; empty where there is none."""
    try:
        index = read_index(folder)
    except UsageError as error:
        return str(error)
    return "" if index is None else reservoir_words(index)


@app.command("rollback")
def rollback(
    folder: DirArgument,
    to: Annotated[int | None, typer.Option(min=1, help="Generation; default: the one before.")] = None,
) -> None:
    """Put an earlier generation in use. Nothing is deleted; --to goes forward again."""
    stored = go_back(folder, to)
    typer.echo(
        f"{folder}: generation {stored.manifest.generation} is in use from the next start on; "
        "at once where a rule is online"
    )


@app.command("reset")
def reset(
    folder: DirArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget what is normal: delete all generations and crops."""
    number = len(generations(folder))
    if number and not yes and not typer.confirm(f"delete {number} generations in {folder}?"):
        raise typer.Exit(1)
    typer.echo(f"{folder}: {forget(folder)} generations deleted; 'bartizan learn' starts anew")


@app.command("prune")
def prune_old(
    folder: DirArgument,
    keep: Annotated[int, typer.Option(min=1, help="So many models stay, the last ones, with their feedback.")] = KEPT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete old generations. Runs that went by one of them can then not be started again, nor replayed."""
    question = f"delete all but the last {keep} models in {folder}? Runs that went by others cannot be replayed then"
    read(folder)
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)
    gone = prune(folder, keep)
    typer.echo(f"{folder}: {len(gone)} generations deleted{f': {listed(gone)}' if gone else ''}")


@app.command("export")
def export(
    folder: DirArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Where to.")],
    generation: GenerationOption = None,
) -> None:
    """Write one generation as one file, without crops. The same generation gives the same bytes."""
    stored = read(folder, generation=generation)
    export_to(stored, file)
    left = len(stored.manifest.exemplars)
    crops = f"; {left} crops stay here" if left else ""
    typer.echo(f"{file}: camera {stored.manifest.camera}, generation {stored.manifest.generation}{crops}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What 'export' wrote.")], folder: DirArgument
) -> None:
    """Put an exported generation into a camera's folder, and in use. Every digest is checked."""
    stored = take_in(file, folder)
    typer.echo(f"{folder}: camera {stored.manifest.camera}, generation {stored.manifest.generation} is in use")


def facts_of(stored: Stored, folder: Path) -> dict[str, Any]:
    """What ``show`` shows, as plain values."""
    calibration = stored.calibration
    budgets = []
    for budget in BUDGETS:
        threshold = calibration.threshold(budget)
        budgets.append(
            {
                "false_alarms_per_day": budget,
                "threshold": threshold,
                "raised": calibration.alarms_at(threshold),
                "upper_rate_per_day": calibration.upper_rate_per_day(threshold),
                "extrapolated": calibration.extrapolated(threshold),
                "auto": advised_mode(calibration, budget),
            }
        )
    return {
        "generations": generations(folder),
        "sha256": stored.digest,
        "feedback": read_feedback(stored).counts(),
        "manifest": msgspec.to_builtins(stored.manifest),
        "budgets": budgets,
    }
