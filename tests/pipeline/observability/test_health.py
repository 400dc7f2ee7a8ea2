"""The health page tells a run that works from one that does not, over real HTTP."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.clock import SECOND, ManualClock
from pipeline.control import Backlog, CameraConsumed, CameraProgress
from pipeline.errors import CannotStart
from pipeline.observability.health import State, health_of
from pipeline.observability.health_server import STALE_S, Observatory
from pipeline.observability.run_metrics import MOST_REASONS, bounded, metrics_of
from pipeline.process import Process, Role
from pipeline.report import Restart
from pipeline.restarts import RestartLimits
from pipeline.stats import Stats
from pipeline.supervisor.status import Status


def progress(*, online: bool = True, ended: bool = False, end_reason: str = "") -> CameraProgress:
    return CameraProgress(
        next_index=10,
        frames_read=12,
        pending=2,
        pending_offers=1,
        ended=ended,
        online=online,
        media_ns=SECOND,
        counts={"analysed": 6, "static": 3, "superseded": 1},
        end_reason=end_reason,
    )


def running(*, gate: CameraProgress | None = None) -> Status:
    status = Status(cameras={"gate": gate or progress(), "yard": progress()})
    status.consumed = {"gate": CameraConsumed(10, {"analysed": 6}, False, 4)}
    status.backlogs = {"deliver": Backlog(3, 1, 0)}
    status.refused = {"not a Bartizan message: starts with b'GET'": 2}
    status.restarts = [Restart(stage="detect", reason="killed by signal 9", time="", count=n) for n in (1, 4)]
    status.latency_ms.add(120.0)
    return status


def process(label: str = "detect", *, finished: bool = True) -> Process:
    return Process(Role(label, "0"), RestartLimits(), finished=finished)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(monotonic_ns=5 * SECOND)


@pytest.fixture
def observatory(clock: ManualClock) -> Iterator[Observatory]:
    with Observatory("127.0.0.1", 0, clock) as made:
        yield made


def get(observatory: Observatory, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{observatory.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def health(observatory: Observatory) -> tuple[int, dict[str, Any]]:
    code, body = get(observatory, "/healthz")
    return code, json.loads(body)


def test_a_run_in_which_everything_works_is_ok(observatory: Observatory) -> None:
    observatory(running(), [process()])
    code, page = health(observatory)
    assert (code, page["state"], page["reasons"]) == (200, "ok", [])
    assert page["cameras"] == {"gate": {"state": "ok"}, "yard": {"state": "ok"}}
    assert page["stages"] == {"detect[0]": {"state": "ok"}}


def test_an_offline_camera_degrades_the_run_and_is_named(observatory: Observatory) -> None:
    observatory(running(gate=progress(online=False)), [])
    code, page = health(observatory)
    assert (code, page["state"], page["reasons"]) == (200, "degraded", ["camera gate: offline"])


def test_a_process_that_waits_to_be_started_degrades_the_run() -> None:
    found = health_of(running(), [process(finished=False)])
    assert found.state is State.DEGRADED
    assert "detect[0]: waits to be started again" in found.reasons[0]


def test_one_camera_given_up_degrades_and_all_given_up_fail() -> None:
    status = running()
    status.given_up = {"gate": "five restarts"}
    one = health_of(status, [])
    assert (one.state, one.cameras["gate"].state) == (State.DEGRADED, State.FAILED)
    status.given_up["yard"] = "no such file"
    assert health_of(status, []).state is State.FAILED


def test_a_failed_run_answers_503_with_the_reason(observatory: Observatory) -> None:
    status = running()
    status.failed = "dispatch cannot start"
    observatory(status, [])
    code, page = health(observatory)
    assert (code, page["state"], page["reasons"][0]) == (503, "failed", "dispatch cannot start")


def test_a_recording_that_is_over_is_well_and_one_that_failed_is_not() -> None:
    assert health_of(running(gate=progress(ended=True, end_reason="eof")), []).state is State.OK
    failed = health_of(running(gate=progress(ended=True, end_reason="failed: no such file")), [])
    assert failed.reasons == ["camera gate: failed: no such file"]


def test_a_silent_supervisor_is_not_well(observatory: Observatory, clock: ManualClock) -> None:
    observatory(running(), [])
    assert health(observatory)[0] == 200
    clock.advance(int((STALE_S + 1) * SECOND))
    code, page = health(observatory)
    assert (code, page["state"]) == (503, "failed")
    assert "said nothing for 11 s" in page["reasons"][0]


def test_metrics_balance_and_hold_every_process(observatory: Observatory) -> None:
    status = running()
    child = Stats("capture[gate]")
    child.gauge("bartizan_ring_slots_used", 2, camera="gate")
    status.metrics["capture[gate]"] = dict(child.snapshot())
    observatory(status, [])
    code, page = get(observatory, "/metrics")
    assert code == 200
    found = {
        (sample.name, tuple(v for k, v in sorted(sample.labels.items()) if k != "process")): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    assert found["bartizan_frames_total", ("gate", "capture")] == 8
    assert found["bartizan_frames_dropped_total", ("gate", "static", "capture")] == 3
    assert found["bartizan_frames_dropped_total", ("gate", "superseded", "dispatch")] == 1
    assert found["bartizan_frames_total", ("gate", "detect")] == 6
    assert found["bartizan_restarts_total", ("killed by signal N", "detect")] == 5
    assert found["bartizan_messages_refused_total", ("not a Bartizan message", "dispatch")] == 2
    assert found["bartizan_ring_slots_used", ("gate",)] == 2
    assert found["bartizan_backlog_jobs", ("deliver",)] == 3
    assert found["bartizan_latency_seconds_count", ("", "alert")] == 1
    assert found["bartizan_latency_seconds_bucket", ("", "0.15", "alert")] == 1
    assert found["bartizan_latency_seconds_bucket", ("", "0.1", "alert")] == 0


def test_metrics_that_cannot_be_read_are_an_error_page(observatory: Observatory) -> None:
    status = running()
    status.metrics["detect[0]"] = {"nonsense": 1}
    observatory(status, [])
    assert get(observatory, "/metrics")[0] == 500
    assert health(observatory)[0] == 200


def test_other_pages_do_not_exist(observatory: Observatory) -> None:
    assert get(observatory, "/etc/passwd")[0] == 404


def test_a_port_in_use_is_said_before_anything_starts(observatory: Observatory, clock: ManualClock) -> None:
    with pytest.raises(CannotStart, match=rf"127\.0\.0\.1:{observatory.port}: .*in use"):
        Observatory("127.0.0.1", observatory.port, clock)


def test_reasons_that_peers_invent_do_not_become_series_without_end() -> None:
    invented = {f"worker {letter * 3} may not send": 1 for letter in "abcdefghijklmnopqrstuvwxyz"}
    found = bounded(invented)
    assert len(found) == MOST_REASONS + 1
    assert sum(found.values()) == 26
    assert found["other"] == 26 - MOST_REASONS


def test_a_run_that_has_just_begun_has_metrics_too() -> None:
    assert metrics_of(Status())["series"] == []
