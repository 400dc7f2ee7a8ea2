"""Sinks in a whole pipeline: each is sent what is its own, and none waits for another."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.e2e.conftest import Start
from tests.e2e.faulty import DETECTOR, SOURCE, write_clip
from tests.e2e.receiver import receiving
from tests.e2e.running import ROOT, run_to_end, until
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
        arguments = command(tmp_path, sinks, "supervisor.drain_timeout_s=15", "supervisor.liveness_s=4")
        run = start(arguments, tmp_path / "out")
        assert run.wait() == 4, run.said()
    report = run.report()
    count = len(run.events())
    assert count > 10
    assert report["outbox"]["jsonl"] == {"pending": 0, "delivered": count, "dead": 0}
    assert report["outbox"]["webhook"] == {"pending": count, "delivered": 0, "dead": 0}
    reasons = {restart["reason"] for restart in report["restarts"]}
    assert reasons <= {"did not finish within 15 s"}, "it was never taken for hung"
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


def test_what_is_wrong_with_a_sink_is_told_in_one_line_and_nothing_is_lost(tmp_path: Path) -> None:
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
        arguments = command(tmp_path, [*wrong, good], "supervisor.drain_timeout_s=2")
        run = run_to_end(arguments, tmp_path / "out", code=4)
        events = run.events()
        assert [json.loads(line) for line in (tmp_path / "good.jsonl").read_text().splitlines()] == events
        said = (tmp_path / "out" / "bartizan.log").read_text()
        told = {name: [line for line in said.splitlines() if f" sink {name}: " in line] for name in TROUBLE}
        for name, words in TROUBLE.items():
            assert len([line for line in told[name] if line.endswith("; it is tried again")]) == 1, told[name]
            assert words in told[name][0]
        assert SECRET not in said + run.output.read_text()
        dead = {name: counts["dead"] for name, counts in run.report()["outbox"].items()}
        assert dead == {**dict.fromkeys([*TROUBLE, "good"], 0), "text": 0}
        receiver.refusals.clear()
        flush = [
            sys.executable,
            "-m",
            "pipeline.cli",
            "deliver",
            "flush",
            str(run.out),
            "--sink",
            "login",
            "--sink",
            "text",
        ]
        flush += ["--set", f"sinks={json.dumps(wrong)}"]
        done = subprocess.run(flush, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
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
        sinks: list[dict[str, Any]] = [
            {"kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "username": USER, "password": PASSWORD},
            {"kind": "command", "command": ["sh", "-c", f'echo "$BARTIZAN_KEY" >> {tmp_path}/keys; sleep 0.05']},
        ]
        try:
            run = start(command(tmp_path, sinks), tmp_path / "out")
            for _ in until(60, "some messages"):
                if (tmp_path / "keys").exists() and len((tmp_path / "keys").read_text().splitlines()) > 3:
                    break
            run.signal("deliver", signal.SIGKILL)
            assert run.wait() == 0, run.said()
            keys = [event["message_id"] for event in run.events()]
            for _ in until(10, "the last message"):
                events = [json.loads(one.payload) for one in list(heard) if "events" in one.topic]
                said = [one.payload for one in list(heard) if one.topic == "bartizan/availability"]
                if len({event["id"] for event in events}) == len(keys) and said[-1:] == [b"offline"]:
                    break
        finally:
            listener.disconnect()
            listener.loop_stop()
    assert list(dict.fromkeys(event["id"] for event in events)) == keys
    assert list(dict.fromkeys((tmp_path / "keys").read_text().splitlines())) == keys
    assert said[:2] == [b"online", b"offline"], "the last will of the one that was killed"
    assert PASSWORD not in run.said()
