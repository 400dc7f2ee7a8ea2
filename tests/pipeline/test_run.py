"""What a run is made of, and what its exit code says."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.configuration.defaults import default_config
from pipeline.journal.log import LogWriter
from pipeline.messages import SCHEMA, EndRecord, Frame, FrameRecord, LogHeader, Record, Status
from pipeline.run import (
    CANNOT_START,
    DONE,
    INTERRUPTED,
    OUTBOX_LEFT,
    SOURCE_FAILED,
    end_reason,
    exit_code,
    resolved,
    roles_of,
)
from pipeline.supervisor.status import Status as RunStatus

FRAME = FrameRecord(Frame("gate", 0, 0, 0), Status.STATIC)


def log_of(path: Path, records: Sequence[Record]) -> Path:
    log = LogWriter.open(path, LogHeader(SCHEMA, "gate", False, "a", ""))
    for record in records:
        log.append(record)
    log.close()
    return path


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([], ""),
        ([FRAME], ""),
        ([FRAME, EndRecord(0, "eof")], "eof"),
        ([EndRecord(-1, "failed: no such file")], "failed: no such file"),
        ([FRAME, EndRecord(0, "stopped"), FRAME], ""),
        ([EndRecord(-1, "stopped"), FRAME, EndRecord(0, "eof")], "eof"),
    ],
)
def test_the_reason_of_an_end_is_that_of_the_last_record(tmp_path: Path, records: list[Record], reason: str) -> None:
    assert end_reason(log_of(tmp_path / "gate.log", records)) == reason


def test_a_log_longer_than_a_batch_is_read_to_its_end(tmp_path: Path) -> None:
    assert end_reason(log_of(tmp_path / "gate.log", [FRAME] * 5000 + [EndRecord(0, "eof")])) == "eof"


def test_a_camera_without_a_log_has_not_ended(tmp_path: Path) -> None:
    assert end_reason(tmp_path / "nowhere.log") == ""


def source(ended: str) -> dict[str, Any]:
    return {"camera": "gate", "ended": ended}


def test_a_run_that_got_everything_done_ends_with_0() -> None:
    assert exit_code(RunStatus(), [source("eof"), source("stopped")], {"hook": {"delivered": 3, "dead": 1}}) == DONE


def test_a_recording_that_was_stopped_before_its_end_is_not_done() -> None:
    assert exit_code(RunStatus(), [source("failed: gone"), source("")], {}) == INTERRUPTED


def test_the_worst_that_happened_gives_the_exit_code() -> None:
    for failed, unfinished, ended, waiting in product((False, True), repeat=4):
        status = RunStatus(failed="dispatch: died" if failed else "", unfinished=["alert"] if unfinished else [])
        sources = [source("eof"), source("failed: gone" if ended else "eof")]
        code = exit_code(status, sources, {"hook": {"delivered": 3, "pending": int(waiting)}})
        if failed or unfinished:
            assert code == CANNOT_START
        elif ended:
            assert code == SOURCE_FAILED
        else:
            assert code == (OUTBOX_LEFT if waiting else DONE)


@given(st.integers(1, 5), st.integers(1, 64))
def test_there_is_a_process_for_each_camera_and_worker_and_one_of_each_other_stage(cameras: int, workers: int) -> None:
    names = [f"synthetic:640x360@{number + 1}" for number in range(cameras)]
    config = default_config(names, overrides=[f"stages.detect.workers={workers}"])
    labels = [role.label for role in roles_of(config)]
    assert labels[0] == "dispatch", "it is there before anybody needs it"
    assert len(set(labels)) == len(labels) == cameras + workers + 4
    assert [label for label in labels if label.startswith("capture")] == [f"capture[{name}]" for name in config.cameras]


def test_a_capture_may_wait_for_its_source_longer_than_any_process_may_hang(tmp_path: Path) -> None:
    (tmp_path / "gate.mp4").touch()
    config = default_config([str(tmp_path / "gate.mp4")], overrides=["cameras.gate.open_timeout_s=40"])
    (capture,) = (role for role in roles_of(config) if role.stage == "capture")
    assert capture.patience_s > 40.0


def test_a_folder_of_keys_belongs_to_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "gate.mp4").touch()
    config = default_config([str(tmp_path / "gate.mp4")], overrides=["links.keys_dir=keys"])
    assert resolved(config).links.keys_dir == str(Path.cwd() / "keys")
    assert resolved(resolved(config)) == resolved(config)
