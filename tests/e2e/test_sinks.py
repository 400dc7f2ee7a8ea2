"""Sinks in a whole pipeline: each is sent what is its own, and none waits for another."""

import contextlib
import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from pipeline.observability.status_file import read_status
from pipeline.store.event_store import EventStore
from tests.e2e.conftest import Start
from tests.e2e.faulty import DETECTOR, SOURCE, write_clip
from tests.e2e.receiver import receiving
from tests.e2e.running import PATIENCE_S, Running, bartizan, run_to_end, until
from tests.servers.mosquitto import PASSWORD, USER, mosquitto

pytestmark = pytest.mark.slow

TROUBLE = {
    "login": "answered 401 Unauthorized (are user and password of the address, headers and secret right?)",
    "host": "http://nobody.invalid:80 cannot be reached: unknown host: is the name right",
    "broker": "refuses the connection: ",
    "folder": "/sys/alerts.jsonl cannot be written: ",
}
"""What is said of a sink at which something is wrong."""


def command(folder: Path, sinks: list[dict[str, Any]], *options: str, start_time: str = "") -> list[str]:
    """A recording, and these sinks."""
    clip = write_clip(folder / "clip.pattern", frames=60)
    values = [
        f"cameras.clip.backend={SOURCE}",
        f"stages.detect.kind={DETECTOR}",
        f"sinks={json.dumps(sinks)}",
        "supervisor.backoff_first_s=0.05",
        *([f"cameras.clip.start_time={start_time}"] if start_time else []),
        *options,
    ]
    settings = [word for value in values for word in ("--set", value)]
    return ["process", str(clip), "--out", str(folder / "out"), "--rule", "in_field:update_s=0.3", *settings]


