"""An output directory serves one run at a time, and nothing in it is lost that Bartizan did not make."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.errors import UsageError
from pipeline.out_directory import FILES, FOLDERS, claimed_out, prepare_out

CLAIM_AND_WAIT = """
import sys
from pathlib import Path
from pipeline.configuration.defaults import default_config
from pipeline.out_directory import claimed_out
with claimed_out(default_config([sys.argv[1]], out=Path(sys.argv[2]))):
    print("claimed", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    (tmp_path / "gate.mp4").touch()
    return default_config([str(tmp_path / "gate.mp4")], out=tmp_path / "results")


def prepare(config: PipelineConfig, analysis: str = "a", *, overwrite: bool = False) -> Path:
    with claimed_out(config) as out:
        prepare_out(config, out, analysis, overwrite=overwrite)
        return out


def test_folders_and_store_are_made_where_there_was_nothing(config: PipelineConfig) -> None:
    out = prepare(config)
    assert out.is_absolute()
    assert sorted(path.name for path in out.iterdir()) == sorted([*FOLDERS, "events.db"])


def test_the_same_analysis_finds_everything_as_it_was(config: PipelineConfig) -> None:
    out = prepare(config)
    (out / "logs" / "gate.log").write_bytes(b"frames")
    (out / "events.jsonl").write_bytes(b"events")
    prepare(config)
    assert (out / "logs" / "gate.log").read_bytes() == b"frames"
    assert (out / "events.jsonl").exists()


def test_another_analysis_is_refused_and_harms_nothing(config: PipelineConfig) -> None:
    out = prepare(config)
    (out / "logs" / "gate.log").write_bytes(b"frames")
    with pytest.raises(UsageError, match="--overwrite"):
        prepare(config, "b")
    assert (out / "logs" / "gate.log").exists()
    prepare(config, "a")


def test_overwriting_removes_what_a_run_left_and_nothing_else(config: PipelineConfig) -> None:
    out = prepare(config)
    (out / "originals").mkdir(mode=0o700)
    for name in (*FOLDERS, "originals"):
        (out / name / "old").write_text("old")
    for name in (*FILES, "bartizan.log", "notes.txt"):
        (out / name).write_text("kept?")
    prepare(config, "b", overwrite=True)
    assert [list((out / name).iterdir()) for name in FOLDERS] == [[] for _ in FOLDERS]
    assert not (out / "originals").exists()
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == ["bartizan.log", "events.db", "notes.txt"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", FOLDERS)
def test_somebody_elses_folder_of_the_same_name_is_refused_and_left_alone(
    config: PipelineConfig, name: str, overwrite: bool
) -> None:
    """``--out .`` where one keeps a folder ``media``."""
    treasure = config.out / name / "wedding.mp4"
    treasure.parent.mkdir(parents=True)
    treasure.write_text("irreplaceable")
    with pytest.raises(UsageError, match=f"--out .*results: {name} in there is not Bartizan's"):
        prepare(config, overwrite=overwrite)
    assert treasure.read_text() == "irreplaceable"
    assert not (config.out / "events.db").exists()


def test_a_run_that_was_killed_before_it_had_a_store_is_gone_on_with(config: PipelineConfig) -> None:
    for name in FOLDERS:
        (config.out / name).mkdir(parents=True)
    prepare(config)


def test_a_file_in_place_of_the_directory_is_refused(config: PipelineConfig) -> None:
    config.out.write_text("mine")
    with pytest.raises(UsageError, match="there is a file of that name"):
        prepare(config)
    assert config.out.read_text() == "mine"


def test_a_second_run_is_refused_until_the_first_is_dead_however_it_died(config: PipelineConfig, root: Path) -> None:
    source = str(config.out.parent / "gate.mp4")
    command = [sys.executable, "-c", CLAIM_AND_WAIT, source, str(config.out)]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "claimed\n"
        with pytest.raises(UsageError, match="another run is using it"):
            prepare(config, overwrite=True)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        prepare(config)
