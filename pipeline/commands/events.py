"""``bartizan events``: look at what was raised, take it elsewhere, delete what is old."""

import json
import time
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from pipeline.commands.console import table_console
from pipeline.commands.event_export import export_to
from pipeline.commands.event_filter import (
    PlaceArgument,
    complain_of_strangers,
    filtered,
    moment_ns,
    refuse_other_than_text,
)
from pipeline.commands.event_place import key_file, open_place
from pipeline.commands.event_prune import conclude, prune_as_asked
from pipeline.commands.event_table import SHORT, as_plain, show_list, show_one
from pipeline.commands.options import JsonOption
from pipeline.configuration.suggestions import listed
from pipeline.errors import UsageError
from pipeline.file_lock import locked_folder
from pipeline.retention.pruned import deletions_of
from pipeline.retention.request import Request
from pipeline.store.catalogue import Alarm, Catalogue, Wanted
from pipeline.store.event_store import EventStore

app = typer.Typer(
    help="List, show, export and prune the events of a run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="An event or one of its messages; its beginning will do.")
]


class Format(StrEnum):
    """What a file of events is."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@app.command("list")
@filtered()
def list_events(
    place: PlaceArgument,
    *,
    wanted: Wanted,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    after: Annotated[
        str | None, typer.Option("--after", metavar="ID", help="Go on behind this event, the last of a page.")
    ] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="The oldest first, not the newest.")] = False,
    as_json: JsonOption = False,
) -> None:
    """A line for each event, the newest first."""
    with open_place(place) as store:
        catalogue = store.catalogue
        last = None if after is None else _one(catalogue, after, store.name)
        order: str = "oldest" if oldest else "newest"
        found = catalogue.page(wanted, limit=limit + 1, after=last, order="oldest" if oldest else "newest")
        if not found:
            complain_of_strangers(catalogue, wanted)
    shown, is_more = found[:limit], len(found) > limit
    if as_json:
        print(json.dumps([as_plain(alarm) for alarm in shown], indent=2))
        return
    if not shown:
        print("no events")
        return
    show_list(shown, table_console())
    if is_more:
        print(f"more, {order} first: --after {shown[-1].event_id[:SHORT]}")


@app.command()
def show(place: PlaceArgument, event: IdArgument, as_json: JsonOption = False) -> None:
    """Everything about one event: its messages, what became of each at each sink, and what the governor decided."""
    with open_place(place) as store:
        alarm = _one(store.catalogue, event, store.name)
        messages = store.catalogue.messages(alarm.event_id)
        deliveries = store.catalogue.deliveries(alarm.event_id)
        names = {name for each in messages for name in each.event.evidence.values()}
        deleted = deletions_of(store.address.folder, names)
    if as_json:
        print(json.dumps({**as_plain(alarm, messages, deliveries), "deleted": deleted}, indent=2))
    else:
        show_one(alarm, messages, deliveries, table_console(), deleted=deleted)


@app.command()
@filtered()
def export(
    place: PlaceArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is the terminal.")],
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: what the name of the file ends with.")
    ] = None,
    *,
    wanted: Wanted,
) -> None:
    """Write events to a file, the oldest first: a row each (csv, parquet), or all their messages (jsonl)."""
    endings = {f".{each.value}": each for each in Format}
    chosen = form or endings.get(output.suffix)
    if chosen is None:
        raise UsageError(f"--output {output}: say --format, or end its name with {listed(endings)}")
    with open_place(place) as store:
        store.survey()
        number = export_to(output, store.catalogue, wanted, form=chosen.value)
    typer.echo(f"{number:,} events in {output}", err=True)


@app.command()
@filtered("camera", "severity")
def prune(
    place: PlaceArgument,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Events that ended so long ago (30d) or before a date.")
    ],
    *,
    wanted: Wanted,
    dead: Annotated[bool, typer.Option("--dead", help="Those with dead letters, too, which cannot be resent.")] = False,
    media: Annotated[bool, typer.Option("--media", help="Their clips and snapshots, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete old events with their messages, deliveries and decisions. Never one that is open, protected, or not
    delivered. The chain of evidence says what was deleted; a run that adds to it is asked to do it."""
    before_ns = moment_ns(older_than, "--older-than", time.time_ns())
    with open_place(place) as store:
        store.survey()
        pruning = store.pruning(wanted, before_ns=before_ns, with_dead=dead)
        if dry_run:
            conclude(pruning.count(), dry_run=True)
            return
        request = Request(
            id=token_hex(8),
            before_ns=before_ns,
            cameras=wanted.cameras,
            severities=wanted.severities,
            with_dead=dead,
            with_media=media,
            why=f"bartizan events prune --older-than {older_than}",
        )
        if prune_as_asked(store, request, key=lambda: key_file(place)):
            _shrink(store)
            folder = store.address.folder
            if folder is not None and (folder / "events.jsonl").exists():
                kept = "events.jsonl is as it was" if media else "events.jsonl and media/ are as they were"
                print(f"{kept}: the run's own record, deleted with its folder")


@app.command()
def protect(place: PlaceArgument, event: IdArgument) -> None:
    """Keep an event from being pruned."""
    _protect(place, event, protected=True)


@app.command()
def unprotect(place: PlaceArgument, event: IdArgument) -> None:
    """Let an event be pruned again."""
    _protect(place, event, protected=False)


def _protect(place: str, event: str, *, protected: bool) -> None:
    with open_place(place) as store:
        alarm = _one(store.catalogue, event, store.name)
        store.catalogue.protect(alarm.event_id, protected=protected)
    print(f"{alarm.event_id}: {'protected' if protected else 'not protected'}")


def _one(catalogue: Catalogue, name: str, store: str) -> Alarm:
    refuse_other_than_text("event", name)
    found = catalogue.find(name.strip())
    if not found:
        raise UsageError(f"{store} has no event {name!r}; bartizan events list shows them")
    if len(found) > 1:
        raise UsageError(f"{name!r} fits {listed([each.event_id[:SHORT] for each in found])}; give more of the id")
    return found[0]


def _shrink(store: EventStore) -> None:
    """Make the file smaller, if no run needs it meanwhile."""
    address = store.address
    if not address.is_file:
        print("PostgreSQL uses the room again by itself (autovacuum); VACUUM FULL would give it back to the disk")
        return
    before = address.path.stat().st_size
    with locked_folder(address.path.parent) as is_unused:
        if is_unused:
            store.shrink()
            after = address.path.stat().st_size
            print(f"{address.path.name}: {before / 2**20:,.1f} MiB, now {after / 2**20:,.1f} MiB")
        else:
            print(f"{address.path.name} keeps its size while the run goes on, which uses the room again; "
                  "prune when it is over makes it smaller")  # fmt: skip
