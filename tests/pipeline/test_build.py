"""Names become stages: the shipped ones and the user's own alike."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.build import build_alert, build_capture, build_detector, build_evidence, build_sinks, export_tracks, route
from pipeline.clock import SECOND, ManualClock, SystemClock
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.detections import Tracks
from pipeline.errors import UsageError
from pipeline.journal.log import LogWriter
from pipeline.messages import SCHEMA, EngineRecord, Frame, FrameRecord, LogHeader, Status
from pipeline.spec import RunSpec
from pipeline.spool import Spool
from pipeline.stage import TrackedFrame
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from tests.pipeline import own_kinds

OWN = "tests.pipeline.own_kinds"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gate.mp4").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(*overrides: str, rules: tuple[str, ...] = ()) -> PipelineConfig:
    return default_config(["gate.mp4"], overrides=overrides, rules=rules)


def test_a_detector_of_the_users_own_is_built_with_its_options(folder: Path) -> None:
    config = configured(f"stages.detect={{kind: '{OWN}:BlindDetector', at_once: 5}}")
    detector = build_detector(config)
    assert isinstance(detector, own_kinds.BlindDetector)
    assert detector.capacity == 5


def test_rules_and_alert_of_the_users_own_are_built_in_the_order_of_the_configuration(folder: Path) -> None:
    config = configured(
        f"stages.alert={{kind: '{OWN}:QuietAlert'}}",
        f"rules=[{{rule: '{OWN}:Rule', name: first, note: hello}}, {{rule: in_field, name: second}}]",
    )
    alert = build_alert(config)
    assert isinstance(alert, own_kinds.QuietAlert)
    assert [type(rule).__name__ for rule in alert.rules] == ["Rule", "InField"]
    one, other = alert.trackers("gate"), alert.trackers("gate")
    assert one is not other, "nothing is shared between cameras"


def test_what_is_no_kind_is_refused_when_the_configuration_is_read(folder: Path) -> None:
    with pytest.raises(UsageError, match="has no class attribute Options"):
        configured(f"stages.detect={{kind: '{OWN}:Unbuildable'}}")
    with pytest.raises(UsageError, match=r"cannot be loaded from 'tests\.pipeline\.own_kinds:Nobody'"):
        configured(f"stages.detect={{kind: '{OWN}:Nobody'}}")


def own_sink(*, refuse: int = 0) -> PipelineConfig:
    return configured(
        f"sinks=[{{kind: '{OWN}:MemorySink', name: mine, refuse: {refuse}}}, "
        "{kind: terminal, name: shown, severity: critical}]"
    )


def test_a_sink_without_a_filter_gets_every_event(folder: Path) -> None:
    wanted = route(own_sink())
    assert wanted(sample_event(severity="low")) == ["mine"]
    assert wanted(sample_event(severity="critical")) == ["mine", "shown"]


def test_a_sink_of_the_users_own_is_delivered_to_until_it_acknowledges(folder: Path) -> None:
    config, clock = own_sink(refuse=2), ManualClock(wall_ns=SECOND)
    sink = build_sinks(config, clock)[0]
    assert isinstance(sink.sink, own_kinds.MemorySink)
    with EventStore.open(folder / "events.db", analysis_sha256="a", clock=clock) as store:
        store.commit("gate", [sample_event()], Position(b"", 1, 1), route(config))
        attempts = 0
        while not sink.sink.sent:
            assert sink.deliver(store, limit=10), "there is something due"
            clock.advance(600 * SECOND)
            attempts += 1
        assert attempts == 3
        assert not sink.deliver(store, limit=10), "once is enough"
    sink.close()
    assert sink.sink.sent == ["sample-gate-1"]
    assert sink.sink.closed


@pytest.mark.parametrize("governed", [True, False])
def test_a_sink_that_is_not_governed_gets_every_message_beside_one_that_is(folder: Path, governed: bool) -> None:
    config = configured(
        "governor={enabled: true, cooldown_s: 60}",
        f"sinks=[{{kind: jsonl, path: a.jsonl, governed: {governed}}}]",
    )
    clock = ManualClock(wall_ns=SECOND)
    (sink,) = build_sinks(config, clock)
    with EventStore.open(folder / "events.db", analysis_sha256="a", clock=clock) as store:
        events = [sample_event(ordinal=n, id=f"event {n}", media_time=10.0 * n) for n in (1, 2, 3)]
        store.commit("gate", events, Position(b"", 1, 1), route(config))
        while sink.deliver(store, limit=10):
            pass
        assert sink.flush() is governed
        while sink.deliver(store, limit=10):
            pass
        assert not sink.flush()
    sink.close()
    types = [json.loads(line)["type"] for line in Path("a.jsonl").read_text().splitlines()]
    assert types == (["start", "digest"] if governed else ["start"] * 3)


def test_a_sink_that_looks_back_finds_in_the_store_what_it_was_sent_before_it_was_built_again(folder: Path) -> None:
    command = ["sh", "-c", "cat >> told; echo >> told"]
    config = configured(f"sinks=[{{kind: command, dialect: frigate, command: {json.dumps(command)}}}]")
    events = [sample_event("gate", ordinal, type=kind) for ordinal, kind in enumerate(("start", "update", "end"), 1)]
    with EventStore.open(folder / "events.db", analysis_sha256="a") as store:
        store.commit("gate", events, Position(b"", 0, 0), route(config, store))
        for _ in events:
            (built,) = build_sinks(config, SystemClock())
            assert built.deliver(store, limit=1)
            built.close()
    told = [json.loads(line) for line in (folder / "told").read_text().splitlines()]
    assert [message["type"] for message in told] == ["new", "update", "end"]
    assert [message["before"] for message in told[1:]] == [message["after"] for message in told[:-1]]


def test_a_sink_that_wants_to_know_its_cameras_meets_them_with_the_names_that_events_say(folder: Path) -> None:
    rules = "rules=[{rule: in_field, name: yard}, {rule: camera_health}]"
    config = configured(rules, "sinks=[{kind: mqtt, host: localhost, dialect: home_assistant}]")
    (built,) = build_sinks(config, ManualClock())
    greeting = [post.topic for post in built.sink._voice.greeting()]  # type: ignore[attr-defined]
    assert greeting == [
        "homeassistant/binary_sensor/bartizan__gate/rule_yard/config",
        "homeassistant/binary_sensor/bartizan__gate/problem/config",
        "homeassistant/event/bartizan__gate/event/config",
        "homeassistant/sensor/bartizan__gate/last_event/config",
        "homeassistant/camera/bartizan__gate/snapshot/config",
        "bartizan/gate/rules/yard",
        "bartizan/gate/problem",
    ]


def test_shipped_stages_are_built_from_the_defaults(folder: Path) -> None:
    config, clock = configured(), ManualClock()
    detector = build_detector(config)
    assert build_evidence(config) is not None
    capture = build_capture(config, "gate", clock)
    assert not capture.live
    assert detector.names[:3] == ["person", "bicycle", "car"], "the detector that ships"


def test_building_what_the_parent_needs_loads_no_stage(root: Path) -> None:
    program = "import sys, pipeline.build; print([name for name in sys.modules if name.startswith('stages')])"
    answer = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_tracks_are_exported_with_class_names_however_late_the_engine_came(tmp_path: Path) -> None:
    spec = RunSpec(
        config=b"", out=str(tmp_path), run_dir="", ring_dir="", endpoint="", analysis_sha256="a", cameras=["gate"]
    )
    spec.log_path("gate").parent.mkdir()
    log = LogWriter.open(spec.log_path("gate"), LogHeader(SCHEMA, "gate", True, "a", ""))
    for index in range(6000):
        log.append(FrameRecord(Frame("gate", 0, index, index * 40_000_000), Status.NO_SLOT))
    log.append(EngineRecord("motion", {}, ["person", "car"]))
    log.close()
    spool = Spool(spec.spool_path("gate"), 0)
    one = np.ones(1, np.int32)
    whole = np.ones(1, np.float32)
    tracks = Tracks(np.array([[1, 2, 3, 4]], np.float32), whole, one, one, np.ones(1, np.bool_), whole)
    spool.append([TrackedFrame(6000, 240_000_000_000, tracks)])
    spool.close()
    assert pl.read_parquet(export_tracks(spec, "gate"))["class"].to_list() == ["car"]
