"""Somebody else fills the disk to its last byte: retention deletes what is old, and recording goes on by itself."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.integrity.chain import read_chain
from pipeline.integrity.entry import Entry
from tests.e2e.conftest import Start
from tests.e2e.running import Running, bartizan
from tests.e2e.test_live import QUICK, camera_options
from tests.full_disk import fill
from tests.servers.rtsp import aio_rtsp_server

ENOUGH = 4_000_000
"""Bytes of evidence that make a run old."""
RECORD = "stages.record={mode: continuous, segment_s: 1, pre_roll_s: 1, post_roll_s: 1, most_s: 3, reserve_mb: 1}"
KEPT = "retention={free_gb: 0.002, grace_s: 1}"
LINES = [{"rule": "line_crossed", "name": f"{x}", "line": [[x, 0], [x, 1]]} for x in (0.3, 0.5, 0.7)]

Begin = Callable[[], Running]


@pytest.fixture
def begin(start: Start, tmp_path: Path, root: Path, small_disk: Path) -> Iterator[Begin]:
    """Start a run, or go on with it, that records a camera all the time onto a small disk."""
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(root / "sample_videos" / "campus.mp4", folder)
    out = small_disk / "out"
    wished = [RECORD, KEPT, "stages.detect.kind=motion", f"rules={json.dumps(LINES)}"]
    options = [part for each in wished for part in ("--set", each)]
    with aio_rtsp_server(folder) as server:
        url = f"{server.url}/campus.mp4?play_count=0"
        yield lambda: start(["watch", url, "--out", str(out), *QUICK, *camera_options("127_0_0_1"), *options], out)


def entries(out: Path) -> list[Entry]:
    found = read_chain(out / "chain.jsonl") if (out / "chain.jsonl").exists() else ()
    return [each for each in found if isinstance(each, Entry)]


def wait_old(run: Running) -> None:
    run.wait_for(
        lambda: sum(each.size for each in entries(run.out) if each.kind == "file") > ENOUGH, "evidence to delete"
    )


def wait_recovered(run: Running, known: int) -> None:
    """Until old evidence is gone, and there is a recording that began since the disk was full. ``known``: entries that
    the chain had then."""

    def has_recovered() -> bool:
        new = entries(run.out)[known:]
        gone = [each.n for each in new if each.kind == "tombstone"]
        recorded = [each.n for each in new if each.kind == "file" and each.name.startswith("recordings/")]
        return len(gone) >= 5 and bool(recorded) and recorded[-1] > gone[0] + 5

    run.wait_for(has_recovered, "retention and recording on a full disk")


def end(run: Running) -> None:
    assert run.stop() == 0, run.said()
    assert "Traceback (most recent call last):\n" not in run.output.read_text(), "processes log theirs in one line"
    verified = json.loads(bartizan("verify", run.out, "--json").stdout)
    assert verified["intact"], verified["findings"]
    assert verified["deleted"] >= 5
    assert verified["left"] == []


@pytest.mark.slow
def test_a_run_on_whose_disk_no_byte_is_left_deletes_what_is_old_and_goes_on_recording(
    begin: Begin, small_disk: Path
) -> None:
    run = begin()
    wait_old(run)
    known, ballast = len(entries(run.out)), fill(small_disk)
    size = ballast.stat().st_size
    wait_recovered(run, known)
    end(run)
    assert ballast.stat().st_size == size, "what others have written stays"


@pytest.mark.slow
def test_a_run_that_is_started_on_a_disk_without_a_free_byte_makes_room_for_itself(
    begin: Begin, small_disk: Path
) -> None:
    run = begin()
    wait_old(run)
    assert run.stop() == 0, run.said()
    known, ballast = len(entries(run.out)), fill(small_disk)
    size = ballast.stat().st_size
    assert shutil.disk_usage(small_disk).free == 0
    run = begin()
    wait_recovered(run, known)
    end(run)
    assert ballast.stat().st_size == size, "what others have written stays"
