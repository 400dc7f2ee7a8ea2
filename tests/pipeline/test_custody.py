"""The process that holds the chain takes note, deletes what is to go and what is asked for, and bears a full disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from pipeline.clock import ManualClock
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.configuration.retention import RetentionOptions
from pipeline.custody import Custody
from pipeline.integrity.site_key import VARIABLE, SiteKey
from pipeline.integrity.verification import verify
from pipeline.integrity.witness import Witness
from pipeline.retention import request as requests
from pipeline.retention.request import Request, said_of
from tests.full_disk import fill
from tests.pipeline.integrity.conftest import key, open_store, out
from tests.pipeline.retention.test_sweep import end

__all__ = ["key", "out"]
DAY_NS = 86_400 * 10**9
NOW_NS = 10**18


@pytest.fixture
def config() -> PipelineConfig:
    return replace(default_config(["synthetic:112x96@10"]), retention=RetentionOptions(recordings_days=1))


@contextmanager
def held(
    folder: Path, config: PipelineConfig, monkeypatch: pytest.MonkeyPatch, *, now_ns: int = NOW_NS
) -> Iterator[Custody]:
    """The chain of a folder, in the process that holds it."""
    monkeypatch.setenv(VARIABLE, str(folder.parent / "site" / "site.key"))
    with open_store(folder) as store:
        clock = ManualClock(monotonic_ns=1, wall_ns=now_ns)
        custody = Custody.open(folder, config, store, clock, lambda: None)
        try:
            yield custody
        finally:
            custody.close()


def test_what_is_new_is_noted_and_what_is_too_old_goes(
    out: Path, config: PipelineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(out)
    (out / "recordings" / "gate" / "2.mp4").write_bytes(b"another segment")
    with held(out, config, monkeypatch) as custody:
        custody.take_note()
        assert "recordings/gate/2.mp4" in custody.witness.chain.held
        custody.sweep()
        assert (out / "recordings" / "gate" / "1.mp4").exists(), "it is younger than a day"
    with held(out, config, monkeypatch, now_ns=NOW_NS + 2 * DAY_NS) as custody:
        custody.sweep()
        assert not (out / "recordings" / "gate" / "1.mp4").exists()
    with open_store(out) as store:
        assert verify(out, store).intact


def test_what_users_ask_for_is_done_step_by_step(
    out: Path, config: PipelineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(out)
    wish = Request(id="one", before_ns=NOW_NS, with_media=True)
    with held(out, config, monkeypatch) as custody, requests._standing(out, wish):
        while custody.step():
            pass
        told = said_of(out, wish)
    assert told is not None
    assert told.is_over
    assert told.events > 0


def test_without_anything_to_delete_by_nothing_is_deleted(out: Path, key: SiteKey) -> None:
    with open_store(out) as store:
        custody = Custody(Witness(out, store, key, ManualClock(wall_ns=NOW_NS)))
        custody.sweep()
        assert not custody.step()
        custody.close()


def test_a_chain_that_cannot_be_written_is_told_of_once_and_its_entries_wait(
    out: Path, key: SiteKey, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copytree(out, small_disk / "out")
    with open_store(folder) as store:
        custody = Custody(Witness(folder, store, key, ManualClock(wall_ns=NOW_NS)))
        many = [folder / "recordings" / "gate" / f"{n}.mp4" for n in range(100, 200)]
        for path in many:
            path.write_bytes(b"")
        ballast = fill(small_disk)
        for _ in range(3):
            custody.take_note()
        assert caplog.text.count("its entries wait") == 1
        ballast.unlink()
        custody.take_note()
        custody.close()
        assert verify(folder, store).findings == []
    assert caplog.text.count("its entries wait") == 1
