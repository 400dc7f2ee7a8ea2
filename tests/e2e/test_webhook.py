"""Alerts on their way to a real receiver: each arrives, signed, whatever fails in between."""

import hashlib
import hmac
import json
import signal
from pathlib import Path

from tests.e2e.conftest import Start
from tests.e2e.faulty import DETECTOR, SOURCE, write_clip
from tests.e2e.receiver import Receiver, receiving
from tests.e2e.running import Running, run_to_end
from tests.servers.process import free_port

SECRET = "open-sesame-4711"


def command(folder: Path, url: str, *options: str) -> list[str]:
    """A recording, and a webhook that is tried again soon."""
    clip = write_clip(folder / "clip.pattern", frames=60)
    values = [
        f"cameras.clip.backend={SOURCE}",
        f"stages.detect.kind={DETECTOR}",
        f"sinks=[{{kind: webhook, url: '{url}', secret: {SECRET}, retry: {{first_s: 0.05, longest_s: 0.1}}}}]",
        "supervisor.backoff_first_s=0.05",
    ]
    rules = ["--rule", "in_field:update_s=0.3"]
    settings = [word for value in [*values, *options] for word in ("--set", value)]
    return ["process", str(clip), "--out", str(folder / "out"), *rules, *settings]


def check_received(run: Running, receiver: Receiver) -> None:
    """Every message was acknowledged, in order, and is what the events say; no other was sent."""
    messages = {event["message_id"]: event for event in run.events()}
    first: dict[str, bytes] = {}
    for request in receiver.acknowledged:
        first.setdefault(request.headers["Idempotency-Key"], request.body)
    assert list(first) == list(messages)
    for request in receiver.requests:
        envelope = json.loads(request.body)
        assert envelope["id"] == request.headers["Idempotency-Key"]
        assert envelope["data"] == messages[envelope["id"]]
        assert is_signed(request.headers["X-Bartizan-Signature"], request.body)
    assert run.report()["outbox"]["webhook"] == {"pending": 0, "delivered": len(messages), "dead": 0}
    assert SECRET not in run.said()


def is_signed(header: str, body: bytes) -> bool:
    """As a receiver checks it."""
    stamp, digest = (part.partition("=")[2] for part in header.split(","))
    return hmac.compare_digest(
        digest, hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    )


def test_every_message_arrives_though_the_receiver_fails_and_deliver_is_killed(start: Start, tmp_path: Path) -> None:
    kills = (4, 14)
    with receiving(refusals=[500] * 12 + [503, 429, 200] * 4, pauses=kills) as receiver:
        run = start(command(tmp_path, receiver.url), tmp_path / "out")
        for count in kills:
            run.wait_for(lambda count=count: len(receiver.requests) >= count, f"{count} requests")  # type: ignore[misc]
            run.signal("deliver", signal.SIGKILL)
            receiver.resumed.set()
        assert run.wait() == 0, run.said()
        assert run.report()["balanced"]
        check_received(run, receiver)
        assert len(run.events()) > 10
        assert run.restarts("deliver") == ["killed from outside (SIGKILL)"] * 2


def test_what_was_not_delivered_in_time_is_told_and_delivered_by_the_next_run(tmp_path: Path) -> None:
    port = free_port()
    arguments = command(tmp_path, f"http://127.0.0.1:{port}/alerts", "supervisor.drain_timeout_s=3")
    first = run_to_end(arguments, tmp_path / "out", code=4)
    outbox = first.report()["outbox"]["webhook"]
    assert outbox == {"pending": len(first.events()), "delivered": 0, "dead": 0}
    assert f"sink webhook: {outbox['pending']} messages are not delivered; run again" in first.output.read_text()
    events = (first.out / "events.jsonl").read_bytes()
    with receiving(port) as receiver:
        second = run_to_end(arguments, tmp_path / "out")
        check_received(second, receiver)
    assert len(receiver.requests) == outbox["pending"]
    assert (second.out / "events.jsonl").read_bytes() == events


def test_a_message_that_is_refused_for_good_holds_back_no_other(tmp_path: Path) -> None:
    with receiving(refusals=[200, 410]) as receiver:
        run = run_to_end(command(tmp_path, receiver.url), tmp_path / "out")
    total = len(run.events())
    assert run.report()["outbox"]["webhook"] == {"pending": 0, "delivered": total - 1, "dead": 1}
    assert len(receiver.requests) == total
