"""Turn a pickled checkpoint into a format that holds no code, in a process that can do no harm.

The process is an interpreter of its own without network (where the kernel lets us cut it off), without the caller's
environment, in a folder of its own, with limits. It is known by name only: what it needs is never loaded here.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import CannotStart, UsageError
from pipeline.models.inspection import inspect, require_trusted

PROGRAM = "lab.conversion"
FORMATS = ("onnx", "safetensors")
TIMEOUT_S = 900
NO_NETWORK = ("unshare", "--map-root-user", "--net")


@dataclass(frozen=True, slots=True)
class Converted:
    """A converted file, there until the block ends; ``isolated`` says whether the network was really cut off."""

    path: Path
    isolated: bool


@contextmanager
def converted(source: Path, form: str) -> Iterator[Converted]:
    """``source``, a torch checkpoint, as ``form``. Raises ``UsageError`` if it cannot be trusted or converted."""
    if form not in FORMATS:
        raise UsageError(f"--convert {form}: allowed are {', '.join(FORMATS)}")
    if require_trusted(source).format != "torch":
        raise UsageError(f"{source}: is no torch checkpoint, so there is nothing to convert")
    with TemporaryDirectory(prefix="bartizan-") as name:
        workshop = Path(name)
        copy, target = workshop / "model.pt", workshop / f"{source.stem}.{form}"
        shutil.copyfile(source, copy)
        isolated = _can_cut_network()
        _run([*(NO_NETWORK if isolated else ()), sys.executable, "-I", "-m", PROGRAM, copy, form, target], workshop)
        if not target.is_file() or inspect(target).format != form:
            raise CannotStart(f"{source}: converting it to {form} gave nothing usable")
        yield Converted(target, isolated)


def _run(command: list[str | Path], workshop: Path) -> None:
    places = dict.fromkeys(("HOME", "TMPDIR", "BARTIZAN_CACHE"), str(workshop))
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **places}
    try:
        outcome = subprocess.run(
            command, cwd=workshop, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CannotStart(f"converting took more than {TIMEOUT_S} s and was ended") from error
    if outcome.returncode:
        lines = outcome.stderr.strip().splitlines() or [f"it ended with {outcome.returncode}"]
        raise CannotStart(f"cannot be converted: {lines[-1][:300]}")


def _can_cut_network() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode == 0
