"""The end of a run whose receiver takes nothing: it is waited for, what is left is told, and goes out later."""

import json
import time
from pathlib import Path

import pytest

from tests.e2e.faulty import DETECTOR, SOURCE, write_clip
from tests.e2e.misbehaving import SLOW_S, Misbehaving, misbehaving
from tests.e2e.running import Running, bartizan, run_to_end

DRAIN_S = 1.5
REASONS = {
    "500": "answered 500",
    "hang": "did not answer in time",
    "close": "cannot be reached",
    "close in the answer": "cannot be reached",
}


def sinks(receiver: Misbehaving, timeout_s: float = 0.5) -> str:
    # What failed a few times waits for an hour: the end of a run and `deliver flush` do not.
    retry = "retry: {first_s: 3600, longest_s: 3600}"
    return f"sinks=[{{kind: webhook, name: hook, url: '{receiver.url}', timeout_s: {timeout_s}, {retry}}}]"


def command(folder: Path, receiver: Misbehaving, *, update_s: float = 0.5, timeout_s: float = 0.5) -> list[str]:
    clip = write_clip(folder / "clip.pattern", frames=40)
    detector = [f"kind={DETECTOR}", f"gate={folder / 'gate'}", "frame=35"]
    values = [f"cameras.clip.backend={SOURCE}", sinks(receiver, timeout_s), "stages.dispatch.lease_s=100"]
    values += ["supervisor.liveness_s=100", *(f"stages.detect.{value}" for value in detector)]
    settings = [word for value in values for word in ("--set", value)]
    rest = ["--drain-timeout", f"{DRAIN_S}s", *settings]
    return ["process", str(clip), "--out", str(folder / "out"), "--rule", f"in_field:update_s={update_s}", *rest]


def run_beside(receiver: Misbehaving, arguments: list[str], folder: Path, *, requests: int) -> Running:
    """A run whose recording is not over before it has sent so many requests: else nothing is tried in the little time
    that its end has, where processes are slow to start."""
    (folder / "gate").touch()
    receiver.noticed = requests, folder / "gate"
    return run_to_end(arguments, folder / "out", code=4)


@pytest.mark.slow
@pytest.mark.parametrize("mood", REASONS)
def test_what_a_receiver_did_not_take_is_told_with_the_reason_and_flushed_later(tmp_path: Path, mood: str) -> None:
    with misbehaving(seed=1) as receiver:
        receiver.always = mood
        began = time.monotonic()
        run = run_beside(receiver, command(tmp_path, receiver), tmp_path, requests=1)
        assert time.monotonic() - began > DRAIN_S
        messages = [event["message_id"] for event in run.events()]
        said = run.output.read_text()
        assert f"sink hook: {len(messages)} messages are not delivered; run again to go on, or: bartizan" in said
        assert REASONS[mood] in said
        assert run.report()["outbox"]["hook"] == {"pending": len(messages), "delivered": 0, "dead": 0}
        assert len(receiver.arrivals) > 1, "the end of the run did not try again"
        receiver.well, receiver.always = True, ""
        receiver.released.set()
        done = bartizan("deliver", "flush", run.out, "--set", sinks(receiver))
        assert done.stdout == f"sink hook: {len(messages)} of {len(messages)} settled\n"
        assert list(receiver.first_arrivals()) == messages


@pytest.mark.slow
def test_a_receiver_that_takes_a_message_now_and_then_does_not_hold_the_end_for_longer_than_was_said(
    tmp_path: Path,
) -> None:
    with misbehaving(seed=1) as receiver:
        receiver.always = "slow"
        arguments = command(tmp_path, receiver, update_s=0.1, timeout_s=10)
        run = run_beside(receiver, arguments, tmp_path, requests=2)  # the first was taken, then
        counts, taken = run.report()["outbox"]["hook"], len(receiver.arrivals)
        assert counts["delivered"] > 0
        assert counts["pending"] * SLOW_S > DRAIN_S, "all was taken in time: nothing was tried"
        assert f"sink hook: {counts['pending']} messages are not delivered; run again" in run.output.read_text()
        settings = ["--set", sinks(receiver, timeout_s=10), "--drain-timeout", f"{DRAIN_S}s"]
        bartizan("deliver", "flush", run.out, *settings, code=4)
        assert 0 < len(receiver.arrivals) - taken < counts["pending"] / 2, "it went on as long as something was taken"
        receiver.released.set()
        rest = run_to_end([word for word in arguments if word not in settings[2:]], tmp_path / "out")
        assert rest.report()["outbox"]["hook"] == {"pending": 0, "delivered": len(run.events()), "dead": 0}


@pytest.mark.slow
def test_the_next_run_goes_on_with_what_is_left_and_a_receiver_that_comes_back_is_noticed(tmp_path: Path) -> None:
    with misbehaving(seed=1) as receiver:
        receiver.always = "500"
        first = run_to_end(command(tmp_path, receiver), tmp_path / "out", code=4)
        receiver.well, receiver.always = True, ""
        second = run_to_end(command(tmp_path, receiver), tmp_path / "out")
        taken = [arrival for arrival in receiver.arrivals if arrival.mood == "take"]
        assert [json.loads(arrival.body)["data"] for arrival in taken] == first.events() == second.events()


@pytest.mark.slow
def test_what_waits_for_a_sink_that_was_renamed_is_told_by_the_next_run_and_kept_for_it(tmp_path: Path) -> None:
    with misbehaving(seed=1) as receiver:
        receiver.always = "500"
        arguments = command(tmp_path, receiver)
        count = len(run_to_end(arguments, tmp_path / "out", code=4).events())
        receiver.always = ""
        receiver.well = True
        renamed = [word.replace("name: hook", "name: hooky") for word in arguments]
        before = receiver.count()
        said = run_to_end(renamed, tmp_path / "out").said()
        assert f"WARNING deliver pipeline.runners.deliver: {count} messages wait for sink hook, which the" in said
        assert f"sink hook: {count} messages are not delivered; the configuration has no sink of that name" in said
        assert receiver.count() == before
        run_to_end(arguments, tmp_path / "out")
        assert len(receiver.first_arrivals()) == count
