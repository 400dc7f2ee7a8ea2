"""Asking the run that holds the chain to delete events: a request and its answers, two files in the results.

Who asks keeps the request locked for as long as it waits, so that nobody carries out what nobody waits for any more.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from pipeline.errors import UsageError
from pipeline.store.catalogue import Wanted
from pipeline.whole_file import write_whole

REQUEST, ANSWER = "prune.json", "prune.answer.json"
LOOK_S = 0.1
TAKEN_UP_S = 10.0
"""A run that has not taken it up by then does not: a run looks several times a second."""
SILENT_S = 60.0
"""A run that took it up and says nothing for so long is not at work on it any more."""
_ENCODE = msgspec.json.encode


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events are to go."""

    id: str
    """Of this request and no other."""
    before_ns: int
    """Those that ended before this UTC."""
    cameras: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    with_dead: bool = False
    with_media: bool = False
    why: str = ""
    """For the tombstones."""

    @property
    def wanted(self) -> Wanted:
        """The filter."""
        return Wanted(cameras=self.cameras, severities=self.severities)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What has become of it so far."""

    id: str
    events: int = 0
    messages: int = 0
    files: int = 0
    size: int = 0
    """Bytes of the files."""
    is_over: bool = False
    error: str = ""
    """Why it ended early."""


def ask(out: Path, request: Request, *, run_is_over: Callable[[], bool]) -> Answer | None:
    """Ask, and wait for what becomes of it; None where nobody took it up. An answer that is not over: the run ended
    first, or is silent. Raises ``UsageError`` while another request stands."""
    with _standing(out, request):
        last: Answer | None = None
        heard_s = looked_s = time.monotonic()
        while True:
            if (found := said_of(out, request)) not in (None, last):
                last, heard_s = found, time.monotonic()
            if last is not None and last.is_over:
                return last
            now_s = time.monotonic()
            if now_s - heard_s > (TAKEN_UP_S if last is None else SILENT_S):
                return last
            if now_s - max(heard_s, looked_s) > 1.0:
                looked_s = now_s
                if run_is_over():
                    return last
            time.sleep(LOOK_S)


def answer_to(out: Path, answer: Answer) -> None:
    """Say how far it is. Raises ``OSError``."""
    write_whole(out / ANSWER, [_ENCODE(answer)], flush=False)


def said_of(out: Path, request: Request) -> Answer | None:
    """What was answered to it so far, by this run or one before it."""
    try:
        answer = msgspec.json.decode((out / ANSWER).read_bytes(), type=Answer)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return answer if answer.id == request.id else None


def standing(out: Path) -> Request | None:
    """What is asked for now. Raises ``UsageError`` for what this version does not understand."""
    path = out / REQUEST
    try:
        with path.open("rb") as file:
            if not _is_locked(file):
                return None
            return msgspec.json.decode(file.read(), type=Request)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: is no request of this version of Bartizan: {error}") from error


@contextmanager
def _standing(out: Path, request: Request) -> Iterator[None]:
    path, part = out / REQUEST, out / f".{REQUEST}.{request.id}"
    try:
        with part.open("xb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(_ENCODE(request))
            file.flush()
            _put(part, path)
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
                (out / ANSWER).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{error.filename or path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _put(part: Path, path: Path) -> None:
    """Give the request its name, which another one that still stands keeps."""
    try:
        os.link(part, path)
    except FileExistsError:
        with path.open("rb") as other:
            if _is_locked(other):
                raise UsageError(f"{path}: another prune is waiting for this run; wait for its end") from None
        part.replace(path)


def _is_locked(file: BinaryIO) -> bool:
    """Whether who asked still waits."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
