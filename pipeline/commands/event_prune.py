"""Deleting events for a user: by oneself, or by the run that holds the chain of evidence."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import typer

from pipeline.clock import SystemClock
from pipeline.errors import StoreError, UsageError
from pipeline.file_lock import locked_folder
from pipeline.retention.pruned import has_chain, undertaker
from pipeline.retention.request import Answer, Request, ask
from pipeline.store.event_store import EventStore
from pipeline.store.pruning import Pruned, Pruning

Key = Callable[[], Path | None]
"""The file of the key that signs the chain, where a configuration names one."""


def prune_as_asked(store: EventStore, request: Request, *, key: Key) -> int:
    """Delete, say so in the chain where there is one, and tell the user; how many events went.

    Raises ``StoreError`` where another process holds the chain and takes nothing up.
    """
    folder = store.address.folder
    pruning = store.pruning(request.wanted, before_ns=request.before_ns, with_dead=request.with_dead)
    if folder is None:
        if request.with_media:
            raise UsageError("--media: a URL does not say where the files lie; name the folder of results")
        print("a chain of evidence would not know of this: where the results have one, name their folder, not the URL")
        done = pruning.delete()
        conclude(done, dry_run=False)
        return done.events
    if not has_chain(folder):
        return _by_oneself(store, pruning, request, folder, key)
    with ExitStack() as held:
        if held.enter_context(locked_folder(folder)):
            return _by_oneself(store, pruning, request, folder, key)
        kept = pruning.count()
        typer.echo("a run adds to the chain of evidence: it is asked to delete them", err=True)

        def run_is_over() -> bool:
            with ExitStack() as tried:
                is_over = tried.enter_context(locked_folder(folder))
                if is_over:
                    held.push(tried.pop_all())  # no other run gets it now
                return is_over

        told = ask(folder, request, run_is_over=run_is_over)
        if told is not None and told.error:
            _conclude_run(told, kept, request)
            raise StoreError(f"the run could not go on with it: {told.error}")
        if told is not None and told.is_over:
            _conclude_run(told, kept, request)
            return told.events
        if told is not None:
            print(f"the run deleted {told.events:,} events ({told.messages:,} messages) and ended; the rest:")
        try:
            return _by_oneself(store, pruning, request, folder, key) + (0 if told is None else told.events)
        except StoreError as error:
            raise StoreError(f"{error}; no run took up the request to delete them") from error


def _by_oneself(store: EventStore, pruning: Pruning, request: Request, folder: Path, key: Key) -> int:
    file = key() if has_chain(folder) else None
    media = request.with_media
    with undertaker(folder, store, SystemClock(), why=request.why, with_media=media, key=file) as told:
        done = pruning.delete(told.tell)
        conclude(done, dry_run=False)
        if media:
            _tell_files(*told.remove_files())
    return done.events


def _conclude_run(told: Answer, kept: Pruned, request: Request) -> None:
    conclude(Pruned(told.events, told.messages, kept.protected, kept.undelivered, kept.open), dry_run=False)
    if request.with_media:
        _tell_files(told.files, told.size)


def _tell_files(number: int, size: int) -> None:
    print(f"deleted {number:,} files of theirs ({size / 1e6:,.1f} MB)")


def conclude(done: Pruned, *, dry_run: bool) -> None:
    """Tell the user what was deleted, or would be, and what stays."""
    print(f"{'would delete' if dry_run else 'deleted'} {done.events:,} events ({done.messages:,} messages)")
    for number, why in (
        (done.open, "not over"),
        (done.protected, "protected"),
        (done.undelivered, "not delivered to every sink, or dead letters (--dead), or no digest told of them yet"),
    ):
        if number:
            print(f"  kept {number:,}: {why}")
