"""Durable delivery, tried: a delivering process is killed again and again, and the receiver misbehaves."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.messages import Event
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event

ROUNDS = 20
CAMERAS = ("gate", "yard", "attic")
PER_CAMERA = 150


def fill(path: Path) -> None:
    with EventStore.open(path, analysis_sha256="a") as store:
        for ordinal in range(1, PER_CAMERA + 1):
            for camera in CAMERAS:
                event = sample_event(camera, ordinal)
                store.commit(camera, [event], Position(b"", 0, 0), lambda event: ["hook", "file"])


def wait_until(claim: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    with process:
        process.wait(10)


def in_order_of_first_arrival(receiver: Any) -> list[str]:
    return list(dict.fromkeys(request.headers["Idempotency-Key"] for request in receiver.requests))


@pytest.mark.slow
def test_kill_9_of_deliver_at_any_moment_loses_nothing_and_keeps_each_cameras_order(
    tmp_path: Path, root: Path, receiver: Any, answers: Any
) -> None:
    chance = random.Random(7)
    moods = [answers(200), answers(500), answers(429), lambda handler: handler.connection.close()]

    def behave(handler: Any) -> None:
        chance.choices(moods, (20, 1, 1, 1))[0](handler)

    receiver.answer(behave)
    fill(tmp_path / "events.db")
    command = [sys.executable, str(root / "tests/stages/deliver/programs/deliver_until_killed.py")]
    command += [str(tmp_path / "events.db"), receiver.url, str(tmp_path / "out.jsonl")]

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    for _ in range(ROUNDS):
        process, wanted = start(), len(receiver.requests) + chance.randint(1, 12)
        wait_until(lambda wanted=wanted: len(receiver.requests) >= wanted)  # type: ignore[misc]
        kill(process)
    process = start()
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store:
        wait_until(lambda: all(count["pending"] == 0 for count in store.outbox_counts().values()))
        kill(process)
        assert {state["delivered"] for state in store.outbox_counts().values()} == {len(CAMERAS) * PER_CAMERA}
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    written = [msgspec.json.decode(line, type=Event).message_id for line in lines]
    for arrived in (in_order_of_first_arrival(receiver), written):
        for camera in CAMERAS:
            mine = [message_id for message_id in arrived if f"-{camera}-" in message_id]
            assert mine == [f"sample-{camera}-{ordinal}" for ordinal in range(1, PER_CAMERA + 1)]
