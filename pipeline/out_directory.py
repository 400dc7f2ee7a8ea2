"""The output directory of a run: one run's at a time, one analysis's for good."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.configuration.config import PipelineConfig
from pipeline.errors import UsageError
from pipeline.store.event_store import EventStore

FOLDERS = ("logs", "media", "tracks")
FILES = ("events.jsonl", "report.json", "analysis.json")
STORE = "events.db"
"""Where it lies, the folders beside it are Bartizan's."""


@contextmanager
def claimed_out(config: PipelineConfig) -> Iterator[Path]:
    """The output directory as an absolute path, made if absent and kept from other runs meanwhile.

    Raises ``UsageError`` when it is a file, cannot be made, or another run has it. The kernel lets go of it at the
    death of this process, however it dies.
    """
    out = config.out.absolute()
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {config.out}: there is a file of that name; name a directory")
    with _explained(config.out):
        out.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, config.out)
        yield out
    finally:
        os.close(descriptor)


def _lock(descriptor: int, out: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"--out {out}: another run is using it; name another directory") from error


def prepare_out(config: PipelineConfig, out: Path, analysis: str, *, overwrite: bool) -> None:
    """Make the folders and the event store, or see that they are this analysis's own.

    ``overwrite`` removes what an earlier run left, and nothing else. Raises ``UsageError`` when what is there belongs
    to another analysis, or to nothing that Bartizan made, or cannot be written.
    """
    with _explained(config.out):
        _refuse_strangers(config, out)
        for name in FOLDERS:
            if overwrite:
                shutil.rmtree(out / name, ignore_errors=True)
            (out / name).mkdir(exist_ok=True)
        if overwrite:
            for name in FILES:
                (out / name).unlink(missing_ok=True)
    source_order = list(config.cameras)
    EventStore.open(out / STORE, analysis_sha256=analysis, source_order=source_order, overwrite=overwrite).close()


def open_log(out: Path) -> BinaryIO:
    """``bartizan.log`` in the output directory, to be added to; both are made if absent. Raises ``UsageError``."""
    with _explained(out):
        out.mkdir(parents=True, exist_ok=True)
        return (out / "bartizan.log").open("ab")


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    """What the system says about the output directory, as a fault of the arguments."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}; name another directory") from error


def _refuse_strangers(config: PipelineConfig, out: Path) -> None:
    if (out / STORE).exists():
        return
    strangers = [name for name in FOLDERS if (out / name).exists() and any((out / name).iterdir())]
    if strangers:
        raise UsageError(
            f"--out {config.out}: {', '.join(strangers)} in there is not Bartizan's (no {STORE} lies beside it); "
            "name another directory"
        )
