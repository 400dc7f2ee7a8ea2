"""The alert process goes on with a camera where it was when it last committed."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.build import build_alert
from pipeline.clock import ManualClock
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.detections import Detections
from pipeline.follower import Follower
from pipeline.journal.log import LogWriter
from pipeline.messages import EndRecord, EngineRecord, Frame, FrameRecord, LogHeader, Status
from pipeline.spec import RunSpec
from pipeline.store.event_store import EventStore

CAMERA = "synthetic_112x96_10"
FRAMES = 10


@pytest.fixture
def config() -> PipelineConfig:
    return default_config(["synthetic:112x96@10"])


@pytest.fixture
def spec(tmp_path: Path, config: PipelineConfig) -> RunSpec:
    """A run whose camera has a log of a few empty frames, every other one static, and its end."""
    spec = RunSpec(
        config=config.to_spec(),
        out=str(tmp_path),
        run_dir=str(tmp_path),
        ring_dir=str(tmp_path),
        endpoint="",
        analysis_sha256="a",
        cameras=[CAMERA],
    )
    for path in (spec.log_path(CAMERA), spec.spool_path(CAMERA)):
        path.parent.mkdir(parents=True, exist_ok=True)
    log = LogWriter.open(spec.log_path(CAMERA), LogHeader(3, CAMERA, False, "a", "s"))
    log.append(EngineRecord("e", {}, ["person"]))
    for index in range(FRAMES):
        status = Status.STATIC if index % 2 else Status.ANALYSED
        log.append(FrameRecord(Frame(CAMERA, 0, index, index), status, Detections.empty().pack()))
    log.append(EndRecord(FRAMES - 1, "end"))
    log.close()
    return spec


def read(follower: Follower, batches: Sequence[int]) -> None:
    for size in batches:
        follower.note(follower.reader.read(size))


def test_a_follower_counts_what_it_was_told_of_and_knows_the_end(spec: RunSpec, config: PipelineConfig) -> None:
    alert = build_alert(config)
    with EventStore.open(Path(spec.out) / "events.db", analysis_sha256="a", clock=ManualClock()) as store:
        follower = Follower(spec, config, CAMERA, alert, store)
        assert (follower.last_index, follower.ended, follower.dirty) == (-1, False, False)
        read(follower, [5])
        assert (follower.last_index, follower.ended, follower.dirty) == (2, False, True)
        read(follower, [100])
        assert (follower.last_index, follower.ended) == (FRAMES - 1, True)
        assert follower.counts == {Status.ANALYSED.value: FRAMES // 2, Status.STATIC.value: FRAMES // 2}
        follower.reader.close()
        follower.spool.close()


def test_the_next_follower_goes_on_where_the_position_was_committed(spec: RunSpec, config: PipelineConfig) -> None:
    alert = build_alert(config)
    with EventStore.open(Path(spec.out) / "events.db", analysis_sha256="a", clock=ManualClock()) as store:
        first = Follower(spec, config, CAMERA, alert, store)
        read(first, [6])
        store.commit(CAMERA, [], first.position(alert.state(CAMERA)), lambda _: [])
        read(first, [2])  # never committed
        first.reader.close()
        first.spool.close()
        again = Follower(spec, config, CAMERA, build_alert(config), store)
        assert (again.last_index, again.records, dict(again.counts)) == (3, 6, {"analysed": 2, "static": 2})
        assert not again.dirty
        read(again, [100])
        assert (again.last_index, again.records, again.ended) == (FRAMES - 1, FRAMES + 3, True)
        again.reader.close()
        again.spool.close()
