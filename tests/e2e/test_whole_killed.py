"""The whole pipeline, killed ten times at random points, with a receiver that misbehaves all the while."""

import json
import random
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.faulty import DETECTOR, SOURCE, write_clip
from tests.e2e.misbehaving import Misbehaving, misbehaving
from tests.e2e.running import Running, run_to_end

KILLS = 10
FRAMES = 160
CAMERAS = ("gate", "yard")


def command(folder: Path, out: Path, url: str = "") -> list[str]:
    """Two recordings; with a webhook, if there is an address."""
    clips = [str(write_clip(folder / f"{camera}.pattern", frames=FRAMES)) for camera in CAMERAS]
    hook = f"kind: webhook, url: '{url}', timeout_s: 0.5, retry: {{first_s: 0.02, longest_s: 0.2}}"
    values = [
        *(f"cameras.{camera}.backend={SOURCE}" for camera in CAMERAS),
        f"stages.detect.kind={DETECTOR}",
        "stages.detect.delay_s=0.01",
        *([f"sinks=[{{{hook}}}]"] if url else []),
    ]
    settings = [word for value in values for word in ("--set", value)]
    return ["process", *clips, "--out", str(out), "--rule", "in_field:update_s=0.3", *settings]


def come_on(run: Running, receiver: Misbehaving, chance: random.Random, frames: int) -> None:
    """To a random point of its life: while it starts, at work, or while it delivers. It is not over then: it needs more
    answers than it gets."""
    receiver.most, at_work = receiver.count() + chance.randint(1, 6), chance.random() < 0.8
    if at_work:
        target = min(frames + chance.randint(1, 30), FRAMES - 1)
        run.wait_frames(CAMERAS[0], target)
    run.wait_for(lambda: chance.random() < 0.02 or receiver.count() >= (receiver.most or 0), "a while")


@pytest.mark.slow
@pytest.mark.timeout(900)  # 40 s of processor time, most of it starting processes
def test_a_pipeline_killed_ten_times_loses_no_alert_and_its_events_are_those_of_a_calm_run(
    start: Start, tmp_path: Path
) -> None:
    chance, unfinished = random.Random(11), 0
    calm = run_to_end(command(tmp_path, tmp_path / "calm"), tmp_path / "calm")
    with misbehaving(seed=11) as receiver:
        arguments, out, frames = command(tmp_path, tmp_path / "out", receiver.url), tmp_path / "out", 0
        for number in range(KILLS):
            if number % 4 == 3:
                receiver.down()
            run = start(arguments, out)
            come_on(run, receiver, chance, frames)
            unfinished += run.command.poll() is None
            run.kill()
            frames = run.frames(CAMERAS[0])
            if not receiver.is_up:
                receiver.up()
        receiver.well = True
        receiver.released.set()
        last = run_to_end(arguments, out)
    assert unfinished == KILLS, "some runs were over before they were killed"
    assert (out / "events.jsonl").read_bytes() == (calm.out / "events.jsonl").read_bytes()
    expected = {event["message_id"]: event for event in last.events()}
    assert len(expected) > 40
    arrived = receiver.first_arrivals()
    assert {key: json.loads(body)["data"] for key, body in arrived.items()} == expected
    for camera in CAMERAS:
        assert [key for key in arrived if expected[key]["camera"] == camera] == [
            key for key, event in expected.items() if event["camera"] == camera
        ]
    assert last.report()["outbox"]["webhook"] == {"pending": 0, "delivered": len(expected), "dead": 0}
