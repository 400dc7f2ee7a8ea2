"""``bartizan keys``: make key pairs, say who may talk to the dispatcher over tcp, and who may see originals."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from pipeline.configuration.settings import RoleName
from pipeline.errors import UsageError
from pipeline.role_key import RoleKey
from pipeline.wire.allow_list import AllowList, Peer, allow, revoke
from pipeline.wire.keys import Role, make_key, read_public, read_secret

ALLOWED = "allowed"
"""Name of the allow-list within the folder of keys."""

IDENTITY = ".identity"
"""Ends the name of a file with the private key of a role."""

app = typer.Typer(no_args_is_help=True, help="Keys for encrypted links between machines, and of roles.")

KeysDir = Annotated[Path, typer.Option("--keys-dir", help="Folder of the key files and the allow-list.")]


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Name of the process or machine that will hold the key.")],
    role: Annotated[Role, typer.Option(help="What the holder may be.")],
    keys_dir: KeysDir = Path("keys"),
) -> None:
    """Make a key pair: NAME.secret stays here, NAME.public goes to those who shall know this peer."""
    pair = make_key(keys_dir, name, role)
    public = keys_dir / f"{name}.public"
    print(f"{keys_dir / name}.secret  keep it on this machine")
    if role is Role.DISPATCH:
        print(f"{public}  copy it into the keys folder of every machine that connects")
    else:
        print(f"{public}  copy it to the dispatcher's machine, and there: bartizan keys allow {public.name}")
    print(f"public key: {pair.public}")


@app.command("role")
def role_key(
    name: Annotated[str, typer.Argument(help="Name of the role, such as investigator.")],
    keys_dir: KeysDir = Path("keys"),
) -> None:
    """Make the key of a role: originals are sealed for its public half, and NAME.identity opens them."""
    try:
        TypeAdapter(RoleName).validate_python(name)
    except ValidationError as error:
        raise UsageError(f"role {name!r} is not allowed: letters, digits, '_', '-', at most 64") from error
    path = keys_dir / f"{name}{IDENTITY}"
    key = RoleKey.make(path, name)
    typer.echo(f"{path}  take it off this machine and keep a copy: without it nobody opens what is sealed", err=True)
    print(f"integrity:\n  roles:\n    {name}: {key.public}")


@app.command("allow")
def allow_peer(
    public: Annotated[Path, typer.Argument(help="The peer's NAME.public file.")],
    camera: Annotated[
        list[str] | None, typer.Option(help="A capture may speak for these only; may be repeated.")
    ] = None,
    keys_dir: KeysDir = Path("keys"),
) -> None:
    """Let a peer in, with the role that its key was made for. A running dispatcher takes it up by itself."""
    key = read_public(public)
    allow(keys_dir / ALLOWED, Peer(key.name, key.role, key.public, tuple(camera or ())))
    print(f"{key.role} {key.name} is allowed in {keys_dir / ALLOWED}")


@app.command("revoke")
def revoke_peer(
    name: Annotated[str, typer.Argument(help="Name of the peer.")],
    keys_dir: KeysDir = Path("keys"),
) -> None:
    """Take a peer off the list; what it sends from now on is refused."""
    revoke(keys_dir / ALLOWED, name)
    print(f"{name} is no longer allowed in {keys_dir / ALLOWED}")


@app.command("list")
def list_keys(keys_dir: KeysDir = Path("keys")) -> None:
    """Show the key pairs of this folder and the peers that are allowed."""
    for path in sorted(keys_dir.glob("*.secret")):
        pair = read_secret(path)
        print(f"own      {pair.role:<9} {pair.name:<20} {pair.public}")
    for path in sorted(keys_dir.glob(f"*{IDENTITY}")):
        print(f"own      originals {path.stem:<20} {RoleKey.load(path).public}")
    if (keys_dir / ALLOWED).exists():
        for peer in AllowList(keys_dir / ALLOWED).peers():
            print(f"allowed  {peer.role:<9} {peer.name:<20} {peer.public}  {' '.join(peer.cameras) or 'any camera'}")
