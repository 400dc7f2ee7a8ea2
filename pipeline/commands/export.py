"""``bartizan export``: events with all that proves them, to be handed to others."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import OutOption
from pipeline.errors import UsageError
from pipeline.integrity.package import pack
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore


def export(
    events: Annotated[list[str], typer.Argument(metavar="EVENT...", help="Ids, or their beginnings.")],
    out: OutOption = None,
    package: Annotated[
        Path | None, typer.Option("-o", "--package", metavar="FOLDER", help="The package; default: evidence-EVENT.")
    ] = None,
) -> None:
    """Write a package of evidence: messages, pictures, clips, the proof, a page, and a script that checks it."""
    results = out or Path("results")
    if not results.is_dir():
        raise UsageError(f"{results}: no such folder; name the results of a run with --out")
    folder = package or Path(f"evidence-{events[0][:8]}")
    try:
        with EventStore.open(find_address(results), analysis_sha256=None) as store:
            packed = pack(results, store, events, folder)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
    for name in packed.absent:
        typer.echo(f"not in it: {name} (deleted, still to come, or not in the chain)", err=True)
    signed = f"signed by {packed.key}" if packed.key else "not signed"
    typer.echo(f"{packed.folder}: {packed.events} events, {packed.files} files, {signed}")
    typer.echo(f"look at it: {packed.folder}/index.html; check it: python3 {packed.folder}/verify.py")
