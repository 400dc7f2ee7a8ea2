"""The output directory of a run: one run's at a time, one analysis's for good."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.configuration.config import PipelineConfig
from pipeline.errors import UsageError
from pipeline.file_lock import locked_folder
from pipeline.store.address import FILE as STORE_ADDRESS
from pipeline.store.address import STORE, StoreAddress, find_address, without_password, write_address
from pipeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

FOLDERS = ("logs", "media", "recordings", "tracks")
FILES = ("events.jsonl", "report.json", "analysis.json", "chain.jsonl", "releases.jsonl", "delivery.json")
APART = "originals"
"""Made by the evidence process, readable by its owner alone."""
STORES = (STORE, STORE_ADDRESS)
"""Where one of them lies, the folders beside it are Bartizan's."""


@contextmanager
def claimed_out(config: PipelineConfig) -> Iterator[Path]:
    """The output directory as an absolute path, made if absent and kept from other runs meanwhile.

    Raises ``UsageError`` when it is a file, cannot be made, or another run has it. The kernel lets go of it at the
    death of this process, however it dies.
    """
    out = config.out.absolute()
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {config.out}: there is a file of that name; name a directory")
    with ExitStack() as held:
        with _explained(config.out):
            out.mkdir(parents=True, exist_ok=True)
            is_ours = held.enter_context(locked_folder(out))
        if not is_ours:
            raise UsageError(f"--out {config.out}: another run is using it; name another directory")
        yield out


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
            shutil.rmtree(out / APART, ignore_errors=True)
            for name in FILES:
                (out / name).unlink(missing_ok=True)
    address = _address(config, out, overwrite=overwrite)
    if not overwrite and any(any((out / name).iterdir()) for name in FOLDERS):
        EventStore.open(address, analysis_sha256=None).close()  # the run goes on, so its store is there
    with _noted(address, out):
        source_order = list(config.cameras)
        EventStore.open(address, analysis_sha256=analysis, source_order=source_order, overwrite=overwrite).close()


@contextmanager
def _noted(address: StoreAddress, out: Path) -> Iterator[None]:
    """Note where the store is before it is made; nothing stays noted of one that could not be."""
    kept = out / STORE_ADDRESS
    before = kept.read_bytes() if kept.exists() else None
    with _explained(out):
        if address.is_file:
            kept.unlink(missing_ok=True)
        else:
            write_address(address, out)
    try:
        yield
    except BaseException:
        if before is None:
            kept.unlink(missing_ok=True)
        raise


def _address(config: PipelineConfig, out: Path, *, overwrite: bool) -> StoreAddress:
    """Where the events of this run lie. Raises ``UsageError`` where those of the run that it goes on with do not."""
    asked, kept = config.store, out / STORE_ADDRESS
    if asked.url is None:
        if kept.exists() and not overwrite:
            raise UsageError(f"--out {config.out}: its events lie on a server ({kept.name}): give store.url")
        return StoreAddress.of(out / STORE)
    url = asked.url.get_secret_value()
    if (out / STORE).exists():
        raise UsageError(f"--out {config.out}: its events lie in {STORE}, not at store.url; name another directory")
    if not kept.exists():
        return StoreAddress.new(url, out, asked.name)
    address = find_address(out, url)
    if asked.name not in ("", address.name):
        raise UsageError(f"--out {config.out}: its events lie under the name {address.name}, not {asked.name}")
    if without_password(url) != without_password(find_address(out).text):
        logger.warning("the server of the events in %s has another address than before", config.out)
    return address


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
    if any((out / name).exists() for name in STORES):
        return
    strangers = [name for name in FOLDERS if (out / name).exists() and any((out / name).iterdir())]
    if strangers:
        raise UsageError(
            f"--out {config.out}: {', '.join(strangers)} in there is not Bartizan's "
            f"(no {' or '.join(STORES)} lies beside it); name another directory"
        )