def test_a_receiver_that_hangs_makes_no_other_wait(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        sinks: list[dict[str, Any]] = [
            {"kind": "webhook", "url": url, "timeout_s": 60},
            {"kind": "jsonl", "path": str(tmp_path / "alerts.jsonl")},
        ]
        arguments = command(tmp_path, sinks, "supervisor.drain_timeout_s=100")
        run = start(arguments, tmp_path / "out")
        run.wait_for(lambda: is_analysed(run), "the end of the analysis")
        run.wait_for(lambda: len(lines(tmp_path / "alerts.jsonl")) == stored(run), "what can be delivered")
        cut_short(run)
    report = run.report()
    count = len(run.events())
    assert count > 10
    assert report["outbox"]["jsonl"] == {"pending": 0, "delivered": count, "dead": 0}
    assert report["outbox"]["webhook"] == {"pending": count, "delivered": 0, "dead": 0}
    assert run.restarts("deliver") == [], "it was never taken for hung"
    assert (tmp_path / "alerts.jsonl").read_bytes() == (run.out / "events.jsonl").read_bytes()


def test_filters_and_schedules_decide_what_lies_in_an_outbox_at_all(tmp_path: Path) -> None:
    night = {"hours": ["22:00-06:00"], "time_zone": "Europe/Berlin"}
    day = {**night, "hours": ["06:00-22:00"]}
    sinks: list[dict[str, Any]] = [
        {"kind": "jsonl", "name": "night", "path": str(tmp_path / "night.jsonl"), "schedule": night},
        {"kind": "jsonl", "name": "day", "path": str(tmp_path / "day.jsonl"), "schedule": day},
        {"kind": "jsonl", "name": "ends", "path": str(tmp_path / "ends.jsonl"), "schedule": night, "types": ["end"]},
    ]
    # The events begin in the night's last second and go on into the day.
    run = run_to_end(command(tmp_path, sinks, start_time="2026-03-01T05:59:59+01:00"), tmp_path / "out")
    begun_at_night = {event["id"] for event in run.events() if event["wall_time"] < "2026-03-01T05:00:00"}
    assert begun_at_night
    told = [json.loads(line) for line in (tmp_path / "night.jsonl").read_text().splitlines()]
    assert told == [event for event in run.events() if event["id"] in begun_at_night]
    assert any(event["wall_time"] >= "2026-03-01T05:00:00" for event in told)
    outbox = run.report()["outbox"]
    assert outbox["night"] == {"pending": 0, "delivered": len(told), "dead": 0}
    assert outbox["ends"]["delivered"] == sum(event["type"] == "end" for event in told)
    assert outbox["day"]["delivered"] < len(run.events())


SECRET = "sw0rdfish99"


def lines(path: Path) -> list[str]:
    """Of a file that may not be there yet."""
    return path.read_text().splitlines() if path.exists() else []


def troubles(run: Running) -> dict[str, list[str]]:
    """What the log says of each sink at which something is wrong, as long as it is tried again."""
    said = [line for line in lines(run.out / "bartizan.log") if line.endswith("; it is tried again")]
    return {name: [line for line in said if f" sink {name}: " in line] for name in TROUBLE}


def is_analysed(run: Running) -> bool:
    """Whether all that there is to deliver lies in the outbox."""
    if not (run.out / "status.json").exists():
        return False
    return "done" in {each.state for each in read_status(run.out).processes if each.label == "alert"}


def stored(run: Running) -> int:
    """Messages that were raised so far."""
    with EventStore.open(run.out / "events.db", analysis_sha256=None) as store:
        return sum(1 for _ in store.events("content"))


def cut_short(run: Running) -> None:
    """The outbox will not get empty: twice says that it is not to be waited for."""
    for seconds in (1, 60, 60):
        run.command.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.command.wait(seconds)
            break
    assert run.wait() == 4, run.said()


def test_what_is_wrong_with_a_sink_is_told_in_one_line_and_nothing_is_lost(start: Start, tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, receiving(refusals=[401] * 1000) as receiver:
        hook = {"kind": "webhook", "name": "login", "url": receiver.url, "headers": {"X-Token": SECRET}}
        wrong: list[dict[str, Any]] = [
            hook,
            {"kind": "webhook", "name": "host", "url": f"http://gate:{SECRET}@nobody.invalid/"},
            {"kind": "mqtt", "name": "broker", "host": "localhost", "port": broker.port, "username": USER},
            {"kind": "jsonl", "name": "folder", "path": "/sys/alerts.jsonl"},
            {
                "kind": "webhook",
                "name": "text",
                "url": f"{receiver.url}/text",
                "body": '{"n": {{ 1 // (event.ordinal - 3) }} }',
            },
        ]
        wrong[2]["password"] = SECRET
        good = {"kind": "jsonl", "name": "good", "path": str(tmp_path / "good.jsonl")}
        arguments = command(tmp_path, [*wrong, good], "supervisor.drain_timeout_s=100")
        run = start(arguments, tmp_path / "out")
        run.wait_for(lambda: is_analysed(run) and all(troubles(run).values()), "all that is wrong to be told")
        run.wait_for(lambda: len(lines(tmp_path / "good.jsonl")) == stored(run), "what can be delivered")
        cut_short(run)
        events = run.events()
        assert [json.loads(line) for line in lines(tmp_path / "good.jsonl")] == events
        said = run.said()
        for name, told in troubles(run).items():
            assert len(told) == 1, told
            assert TROUBLE[name] in told[0]
        assert SECRET not in said + run.output.read_text()
        dead = {name: counts["dead"] for name, counts in run.report()["outbox"].items()}
        assert dead == {**dict.fromkeys([*TROUBLE, "good"], 0), "text": 0}
        receiver.refusals.clear()
        these = ["--sink", "login", "--sink", "text", "--set", f"sinks={json.dumps(wrong)}"]
        done = bartizan("deliver", "flush", run.out, *these)
        assert "sink text: 1 message is given up" in done.stderr
        of_hook = [request for request in receiver.acknowledged if "X-Token" in request.headers]
        assert [request.headers["Idempotency-Key"] for request in of_hook] == [event["message_id"] for event in events]


def test_a_program_and_a_broker_are_told_though_deliver_is_killed(start: Start, tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        heard: list[Any] = []
        listener = paho.Client(CallbackAPIVersion.VERSION2)
        listener.username_pw_set(USER, PASSWORD)
        listener.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        listener.on_message = lambda client, data, message: heard.append(message)
        listener.connect("127.0.0.1", broker.port)
        listener.loop_start()
        keys_file, gate = tmp_path / "keys", tmp_path / "gate"
        gate.touch()
        wait = f"while [ -e {gate} ] && [ $(wc -l < {keys_file}) -ge 4 ]; do sleep 0.02; done"
        script = f'echo "$BARTIZAN_KEY" >> {keys_file}; {wait}'
        sinks: list[dict[str, Any]] = [
            {"kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "username": USER, "password": PASSWORD},
            {"kind": "command", "command": ["sh", "-c", script]},
        ]
        try:
            run = start(command(tmp_path, sinks), tmp_path / "out")
            run.wait_for(lambda: len(lines(keys_file)) >= 4, "some messages")
            run.wait_for(lambda: any("events" in one.topic for one in list(heard)), "a message")
            run.signal("deliver", signal.SIGKILL)
            gate.unlink()
            assert run.wait() == 0, run.said()
            keys = [event["message_id"] for event in run.events()]
            for _ in until(PATIENCE_S, "the last message"):
                events = [json.loads(one.payload) for one in list(heard) if "events" in one.topic]
                said = [one.payload for one in list(heard) if one.topic == "bartizan/availability"]
                if len({event["id"] for event in events}) == len(keys) and said[-1:] == [b"offline"]:
                    break
        finally:
            listener.disconnect()
            listener.loop_stop()
    assert list(dict.fromkeys(event["id"] for event in events)) == keys
    assert list(dict.fromkeys(lines(keys_file))) == keys
    assert said[:2] == [b"online", b"offline"], "the last will of the one that was killed"
    assert PASSWORD not in run.said()
