"""``bartizan export``: events with all that proves them, to be handed to others."""

import os
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from pipeline.clock import SystemClock
from pipeline.commands.options import OutOption
from pipeline.errors import BartizanError, StoreError, UsageError
from pipeline.integrity.chain import FILE as CHAIN
from pipeline.integrity.chain import read_chain
from pipeline.integrity.clip_maker import ClipMaker
from pipeline.integrity.entry import Entry
from pipeline.integrity.handover import Handover
from pipeline.integrity.package import pack
from pipeline.integrity.release import FILE
from pipeline.integrity.site_key import VARIABLE, SiteKey, key_path
from pipeline.integrity.witness import Witness
from pipeline.role_key import RoleKey
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore
from pipeline.wall import rfc3339
from pipeline.worker import Every

PROGRESS_S = 3.0


def export(
    events: Annotated[list[str], typer.Argument(metavar="EVENT...", help="Ids, or their beginnings.")],
    out: OutOption = None,
    package: Annotated[
        Path | None, typer.Option("-o", "--package", metavar="FOLDER", help="The package; default: evidence-EVENT.")
    ] = None,
    originals: Annotated[
        bool, typer.Option("--originals", help="Also pictures and clips in which nobody is hidden; that is noted.")
    ] = False,
    role_key: Annotated[
        Path | None,
        typer.Option("--role-key", metavar="FILE", help="Private key of a role: opens originals that are sealed."),
    ] = None,
) -> None:
    """Write a package of evidence: messages, pictures, clips, the proof, a page, and a script that checks it."""
    results = out or Path("results")
    if not results.is_dir():
        raise UsageError(f"{results}: no such folder; name the results of a run with --out")
    if role_key is not None and not originals:
        raise UsageError("--role-key opens originals: say --originals, too")
    folder = package or Path(f"evidence-{events[0][:8]}")
    handover = _handover(results, folder, role_key) if originals else None
    clips = ClipMaker(results, _signing(results), rfc3339(SystemClock().wall_ns()), _Progress())
    try:
        with EventStore.open(find_address(results), analysis_sha256=None) as store:
            try:
                packed = pack(results, store, events, folder, handover=handover, clips=clips)
            finally:
                if handover is not None and handover.noted:
                    _enter(results, store)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
    if handover is not None:
        _tell(handover)
    for name in packed.absent:
        typer.echo(
            f"not in it: {name} (gone, still to come, or not in the chain: bartizan verify says which)", err=True
        )
    for name, why in packed.undecoded.items():
        typer.echo(f"not in it: {name}: nobody could be hidden in it: {why}", err=True)
    for name in packed.withheld:
        why = "clips are not sealed, so where there are roles it takes the key of one (--role-key)"
        typer.echo(f"not in it: {name} as it was: {why}", err=True)
    if packed.key and clips.statements and clips.key is None:
        missing = f"the key of the site is not here ({VARIABLE} says where it is)"
        typer.echo(f"not signed: what the clips in it were made from: {missing}", err=True)
    for told in packed.deleted.values():
        typer.echo(f"not in it: {told}", err=True)
    signed = f"signed by {packed.key}" if packed.key else "not signed"
    typer.echo(f"{packed.folder}: {packed.events} events, {packed.files} files, {signed}")
    typer.echo(f"look at it: {packed.folder}/index.html; check it: python3 {packed.folder}/verify.py")


class _Progress:
    """Says now and then how far a clip is."""

    def __init__(self) -> None:
        self._due = Every(PROGRESS_S, SystemClock())
        self._due.due()  # nobody waits for what is done at once

    def __call__(self, name: str, pictures: int, of: int) -> None:
        if self._due.due():
            typer.echo(f"{name}: people are hidden in {pictures} of {of or '?'} pictures", err=True)


def _signing(results: Path) -> SiteKey | None:
    """The key that signed the chain of these results; None where whoever exports does not have it."""
    try:
        first = next(read_chain(results / CHAIN), None)
        key = SiteKey.load(key_path()) if key_path().is_file() else None
    except (BartizanError, OSError):
        return None
    is_its = key is not None and isinstance(first, Entry) and (first.kind, first.name) == ("site", key.public)
    return key if is_its else None


def _handover(results: Path, folder: Path, role_key: Path | None) -> Handover:
    key = RoleKey.load(role_key) if role_key is not None else None
    return Handover(results, by=_user(), to=str(folder), at=rfc3339(SystemClock().wall_ns()), key=key)


def _tell(handover: Handover) -> None:
    """What was handed out, and how."""
    shown = handover.noted - len(handover.sealed) - len(handover.refused)
    if shown:
        typer.echo(f"{shown} originals handed out, as {FILE} says: they show people whom the events are not about")
    if handover.sealed:
        told = "the key of a role opens them (--role-key, or the tool age)"
        typer.echo(f"{len(handover.sealed)} originals handed out sealed, as {FILE} says: {told}")
    for fault in handover.unopened:
        typer.echo(f"not opened: {fault}", err=True)


def _enter(results: Path, store: EventStore) -> None:
    """Have the chain take over what was handed out, unless a run that goes on does, or its key lies elsewhere."""
    try:
        first = next(read_chain(results / CHAIN))
        is_signed = isinstance(first, Entry) and first.kind == "site"
        key = SiteKey.load(key_path()) if is_signed else None
        if key is not None and isinstance(first, Entry) and first.name != key.public:
            raise StoreError("its chain is signed by another key")
        with Witness(results, store, key, SystemClock()) as seeing:
            seeing.catch_up()
    except (BartizanError, OSError) as error:
        typer.echo(f"the next look of a run enters that in {CHAIN}: {error}", err=True)


def _user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):  # of a container, without a name
        return f"user {os.getuid()}"
