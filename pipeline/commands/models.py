"""``bartizan models``: weights by name. ``pull`` is the only command of Bartizan that fetches anything."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pipeline.commands.options import JsonOption
from pipeline.commands.transfer import Transfer
from pipeline.errors import CannotStart, UsageError
from pipeline.models import store
from pipeline.models.conversion import converted
from pipeline.models.download import Download
from pipeline.models.entry import Entry
from pipeline.models.inspection import inspect, require_trusted
from pipeline.models.lookup import entries, entry_of, is_name, location, missing
from pipeline.models.registry import ships
from pipeline.models.verification import digest, verify

app = typer.Typer(no_args_is_help=True, help="Weights that go by a name, pinned by SHA-256.")

NameArgument = Annotated[str, typer.Argument(help="Name of the model.")]


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """Show all models that are known by name, and which are on this machine. Computes no digest: see verify."""
    rows = [{**_facts(entry), "state": _state(entry), "path": str(location(entry))} for entry in entries()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        sha256 = row["sha256"][:12] or "not pinned"
        typer.echo(
            f"{row['name']:<20} {row['state']:<9} {row['task']:<9} {_size(row['bytes']):>9}  {row['licence']:<17} "
            f"{sha256:<12}  {row['description']}".rstrip()
        )


@app.command("pull")
def pull(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    trust_first: Annotated[
        bool, typer.Option("--trust-first", help="Nobody pinned this model yet: pin what arrives now.")
    ] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow http, without encryption.")] = False,
    timeout_s: Annotated[float, typer.Option(min=0.1, max=3600, help="Longest silence of the server, seconds.")] = 30,
) -> None:
    """Fetch a model: shows what, from where and how big, asks, verifies, stores. Goes on where it was cut off."""
    entry = entry_of(name)
    if entry.sha256 and location(entry).is_file() and digest(location(entry)) == entry.sha256:
        if (fault := _fault(entry, named=True)) is not None:
            raise UsageError(fault)
        typer.echo(f"{name} is here already, and whole: {location(entry)}")
        return
    if entry.bundled:
        raise CannotStart(missing(entry))
    _show(entry)
    _ask(yes)
    with Transfer(name) as transfer:
        download = Download(insecure, timeout_s, entry.bytes, typer.echo, transfer.show)
        path = store.pull(entry, download, trust_first=trust_first)
    typer.echo(f"{name}: {path}")
    typer.echo(f"sha256 {digest(path)}, {'as pinned' if entry.sha256 else 'pinned from now on'}")


@app.command("verify")
def verify_models(
    which: Annotated[str | None, typer.Argument(metavar="[NAME|FILE]", help="Default: all that are here.")] = None,
) -> None:
    """Compute digests, compare them with what was pinned, look into what does not ship. Exit code 1 for a fault."""
    if which is not None and not is_name(which):
        if not Path(which).exists():
            entry_of(which)  # says which names there are
        _verify_file(Path(which))
        return
    wanted = [entry for entry in entries() if which is None or entry.name == which]
    faults = [_fault(entry, named=which is not None) for entry in wanted]
    for entry, fault in zip(wanted, faults, strict=True):
        if fault is not None:
            typer.echo(fault, err=True)
        elif location(entry).is_file():
            typer.echo(f"ok       {entry.name:<20} {entry.sha256}")
        else:
            typer.echo(f"not here {entry.name}")
    if any(faults):
        raise typer.Exit(1)


@app.command("add")
def add(
    name: NameArgument,
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="A file is copied; a URL is fetched by pull only.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights, such as AGPL-3.0 or own.")] = "",
    task: Annotated[str, typer.Option(help="What it does: detect, classify, behaviour or embed.")] = "",
    classes: Annotated[str, typer.Option(help="Names of its classes, separated by commas.")] = "",
    description: Annotated[str, typer.Option(help="One line for the list.")] = "",
    sha256: Annotated[str, typer.Option(help="Digest that the file must have.")] = "",
    convert: Annotated[
        str, typer.Option(metavar="onnx|safetensors", help="Convert a .pt first, in a process without network.")
    ] = "",
) -> None:
    """Give weights a name and pin them. A .pt is looked into first, and refused if it could run foreign code."""
    remote = source.startswith(("http://", "https://"))
    known = is_name(name)
    if not known and not (licence and task):
        raise UsageError("--licence and --task are wanted: whose weights are these, and what do they do?")
    facts = {"name": name, "licence": licence, "task": task, "description": description, "sha256": sha256.lower()}
    names = [word.strip() for word in classes.split(",") if word.strip()]
    if remote:
        if convert:
            raise UsageError("--convert takes a file: pull the model first, then add the file under another name")
        store.register(_entry(**facts, classes=names, urls=[source]))
        typer.echo(
            f"{name} is known; nothing was fetched: bartizan models pull {name}{'' if sha256 else ' --trust-first'}"
        )
        return
    path = Path(source)
    if sha256 and digest(path) != sha256.lower():
        raise UsageError(f"{path}: sha256 is {digest(path)}, wanted is {sha256.lower()}; nothing was added")
    facts |= {"sha256": "", "file": "unknown"}
    entry = entry_of(name) if known else _entry(**facts, classes=names)
    if not convert:
        _report(store.add(entry, path))
        if path.suffix in (".pt", ".pth"):
            typer.echo(
                "a pickle, of known classes only; --convert onnx or safetensors would store it as no pickle at all"
            )
        return
    with converted(path, convert) as made:
        _report(store.add(entry, made.path))
    if not made.isolated:
        typer.echo("note: the network could not be cut off while converting (unshare is not permitted here)", err=True)


@app.command("remove")
def remove(name: NameArgument) -> None:
    """Delete a model that was pulled or added, and forget its digest if it was pinned here."""
    store.remove(entry_of(name))
    typer.echo(f"{name} is no longer on this machine")


def _entry(**facts: Any) -> Entry:
    try:
        return msgspec.convert(facts, Entry)
    except msgspec.ValidationError as error:
        raise UsageError(f"cannot be added: {error}") from error


def _report(added: store.Added) -> None:
    typer.echo(f"{added.entry.name}: {added.path}")
    typer.echo(f"sha256 {added.entry.sha256}, pinned")


def _show(entry: Entry) -> None:
    lines = {
        "model": f"{entry.name}  {entry.description}".rstrip(),
        "made by": entry.source or "unknown",
        "from": " or ".join(entry.urls),
        "size": _size(entry.bytes),
        "licence": entry.licence,
        "sha256": entry.sha256 or "not pinned: whatever arrives would be trusted (--trust-first)",
        "to": str(location(entry)),
    }
    for key, value in lines.items():
        typer.echo(f"{key:<8} {value}")


def _ask(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here; to fetch it, say --yes")
    if not typer.confirm("fetch it?"):
        raise typer.Exit(1)


def _verify_file(path: Path) -> None:
    found, sha256 = inspect(path), digest(path)
    same = [entry.name for entry in entries() if entry.sha256 == sha256]
    typer.echo(f"{path}: {found.format}, sha256 {sha256}, {f'is {same[0]}' if same else 'no model that is known'}")
    if not found.trusted:
        typer.echo(f"{path}: loading it would run foreign code: {', '.join(found.foreign)}", err=True)
        raise typer.Exit(1)


def _fault(entry: Entry, *, named: bool) -> str | None:
    path = location(entry)
    if not path.is_file():
        return missing(entry) if named or not entry.urls else None
    try:
        verify(entry.name, path, entry.sha256)
        if not ships(entry):
            require_trusted(path)
    except CannotStart as error:
        return str(error)
    except UsageError as error:
        return f"model {entry.name}: {error}; then: bartizan models remove {entry.name}"
    return None


def _state(entry: Entry) -> str:
    path = location(entry)
    if not path.is_file():
        return "missing" if entry.bundled else "not here"
    if entry.bytes and path.stat().st_size != entry.bytes:
        return "ALTERED"
    return "bundled" if entry.bundled else "here"


def _facts(entry: Entry) -> dict[str, Any]:
    return {field: getattr(entry, field) for field in entry.__struct_fields__}


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count} bytes" if count else "unknown"
