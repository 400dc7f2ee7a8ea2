"""Roles from end to end: a run seals what it keeps, whatever kills it, and only the key of a role shows it again."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.integrity.sealing import unseal
from pipeline.integrity.verification import verify
from pipeline.role_key import RoleKey
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore
from tests.e2e.conftest import Start
from tests.e2e.running import PATIENCE_S, Running, bartizan

JPEG = b"\xff\xd8\xff"


def export(run: Running, package: Path, key: Path, *, code: int = 0) -> str:
    """What it says of what goes wrong."""
    options = ["--out", str(run.out), "-o", str(package), "--originals", "--role-key", str(key)]
    return bartizan("export", run.events()[0]["id"], *options, code=code).stderr


@pytest.mark.slow
def test_no_original_of_a_run_can_be_seen_without_the_key_of_a_role(start: Start, root: Path, tmp_path: Path) -> None:
    key, other = (RoleKey.make(tmp_path / f"{name}.identity", name) for name in ("investigator", "other"))
    sealed = ["--set", f"integrity.roles.investigator={key.public}", "--set", "stages.alert.best_frames=0"]
    source = str(root / "sample_videos" / "campus.mp4")
    run = start(["process", source, "--out", str(tmp_path / "out"), *sealed], tmp_path / "out")
    run.wait_frames("campus", 200)
    run.signal("evidence", signal.SIGKILL)
    assert run.wait() == 0, run.said()
    originals = sorted((run.out / "originals").iterdir())
    pictures = {Path(event["evidence"]["snapshot"]).name for event in run.events() if "snapshot" in event["evidence"]}
    assert {path.name for path in originals} == {f"{name}.age" for name in pictures}
    assert len(originals) > 10
    for path in originals:
        data = path.read_bytes()
        assert JPEG not in data[:400]
        assert unseal(data, key).startswith(JPEG)
    with EventStore.open(find_address(run.out), analysis_sha256=None) as store:
        assert verify(run.out, store).findings == []
    said = export(run, tmp_path / "package", tmp_path / "other.identity", code=2)
    assert len(said.splitlines()) == 1, said
    assert f"the key {other.public} opens none" in said
    assert not (tmp_path / "package").exists()
    export(run, tmp_path / "package", tmp_path / "investigator.identity")
    opened = list((tmp_path / "package").rglob("originals/*.jpg"))
    assert opened
    assert all(path.read_bytes().startswith(JPEG) for path in opened)
    subprocess.run([sys.executable, tmp_path / "package" / "verify.py"], check=True, timeout=PATIENCE_S)
