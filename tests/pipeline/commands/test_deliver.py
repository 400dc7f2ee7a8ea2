"""``bartizan deliver``: what is left is listed, sent, sent again; sinks are tried without anything having happened."""

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from paho.mqtt.subscribe import simple
from typer.testing import CliRunner

from pipeline.commands.deliver import app
from pipeline.commands.sink_trial import marked_events
from pipeline.configuration.kept_place import FILE, note_configuration
from pipeline.errors import UsageError
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from stages.deliver.dialects.table import DIALECTS
from stages.deliver.mqtt import MqttSink
from stages.deliver.mqtt_options import MqttOptions
from stages.deliver.payload import PayloadOptions
from tests.e2e.receiver import Receiver, receiving
from tests.e2e.running import until
from tests.servers.mosquitto import PASSWORD as MQTT_PASSWORD
from tests.servers.mosquitto import USER, mosquitto
from tests.servers.silent import silent_server

PASSWORD = "geheim-4711"
CAMERAS = ("gate", "yard")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """The command sets up the log of a process of its own."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    logger.handlers.clear()  # or those of pytest are closed
    yield
    logging.captureWarnings(False)
    logger.handlers[:] = handlers
    logger.setLevel(level)


def run(*arguments: object, code: int = 0) -> str:
    """What the command says."""
    done = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "110"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    assert PASSWORD not in done.output
    return done.output


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


def write_config(path: Path, port: int, *more: str) -> Path:
    hook = f"{{kind: webhook, name: hook, url: 'http://user:{PASSWORD}@127.0.0.1:{port}/alerts'}}"
    sinks = "".join(f"  - {each}\n" for each in (hook, *more))
    path.write_text(f"cameras: {{gate: {{source: 'synthetic:112x96@1?frames=1&recording=yes'}}}}\nsinks:\n{sinks}")
    return path


def leave(folder: Path, *sinks: str, each: int = 3) -> Path:
    """Results of a run whose receivers took nothing."""
    folder.mkdir()
    with EventStore.open(folder / "events.db", analysis_sha256="a") as store:
        for ordinal in range(1, each + 1):
            for camera in CAMERAS:
                event = sample_event(camera, ordinal, id=f"{camera}-{ordinal}")
                store.commit(camera, [event], Position(b"", 0, 0), lambda event: sinks or ("hook",))
    return folder


def settle(folder: Path, *, dead: bool, wait_s: float = 3600, sink: str = "hook") -> None:
    """The first message of each camera failed."""
    with EventStore.open(folder / "events.db", analysis_sha256=None) as store:
        for row in store.pending(sink, time.time_ns(), 100):
            if row.message_id.endswith("-1"):
                if dead:
                    store.dead(row, f"it said 410, secret={PASSWORD}")
                else:
                    store.failed(row, "it said 503", time.time_ns() + round(wait_s * 1e9))


def counts(folder: Path, sink: str = "hook") -> dict[str, int]:
    with EventStore.open(folder / "events.db", analysis_sha256=None) as store:
        return store.outbox_counts()[sink]


# ---- list


def test_what_waits_is_listed_with_its_tries_and_what_was_said(tmp_path: Path) -> None:
    settle(leave(tmp_path / "out"), dead=False)
    lines = run("list", "out").splitlines()
    assert lines[0].split() == ["id", "sink", "state", "type", "camera", "rule", "since", "(UTC)", "tries", "next"]
    first = lines[1].split()
    assert (*first[:6], *first[-4:]) == ("gate-1", "hook", "pending", "start", "gate", "yard", "1", "in", "60", "min")
    assert lines[3].split()[-2:] == ["0", "now"]
    assert len(lines) == 1 + 6 + 1
    assert lines[7] == "gate-1  hook: it said 503"
    found = json.loads(run("list", "out", "--json", "--limit", "1"))[0]
    assert (found["message_id"], found["sink"], found["attempts"]) == ("sample-gate-1", "hook", 1)
    assert found["next_attempt_at"] > found["first_attempt_at"] > found["since_at"]


def test_states_and_sinks_choose_what_is_listed(tmp_path: Path) -> None:
    settle(leave(tmp_path / "out", "hook", "file"), dead=True)
    assert len(json.loads(run("list", "out", "--json"))) == 12
    assert [one["camera"] for one in json.loads(run("list", "out", "--state", "dead", "--json"))] == ["gate", "yard"]
    assert len(json.loads(run("list", "out", "--state", "pending", "--sink", "hook", "--json"))) == 4
    assert run("list", "out", "--state", "delivered") == "nothing is delivered\n"
    assert run("list", "out", "--limit", "2").endswith("more: --limit 4\n")
    with pytest.raises(UsageError, match=r"--state ded: there is no such state, did you mean 'dead'\?"):
        run("list", "out", "--state", "ded")
    with pytest.raises(UsageError, match=r"--sink hok: .* did you mean 'hook'\?"):
        run("list", "out", "--sink", "hok")


# ---- flush


def test_what_is_left_is_delivered_without_the_pipeline(tmp_path: Path, receiver: Receiver) -> None:
    leave(tmp_path / "out")
    note_configuration(tmp_path / "out", write_config(tmp_path / "site.yml", receiver.port))
    assert run("flush", "out") == "sink hook: 6 of 6 settled\n"
    for camera in CAMERAS:
        keys = [one.headers["Idempotency-Key"] for one in receiver.acknowledged]
        assert [key for key in keys if camera in key] == [f"sample-{camera}-{number}" for number in (1, 2, 3)]
    assert run("flush", "out") == "nothing waits\n"
    assert counts(tmp_path / "out") == {"pending": 0, "delivered": 6, "dead": 0}


def test_what_would_wait_for_an_hour_is_tried_now(tmp_path: Path, receiver: Receiver) -> None:
    settle(leave(tmp_path / "out"), dead=False, wait_s=3600)
    run("flush", "out", "--config", write_config(tmp_path / "site.yml", receiver.port))
    assert len(receiver.acknowledged) == 6


def test_what_stays_is_told_with_its_reason(tmp_path: Path) -> None:
    leave(tmp_path / "out", "hook", "elsewhere")
    config = write_config(tmp_path / "site.yml", 9)
    said = run("flush", "out", "--config", config, "--drain-timeout", "0.5", code=4)
    assert "sink hook: 0 of 6 settled" in said
    assert "sink hook: 6 messages are not delivered; run again to go on, or: bartizan deliver flush out\n" in said
    assert "  2: http://127.0.0.1:9 cannot be reached: nothing listens there" in said
    assert "  4: not tried yet, or behind another one\n" in said
    assert "sink elsewhere: 6 messages are not delivered; the configuration has no sink of that name: give it" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_flush_that_is_stopped_says_what_it_did_and_what_stays(
    tmp_path: Path, root: Path, number: signal.Signals
) -> None:
    folder = leave(tmp_path / "out", each=200)
    with receiving() as receiver:
        command = [sys.executable, "-m", "pipeline.cli", "deliver", "flush", str(folder), "--config"]
        flush = subprocess.Popen(
            [*command, str(write_config(tmp_path / "site.yml", receiver.port))],
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in until(30, "a delivery"):
            if receiver.acknowledged:
                break
        flush.send_signal(number)
        said, errors = flush.communicate(timeout=30)
        taken = len(receiver.acknowledged)
    assert flush.returncode == 130, said + errors
    assert said == f"sink hook: {taken} of 400 settled\n"
    assert f"sink hook: {400 - taken} messages are not delivered; run again to go on" in errors
    assert counts(folder) == {"pending": 400 - taken, "delivered": taken, "dead": 0}


def test_a_folder_that_a_run_is_using_is_left_to_it(tmp_path: Path, receiver: Receiver) -> None:
    folder, config = leave(tmp_path / "out"), write_config(tmp_path / "site.yml", receiver.port)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(UsageError, match="a run is using it, and delivers by itself"):
            run("flush", folder, "--config", config)
    finally:
        os.close(descriptor)
    assert not receiver.requests


def test_sinks_that_no_file_names_have_to_be_said_again(tmp_path: Path, receiver: Receiver) -> None:
    folder = leave(tmp_path / "out")
    with pytest.raises(UsageError, match="its run had no file that names its sinks"):
        run("flush", folder)
    run("flush", folder, "--set", f"sinks=[{{kind: webhook, name: hook, url: '{receiver.url}'}}]")
    assert len(receiver.acknowledged) == 6


def test_a_configuration_that_is_gone_or_was_changed_by_hand_is_told(tmp_path: Path) -> None:
    folder = leave(tmp_path / "out")
    note_configuration(folder, tmp_path / "gone.yml")
    with pytest.raises(UsageError, match=r"gone\.yml: the configuration of the run is not there any more"):
        run("flush", folder)
    (folder / FILE).write_text("[]")
    with pytest.raises(UsageError, match=r"delivery\.json: does not say where the configuration is"):
        run("flush", folder)
    with pytest.raises(UsageError, match=r"--drain-timeout 'soon' is no duration"):
        run("flush", folder, "--drain-timeout", "soon")


def test_the_note_of_a_configuration_holds_nothing_of_it(tmp_path: Path) -> None:
    config = write_config(tmp_path / "site.yml", 9)
    note_configuration(tmp_path, config)
    assert json.loads((tmp_path / FILE).read_text()) == {"configuration": str(config)}
    note_configuration(tmp_path, None)
    assert not (tmp_path / FILE).exists()


def test_the_governor_decides_as_in_a_run_and_tells_what_it_kept_back(tmp_path: Path, receiver: Receiver) -> None:
    folder, config = leave(tmp_path / "out"), write_config(tmp_path / "site.yml", receiver.port)
    governor = "governor={enabled: true, per_site: 1, merge_s: 0}"
    run("flush", folder, "--config", config, "--set", governor)
    kinds = [json.loads(request.body)["data"]["type"] for request in receiver.acknowledged]
    assert kinds[-1] == "digest"
    assert kinds.count("digest") == 1
    assert counts(folder)["pending"] == 0
    assert counts(folder)["delivered"] == len(kinds) - 1 < 6


def test_a_digest_of_live_cameras_waits_for_the_schedule_of_its_sink(tmp_path: Path, receiver: Receiver) -> None:
    folder, config = leave(tmp_path / "out"), write_config(tmp_path / "site.yml", receiver.port)
    governor, live = "governor={enabled: true, per_site: 1, merge_s: 0}", "cameras.gate.source=rtsp://127.0.0.1:9/x"

    def flush(days_from_now: int) -> str:
        day = time.strftime("%a", time.gmtime(time.time() + 86400 * days_from_now)).lower()
        schedule = f"sinks.0.schedule={{days: {day}, hours: '00:00-24:00'}}"
        return run("flush", folder, "--config", config, "--set", governor, "--set", live, "--set", schedule)

    said = flush(3)
    assert counts(folder)["pending"] == 0
    assert "sink hook: 5 events that were kept from it are in no digest yet" in said
    assert {json.loads(request.body)["data"]["type"] for request in receiver.acknowledged} == {"start"}
    assert "in no digest yet" not in flush(0)
    digest = json.loads(receiver.acknowledged[-1].body)["data"]
    assert (digest["type"], sum(line["value"] for line in digest["why"])) == ("digest", 5)


# ---- resend


def test_dead_letters_are_sent_again_all_or_those_of_events(tmp_path: Path, receiver: Receiver) -> None:
    folder, config = leave(tmp_path / "out"), write_config(tmp_path / "site.yml", receiver.port)
    settle(folder, dead=True)
    assert counts(folder) == {"pending": 4, "delivered": 0, "dead": 2}
    assert run("resend", "out", "gate-1") == "sink hook: 1 in the outbox again\n"
    assert counts(folder) == {"pending": 5, "delivered": 0, "dead": 1}
    run("flush", folder, "--config", config)
    assert len(receiver.acknowledged) == 5
    assert run("resend", "out", "gate-1", "gate-2") == "no dead letters there\n"
    assert run("resend", "out", "--dead", "--sink", "hook") == "sink hook: 1 in the outbox again\n"
    run("flush", folder, "--config", config)
    assert counts(folder) == {"pending": 0, "delivered": 6, "dead": 0}
    for arguments in (["out"], ["out", "gate-1", "--dead"]):
        with pytest.raises(UsageError, match="which dead letters"):
            run("resend", *arguments)
    with pytest.raises(UsageError, match="'nobody' is no event here"):
        run("resend", "out", "nobody")


def test_a_dead_letter_has_all_its_patience_again(tmp_path: Path) -> None:
    folder = leave(tmp_path / "out")
    settle(folder, dead=True)
    run("resend", "out", "--dead")
    found = json.loads(run("list", "out", "--json", "--limit", "1"))[0]
    assert (found["state"], found["attempts"], found["first_attempt_at"]) == ("pending", 1, None)
    assert PASSWORD not in found["last_error"]


# ---- test


def test_a_test_alert_goes_through_every_sink_and_says_that_it_is_one(tmp_path: Path, receiver: Receiver) -> None:
    more = "{kind: jsonl, name: file, path: got.jsonl, types: [start], severity: critical, rules: [in_field]}"
    said = run("test", write_config(tmp_path / "site.yml", receiver.port, more))
    assert [line.split()[0] for line in said.splitlines()] == ["hook", "file"]
    assert "took the start and the end" in said.splitlines()[0]
    assert said.splitlines()[1].endswith("took the start")
    events = [json.loads(request.body)["data"] for request in receiver.acknowledged]
    assert [event["type"] for event in events] == ["start", "end"]
    for event in (*events, json.loads((tmp_path / "got.jsonl").read_text())):
        assert (event["rule"], event["name"], event["severity"], event["camera"]) == ("test", "test", "low", "gate")
        assert event["reason"].startswith("this is a test of sink")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["got.jsonl", "site.yml"]
    run("test", "site.yml", "--sink", "hook")
    keys = [request.headers["Idempotency-Key"] for request in receiver.acknowledged]
    assert len(set(keys)) == 4


def test_a_sink_that_fails_is_told_and_the_others_are_tried_nevertheless(tmp_path: Path) -> None:
    more = "{kind: jsonl, name: file, path: got.jsonl}"
    config = write_config(tmp_path / "site.yml", 9, more)
    lines = run("test", config, code=1).splitlines()
    assert "failed: http://127.0.0.1:9 cannot be reached: nothing listens there" in lines[0]
    assert "took the start and the end" in lines[1]
    found = json.loads(run("test", config, "--json", code=1))
    assert [(one["sink"], one["ok"]) for one in found] == [("hook", False), ("file", True)]


def test_a_sink_that_hangs_does_not_keep_the_test_waiting(tmp_path: Path) -> None:
    with silent_server() as address:
        config = write_config(tmp_path / "site.yml", int(address.rpartition(":")[2]))
        said = run("test", config, "--timeout", "0.3s", code=1)
    assert "failed: no answer within 0.3 s" in said


def test_without_sinks_there_is_nothing_to_be_tried(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("cameras: {gate: {source: 'synthetic:112x96@1'}}\n")
    with pytest.raises(UsageError, match="has no sinks to be tried"):
        run("test", "site.yml")


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_dialect_with_words_for_it_says_that_it_is_a_test(dialect: str) -> None:
    for event in marked_events("hook", "gate"):
        assert event.message_id.startswith("test-")
        plain = msgspec.structs.replace(event, id="x", message_id="x", correlation_id="x")
        body = PayloadOptions.model_validate({"dialect": dialect}).payload(plain, "x").lower()
        assert b"test" in body or dialect == "onvif"


def test_a_run_beside_the_test_stays_available_to_its_broker(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as server:
        known = {"host": "localhost", "port": server.port, "username": USER, "password": MQTT_PASSWORD}
        sink = MqttSink(MqttOptions.model_validate({**known, "client_id": "mine", "availability_topic": "site/there"}))
        sink.open()
        more = f"{{kind: mqtt, {json.dumps(known)[1:-1]}, client_id: mine, availability_topic: site/there}}"
        run("test", write_config(tmp_path / "site.yml", 9, more), "--sink", "mqtt")
        sink.send(sample_event(), key="still connected")
        login: Any = {"username": USER, "password": MQTT_PASSWORD}
        where: Any = {"hostname": "localhost", "port": server.port, "auth": login}
        found: Any = simple("site/there", **where)  # type: ignore[no-untyped-call]  # paho has no type here
        assert found.payload == b"online"
        sink.close()
