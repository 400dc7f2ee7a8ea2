"""``bartizan deliver``: what has not reached its sink, sent now, sent again, or tried out beforehand."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from pipeline.clock import SystemClock
from pipeline.commands.console import table_console
from pipeline.commands.event_place import open_place
from pipeline.commands.letter_table import plain_letter, show_letters
from pipeline.commands.options import ConfigArgument, DrainTimeoutOption, JsonOption, SetOption, seconds
from pipeline.commands.outcome import tell_what_is_left
from pipeline.commands.sink_trial import Trial, try_sink
from pipeline.configuration.config import PipelineConfig, SinkConfig
from pipeline.configuration.defaults import default_config
from pipeline.configuration.kept_place import noted_configuration
from pipeline.configuration.loading import load_config
from pipeline.configuration.suggestions import did_you_mean, listed
from pipeline.errors import UsageError
from pipeline.flushing import flush as flush_outbox
from pipeline.flushing import unused
from pipeline.logs import configure
from pipeline.shutdown import Shutdown
from pipeline.store.event_store import EventStore
from pipeline.store.letters import STATES, UNSETTLED

app = typer.Typer(
    help="Look at what has not reached its sink, send it, send it again, and try sinks out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run's results.")]
PlaceArgument = Annotated[
    str, typer.Argument(metavar="DIR", help="Folder of results; also its configuration, events.db, or postgresql://...")
]
SinkOption = Annotated[list[str] | None, typer.Option("--sink", metavar="NAME", help="This sink; may be repeated.")]
NO_SOURCE = "synthetic:112x96@1?frames=1&recording=yes"
FAILED, LEFT, INTERRUPTED = 1, 4, 130


@app.command("list")
def list_letters(
    place: PlaceArgument,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help=f"{', '.join(STATES)}, all; default: pending and dead."),
    ] = None,
    sink: SinkOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """A line for each message that has not reached its sink: since when it waits, how often it was tried, and why it
    failed."""
    states = _states(state)
    with open_place(place) as store:
        _check_sinks(sink, store.letters.sinks(), f"{store.name} holds nothing for it")
        found = store.letters.page(states=states, sinks=sink or (), limit=limit + 1)
    shown = found[:limit]
    if as_json:
        print(json.dumps([plain_letter(each) for each in shown], indent=2))
        return
    if not shown:
        print(f"nothing is {' or '.join(states)}")
        return
    show_letters(shown, table_console(), time.time_ns())
    if len(found) > limit:
        print(f"more: --limit {2 * limit}")


@app.command()
def flush(
    folder: FolderArgument,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="CONFIG.yml", help="Where the sinks are described; default: as the run was told."
        ),
    ] = None,
    overrides: SetOption = None,
    sink: SinkOption = None,
    drain_timeout: DrainTimeoutOption = None,
) -> None:
    """Deliver what is left in a folder of results, without running the pipeline. Exit code 4 if something stays, 130 if
    it was told to stop before."""
    from pipeline.build import build_sinks

    limit_s = None if drain_timeout is None else seconds(drain_timeout, "--drain-timeout")
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name the results of a run")
    loaded = _configuration(folder, config, overrides or [])
    _check_sinks(sink, [each.name for each in loaded.sinks], "the configuration has no such sink")
    configure(loaded.logs.level, loaded.logs.format, process_title="bartizan: flush", stream=sys.stderr)
    clock, out = SystemClock(), folder.resolve()
    with unused(folder), open_place(str(folder)) as store, Shutdown() as shutdown:
        before = _pending(store, sink)
        sinks = [each for each in build_sinks(loaded, clock, out) if not sink or each.name in sink]
        flush_outbox(store, sinks, clock, limit_s=limit_s, is_over=lambda: shutdown.asked)
        left = store.letters.left(sink or ())
        after = _pending(store, sink)
    known = {each.name for each in loaded.sinks}
    for name in sorted(after.keys() | before.keys()):
        print(f"sink {name}: {before.get(name, 0) - after.get(name, 0):,} of {before.get(name, 0):,} settled")
    if not before:
        print("nothing waits")
    tell_what_is_left(left, str(folder), known=known)
    raise typer.Exit(0 if not after else INTERRUPTED if shutdown.asked else LEFT)


@app.command()
def resend(
    place: PlaceArgument,
    events: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EVENT]...", help="Events whose dead letters are meant; ids as in list."),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead letters.")] = False,
    sink: SinkOption = None,
) -> None:
    """Put dead letters back into the outbox. A run that goes on sends them; else: bartizan deliver flush."""
    if bool(events) == dead:
        raise UsageError("which dead letters? name events (bartizan deliver list --state dead), or --dead for all")
    with open_place(place) as store:
        _check_sinks(sink, store.letters.sinks(), f"{store.name} holds nothing for it")
        event_ids = None if dead else [_one(store, each) for each in events or ()]
        counts = store.letters.resend(sinks=sink or (), event_ids=event_ids)
    for name, count in sorted(counts.items()):
        print(f"sink {name}: {count:,} in the outbox again")
    if not counts:
        print("no dead letters there")


@app.command("test")
def try_sinks(
    config: ConfigArgument,
    sink: SinkOption = None,
    overrides: SetOption = None,
    timeout: Annotated[str, typer.Option("--timeout", metavar="TIME", help="For each sink, at most.")] = "60s",
    as_json: JsonOption = False,
) -> None:
    """Send a test alert, marked as one, through every sink, whatever its filters. Exit code 1 if one fails."""
    timeout_s = seconds(timeout, "--timeout")
    loaded = load_config(config, overrides or [])
    if not loaded.sinks:
        raise UsageError(f"{config}: has no sinks to be tried")
    _check_sinks(sink, [each.name for each in loaded.sinks], "the configuration has no such sink")
    chosen = [each for each in loaded.sinks if not sink or each.name in sink]
    trials = []
    for each in chosen:
        trial = try_sink(each, _camera_of(each, loaded), timeout_s=timeout_s)
        trials.append(trial)
        if not as_json:
            print(_told(trial, max(len(one.name) for one in chosen)), flush=True)
    if as_json:
        print(json.dumps([trial.plain() for trial in trials], indent=2))
    raise typer.Exit(FAILED if any(trial.error for trial in trials) else 0)


def _told(trial: Trial, width: int) -> str:
    name = f"{trial.name:<{width}}  {trial.kind:<8}  {trial.seconds:6.2f} s"
    return f"{name}  failed: {trial.error}" if trial.error else f"{name}  took the {' and the '.join(trial.taken)}"


def _camera_of(sink: SinkConfig, config: PipelineConfig) -> str:
    own: tuple[str, ...] = getattr(sink.options, "cameras", ())
    return next(iter(own or config.cameras))


def _configuration(folder: Path, file: Path | None, overrides: list[str]) -> PipelineConfig:
    """What the sinks are, as far as anybody says."""
    if file is not None:
        return load_config(file, overrides)
    noted = noted_configuration(folder)
    if noted is not None and not noted.is_file():
        raise UsageError(f"{noted}: the configuration of the run is not there any more; name one with --config")
    if noted is not None:
        return load_config(noted, overrides)
    if not any(each.partition("=")[0].split(".")[0].strip() == "sinks" for each in overrides):
        raise UsageError(
            f"{folder}: its run had no file that names its sinks: --config CONFIG.yml, or --set 'sinks=[...]' as the "
            "run was given it"
        )
    return default_config([NO_SOURCE], overrides=overrides)


def _states(given: list[str] | None) -> list[str]:
    for each in given or ():
        if each not in (*STATES, "all"):
            raise UsageError(f"--state {each}: there is no such state{did_you_mean(each, STATES) or ','} allowed: "
                             f"{listed([*STATES, 'all'])}")  # fmt: skip
    return list(STATES) if "all" in (given or ()) else given or list(UNSETTLED)


def _check_sinks(given: list[str] | None, known: list[str], problem: str) -> None:
    for name in given or ():
        if name not in known:
            near = did_you_mean(name, known) or ";"
            raise UsageError(f"--sink {name}: {problem}{near} there are: {listed(known)}")


def _pending(store: EventStore, sinks: list[str] | None) -> dict[str, int]:
    """Messages and digests on their way, by sink."""
    counts: dict[str, int] = {}
    for left in store.letters.left(sinks or ()):
        if left.state == "pending":
            counts[left.sink] = counts.get(left.sink, 0) + left.count
    return counts


def _one(store: EventStore, name: str) -> str:
    found = store.catalogue.find(name.strip())
    if len(found) != 1:
        what = (
            f"fits {listed([each.event_id[:8] for each in found])}: give more of the id"
            if found
            else "is no event here"
        )
        raise UsageError(f"{store.name}: {name!r} {what}")
    return found[0].event_id
