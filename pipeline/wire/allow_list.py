"""Who may talk to the dispatcher over tcp, and as what.

A text file, one peer a line: ``ROLE NAME KEY [CAMERA ...]``. Empty lines and those that start with ``#`` are ignored.
A capture that names cameras may speak for those only. The file is read again when it changes, so that a peer is let
in or out without a restart; a change that cannot be read is reported and the list stays as it was.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import MessageError, UsageError
from pipeline.messages import (
    Answered,
    Candidates,
    CaptureHello,
    CaptureSync,
    ClassifyHello,
    CutDone,
    EndOfStream,
    EvidenceHello,
    Failed,
    Keep,
    Offer,
    Passed,
    ReaderHello,
    Result,
    Skip,
    StreamState,
    Wire,
    Wishes,
    WorkerHello,
)
from pipeline.wire.keys import PublicKey, Role

logger = logging.getLogger(__name__)

MAY_SEND: dict[Role, tuple[type, ...]] = {
    Role.CAPTURE: (CaptureHello, Offer, Skip, EndOfStream, StreamState, CaptureSync),
    Role.WORKER: (WorkerHello, Result, Failed, ClassifyHello, Answered),
    Role.FOLLOWER: (ReaderHello, Passed, Keep, Candidates, Wishes, EvidenceHello, CutDone),
    Role.DISPATCH: (),
}
"""The messages that the dispatcher takes from each role."""


@dataclass(frozen=True, slots=True)
class Peer(PublicKey):
    """A peer that is let in; ``cameras`` empty means any."""

    cameras: tuple[str, ...] = ()


class AllowList:
    """The peers of one file, by public key. Raises ``UsageError`` with file and line if it cannot be read at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self._peers = _read(path)

    def peer(self, public: str) -> Peer | None:
        """The peer with this public key, or None if it is not on the list."""
        self._refresh()
        return self._peers.get(public)

    def peers(self) -> list[Peer]:
        """All peers, in the file's order."""
        self._refresh()
        return list(self._peers.values())

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._peers = _read(self._path)
        except UsageError as error:
            logger.error("allow-list stays as it was: %s", error)


def allow(path: Path, peer: Peer) -> None:
    """Add a peer to the list in ``path``, which is made if missing.

    Raises ``UsageError`` if its key or name is on it already, or it is a dispatcher: those connect to nobody.
    """
    line = " ".join((peer.role, peer.name, peer.public, *peer.cameras))
    _parsed(line, str(path))
    peers = _read(path).values() if path.exists() else ()
    for other in peers:
        if peer.public == other.public or peer.name == other.name:
            raise UsageError(f"{path}: {other.role} {other.name} is allowed already, with key {other.public}")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(path, [*_lines(path), line])


def revoke(path: Path, name: str) -> None:
    """Take a peer off the list; what it sends from now on is refused. Raises ``UsageError`` if it is not on it."""
    peers = _read(path)
    if name not in {peer.name for peer in peers.values()}:
        known = ", ".join(peer.name for peer in peers.values()) or "nobody"
        raise UsageError(f"{path}: {name!r} is not allowed in the first place; allowed: {known}")
    _replace(path, [line for line in _lines(path) if _is_comment(line) or line.split()[1] != name])


def authorise(peer: Peer, message: Wire) -> None:
    """Raises ``MessageError`` if the role or the cameras of a peer do not cover what it sent."""
    kind = type(message)
    if kind not in MAY_SEND[peer.role]:
        raise MessageError(f"{peer.role} {peer.name} may not send {kind.__name__}")
    camera = _camera_of(message)
    if peer.cameras and camera is not None and camera not in peer.cameras:
        raise MessageError(f"{peer.role} {peer.name} may not speak for camera {camera!r}")


def _camera_of(message: Wire) -> str | None:
    match message:
        case Offer(frame=frame) | Skip(frame=frame):
            return frame.camera
        case CaptureHello(camera=camera) | EndOfStream(camera=camera):
            return camera
        case StreamState(camera=camera) | CaptureSync(camera=camera):
            return camera
        case _:
            return None


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _read(path: Path) -> dict[str, Peer]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: allow-list cannot be read: {error}; see `bartizan keys allow`") from error
    peers: dict[str, Peer] = {}
    for number, line in enumerate(lines, start=1):
        if not _is_comment(line):
            peer = _parsed(line, f"{path}:{number}")
            if peer.public in peers:
                raise UsageError(f"{path}:{number}: this key is {peers[peer.public].name}'s already")
            peers[peer.public] = peer
    return peers


def _parsed(line: str, place: str) -> Peer:
    role, name, public, *cameras = [*line.split(), "", ""][: max(3, len(line.split()))]
    if role not in MAY_SEND or role == Role.DISPATCH:
        known = ", ".join(known for known in MAY_SEND if known is not Role.DISPATCH)
        raise UsageError(f"{place}: role {role!r} is unknown; allowed: {known}")
    try:
        return Peer(name, Role(role), public, tuple(cameras))
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error


def _replace(path: Path, lines: list[str]) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text("".join(f"{line}\n" for line in lines))
    fresh.replace(path)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
