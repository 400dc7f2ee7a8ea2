"""A small disk that is recorded onto all the time: it never fills up, and what matters stays."""

import json
import shutil
import time
from functools import partial
from pathlib import Path

import pytest

from pipeline.integrity.chain import read_chain
from pipeline.integrity.entry import Entry
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore
from tests.e2e.conftest import Start
from tests.e2e.running import Running, bartizan
from tests.e2e.test_live import QUICK, camera_options
from tests.servers.rtsp import aio_rtsp_server

CAMERA = "127_0_0_1"
MOST = 3_000_000
LATE_S = 10
"""So old may what is too much become: a file is let be for the grace, then the next look takes it."""
LINES = [{"rule": "line_crossed", "name": f"{x}", "line": [[x, 0], [x, 1]]} for x in (0.3, 0.5, 0.7)]
"""Whoever goes over one makes an event that is over at once."""


@pytest.mark.slow
def test_a_camera_that_is_recorded_all_the_time_keeps_to_its_size_and_a_protected_event_keeps_its_clip(
    start: Start, tmp_path: Path, root: Path, small_disk: Path
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(root / "sample_videos" / "campus.mp4", folder)
    out = small_disk / "out"
    record = "stages.record={mode: continuous, segment_s: 1, pre_roll_s: 1, post_roll_s: 1, most_s: 3, reserve_mb: 20}"
    kept = f"retention={{most_gb: {MOST / 1e9}, grace_s: 2, free_gb: 0.03}}"
    with aio_rtsp_server(folder) as server:
        url = f"{server.url}/campus.mp4?play_count=0"
        wished = [record, kept, "stages.detect.kind=motion", f"rules={json.dumps(LINES)}"]
        options = [part for each in wished for part in ("--set", each)]
        run = start(["watch", url, "--out", str(out), *QUICK, *camera_options(CAMERA), *options], out)
        protected = wait_clip(run)
        with EventStore.open(find_address(out), analysis_sha256=None) as store:
            store.catalogue.protect(protected.stem, protected=True)
        sizes = [settled(out)]

        def are_deleted(name: str) -> bool:
            sizes.append(settled(out))
            return deleted(out, name) >= 4

        for name in ("recordings/", "media/"):
            run.wait_for(partial(are_deleted, name), f"what is deleted of {name}")
        assert run.stop() == 0, run.said()
    assert max(sizes) <= MOST
    assert protected.exists()
    assert not [event for event in run.events() if event["rule"] == "not_recorded"], run.said()
    verified = json.loads(bartizan("verify", out, "--json").stdout)
    assert verified["intact"], verified["findings"]
    assert verified["deleted"] >= 8
    assert verified["left"] == []


def wait_clip(run: Running) -> Path:
    """The clip of the first event that has one."""
    found = run.wait_for(lambda: sorted((run.out / "media" / CAMERA).glob("*.json")), "a clip")
    return found[0].with_suffix(".mp4")


def settled(out: Path) -> int:
    """Bytes of all video and pictures that have been there for a while."""
    files = (path for name in ("media", "recordings", "originals") for path in (out / name).rglob("*"))
    before = time.time() - LATE_S
    return sum(size(path, before) for path in files if path.suffix in (".mp4", ".jpg"))


def size(path: Path, before: float) -> int:
    """In bytes, if it was written last before this time."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return 0
    return stat.st_size if stat.st_mtime < before else 0


def deleted(out: Path, prefix: str) -> int:
    entries = read_chain(out / "chain.jsonl") if (out / "chain.jsonl").exists() else ()
    found = (entry for entry in entries if isinstance(entry, Entry) and entry.kind == "tombstone")
    return sum(entry.name.startswith(prefix) for entry in found)
