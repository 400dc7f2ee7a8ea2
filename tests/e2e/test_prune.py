"""Events are deleted while the run that makes them goes on, and its evidence is intact afterwards."""

import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.running import Running, bartizan
from tests.e2e.test_live import finish, watch
from tests.servers.rtsp import aio_rtsp_server


def wait_ended(run: Running, number: int) -> None:
    """So many events of the run are over and lie in its store."""
    run.wait_for(
        lambda: sum(event["type"] == "end" for event in run.events_so_far()) >= number, f"{number} events that are over"
    )


def pruned(run: Running) -> int:
    """How many events the run deleted of those that are over."""
    said = bartizan("events", "prune", run.out, "--older-than", "0s", "--media").stdout
    found = re.match(r"deleted (\d+) events \(\d+ messages\)", said)
    assert found is not None, said
    assert "keeps its size while the run goes on" in said
    return int(found[1])


@pytest.mark.slow
def test_events_are_pruned_beside_a_live_run_whose_evidence_process_is_killed(
    start: Start, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(root / "sample_videos" / "campus.mp4", folder)
    with aio_rtsp_server(folder) as server:
        run = watch(start, f"{server.url}/campus.mp4?play_count=0", tmp_path / "out")
        wait_ended(run, 3)
        first = pruned(run)
        assert first >= 2, "the event of the newest message stays"
        run.signal("evidence", signal.SIGKILL)
        wait_ended(run, first + 4)
        assert pruned(run) >= 1
        finish(run)
    assert [name for name in run.out.iterdir() if name.name.startswith("prune")] == []
    said = bartizan("verify", run.out).stdout
    assert said.startswith("intact: "), said
    assert "deleted as wished" in said
