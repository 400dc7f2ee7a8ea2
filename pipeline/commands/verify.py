"""``bartizan verify``: is the evidence of a run as it was when it was taken note of?"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from pipeline.errors import UsageError
from pipeline.integrity.verification import Verified
from pipeline.integrity.verification import verify as verified_of
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore

NOT_INTACT = 1
SHOWN = 50
"""Findings that are shown one by one; ``--json`` has all."""


def verify(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Results of a run.")],
    key: Annotated[
        str, typer.Option(metavar="HEX", help="Public key of the site that must have signed; default: the chain's own.")
    ] = "",
    deleted: Annotated[bool, typer.Option("--deleted", help="List what was deleted as wished, and why.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hold every event and file against the chain, and name what was altered, removed or inserted.

    Exit code 1 if anything was.
    """
    if not out.is_dir():
        raise UsageError(f"{out}: no such folder; name the results of a run")
    with EventStore.open(find_address(out), analysis_sha256=None) as store:
        verified = verified_of(out, store, key=key.lower())
    if as_json:
        facts = {"intact": verified.intact, **asdict(verified)}
        if not deleted:
            del facts["tombstones"]
        print(json.dumps(facts, indent=1))
    else:
        if deleted:
            _list_deleted(verified)
        _tell(verified, out)
    if not verified.intact:
        raise typer.Exit(NOT_INTACT)


def _list_deleted(verified: Verified) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for each in verified.tombstones:
        console.print(f"deleted {escape(each.name)} at {each.taken}: {escape(each.why)}")


def _tell(verified: Verified, out: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in verified.findings[:SHOWN]:
        console.print(f"[red]{finding.fault}[/red] {escape(finding.name)}: {escape(finding.about)}")
    if len(verified.findings) > SHOWN:
        console.print(f"and {len(verified.findings) - SHOWN} more (--json has all)")
    if verified.left:
        number, first = len(verified.left), escape(verified.left[0])
        told = "the next run removes files, but for those of events that the store has kept: these stay"
        console.print(f"{number} of what was to be deleted are still there, such as {first}: {told}")
    counted = f"{verified.events} events and {verified.files} files, {verified.deleted} deleted as wished"
    if verified.intact:
        console.print(f"[green]intact[/green]: {escape(str(out))} is as it was taken note of: {counted}")
    else:
        console.print(f"[red]not intact[/red]: {len(verified.findings)} findings in {counted}")
    signed = f"signed by {verified.key}" if verified.key else "not signed: whoever can write there can write it anew"
    console.print(f"{signed}; head of the chain: entry {verified.entries}, {verified.head[:16]}")
