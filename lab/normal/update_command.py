"""``bartizan normal update``: the next generation of a model of normal, from what a run has logged meanwhile."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from lab.normal.following import FEWEST_FRAMES, LONGEST_NS
from lab.normal.learn_command import size_kb
from lab.normal.reservoir import Terms, read_index
from lab.normal.update import Updated, update
from lab.normal.words import clips, lasting, left_words, promise, sample_words
from pipeline.clock import SECOND
from pipeline.errors import UsageError

USUAL = Terms()


def update_normal(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the model, as 'bartizan learn' made it.")],
    out: Annotated[Path, typer.Argument(metavar="RESULTS", help="Results of a run, which may go on.")],
    camera: Annotated[str, typer.Option(metavar="NAME", help="Default: the model's own.")] = "",
    ordinary: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Events of this rule are daily life: learn from them. Repeatable."),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(min=0.05, max=24, help=f"Hours kept of each quarter of the day; default {USUAL.most / 60:g}."),
    ] = None,
    half_life_days: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=365,
            help=f"What is so much older counts half as likely; default {USUAL.half_life_days:g}.",
        ),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help=f"Of the quarters of the day; default {USUAL.time_zone}.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on although an earlier generation was put in use (rollback).")
    ] = False,
    false_alarms_per_day: Annotated[
        float, typer.Option(min=1e-6, max=1e5, help="How many false alarms a day you accept; only printed here.")
    ] = 2.0,
) -> None:
    """Learn the next generation from a sample of all that was seen so far, the last days more than earlier ones.

    What alarmed, and times in which the camera was tampered with, are never learned. Options once given stay. To be
    called once a day, by a timer; where nothing is new, nothing is written.
    """
    terms = _terms(folder, hours, half_life_days, time_zone)
    done = update(folder, out, camera=camera, terms=terms, ordinary=tuple(ordinary or ()), resume=resume)
    _tell(done, folder, false_alarms_per_day)


def _terms(folder: Path, hours: float | None, half_life_days: float | None, time_zone: str | None) -> Terms:
    index = read_index(folder)
    before = USUAL if index is None else index.terms
    if time_zone is not None:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UsageError(f"--time-zone {time_zone}: unknown; write it like 'Europe/Berlin'") from None
    return Terms(
        before.most if hours is None else max(round(hours * 60), 1),
        before.half_life_days if half_life_days is None else half_life_days,
        time_zone or before.time_zone,
    )


def _tell(done: Updated, folder: Path, budget: float) -> None:
    for line in done.dropped:
        typer.echo(line, err=True)
    gathered = done.gathered
    typer.echo(
        f"looked at {lasting(gathered.seconds)} that are new; sample: {sample_words(done.hours, done.stretches)}"
    )
    if gathered.short_s >= 1:
        typer.echo(
            f"  passed over: {lasting(gathered.short_s)} in pieces of fewer than {FEWEST_FRAMES} frames between breaks "
            f"or in {LONGEST_NS / SECOND / 60:.0f} minutes"
        )
    if gathered.later_s:
        when = datetime.fromtimestamp(gathered.latest_ns // SECOND, UTC)
        typer.echo(
            f"  passed over: {lasting(gathered.later_s)} that by their clock are still to come "
            f"(up to {when:%Y-%m-%d %H:%M} UTC); set the clock of the camera's machine"
        )
    if done.stored is None or done.taught is None:
        typer.echo(f"{folder}: {done.waits}; no new generation")
        return
    for line in left_words(done.taught.left):
        typer.echo(f"  {line}")
    learned = done.taught.learned
    for line in promise(learned.calibration, budget):
        typer.echo(f"  {line}")
    manifest = done.stored.manifest
    typer.echo(
        f"{folder}: generation {manifest.generation}, from {lasting(learned.footage.seconds)}: "
        f"{clips(learned.footage)}; {size_kb(done.stored)} kB, sha256 {done.stored.digest[:12]}"
    )
