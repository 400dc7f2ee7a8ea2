"""CURVE key pairs in files, one for each process that talks over tcp, and the rule which links need them.

A pair is two files: ``NAME.secret`` (mode 0600, never leaves its machine) and ``NAME.public`` (to be copied to those
who shall know this peer). Keys are Z85 text of 40 characters, as ZeroMQ takes them (RFC 26/CURVEZMQ, RFC 32/Z85).
"""

import ipaddress
import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from pipeline.errors import UsageError
from pipeline.private_file import read_private

Key = TypeVar("Key", bound="PublicKey")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_Z85 = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")


class Role(StrEnum):
    """What the holder of a key may be."""

    CAPTURE = "capture"
    WORKER = "worker"
    DISPATCH = "dispatch"
    FOLLOWER = "follower"
    """Follows the logs: alert and evidence."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What may be known of a peer: its name, its role, and its public key (Z85)."""

    name: str
    role: Role
    public: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"key name {self.name!r} is not allowed: letters, digits, '_', '-', '.', at most 64")
        if not _Z85.fullmatch(self.public):
            raise UsageError(f"public key of {self.name} is not a CURVE key: 40 characters of Z85 are wanted")


@dataclass(frozen=True, slots=True)
class KeyPair(PublicKey):
    """A key pair; the secret half stays out of every text."""

    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        PublicKey.__post_init__(self)
        if not _Z85.fullmatch(self.secret):
            raise UsageError(f"secret key of {self.name} is not a CURVE key: 40 characters of Z85 are wanted")


def make_key(folder: Path, name: str, role: Role) -> KeyPair:
    """A new key pair, written to ``folder`` (made, mode 0700, if missing). Raises ``UsageError`` if one is there."""
    import zmq

    public, secret = zmq.curve_keypair()
    pair = KeyPair(name, role, public.decode(), secret.decode())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = PublicKey(name, role, pair.public)
    _write(folder / f"{name}.secret", msgspec.json.encode(pair), mode=0o600)
    _write(folder / f"{name}.public", msgspec.json.encode(half), mode=0o644)
    return pair


def read_secret(path: Path) -> KeyPair:
    """A key pair from its secret file. Raises ``UsageError`` if others could read or replace it, or it is damaged."""
    return _decoded(read_private(path, called="secret key"), KeyPair, path)


def read_public(path: Path) -> PublicKey:
    """A peer's public half from its file. Raises ``UsageError``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: key cannot be read: {error.strerror}") from error
    return _decoded(data, PublicKey, path)


def own_key(folder: Path, role: Role) -> KeyPair:
    """The one key pair of this role in a folder. Raises ``UsageError`` if there is none, or more than one."""
    pairs = [pair for path in sorted(folder.glob("*.secret")) if (pair := read_secret(path)).role is role]
    if len(pairs) != 1:
        names = ", ".join(pair.name for pair in pairs) or "none"
        raise UsageError(f"{folder}: one secret key of role {role} is wanted, found: {names}; see `bartizan keys new`")
    return pairs[0]


def server_key(folder: Path) -> PublicKey:
    """The dispatcher's public key, as copied into a folder. Raises ``UsageError`` unless there is exactly one."""
    keys = [key for path in sorted(folder.glob("*.public")) if (key := read_public(path)).role is Role.DISPATCH]
    if len(keys) != 1:
        names = ", ".join(key.name for key in keys) or "none"
        raise UsageError(f"{folder}: one public key of role dispatch is wanted, found: {names}; copy NAME.public here")
    return keys[0]


def check_endpoint(endpoint: str, *, has_keys: bool, insecure: bool = False) -> None:
    """Raises ``UsageError`` for an endpoint that would send frames or boxes unencrypted off this machine.

    ``ipc`` and loopback tcp need no keys; any other tcp needs them, or ``insecure``. A host name other than
    ``localhost`` counts as off loopback: what it resolves to may change.
    """
    scheme, _, rest = endpoint.partition("://")
    if scheme in ("ipc", "inproc") and rest:
        return
    if scheme != "tcp" or not rest.rpartition(":")[0]:
        raise UsageError(f"endpoint {endpoint!r} is not allowed: ipc://PATH or tcp://HOST:PORT")
    if not (has_keys or insecure or _is_loopback(rest.rpartition(":")[0])):
        raise UsageError(
            f"endpoint {endpoint} would not be encrypted: make keys with `bartizan keys new`, or say insecure: true"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _decoded(data: bytes, kind: type[Key], path: Path) -> Key:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UsageError(f"{path}: not a key file of `bartizan keys`: {error}") from error


def _write(path: Path, data: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already: choose another name, or remove it first") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data + b"\n")
