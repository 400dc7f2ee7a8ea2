"""A whole pipeline with a governor: few notifications, the same record of events, and sums that agree."""

import json
import signal
from collections import Counter
from pathlib import Path

from tests.e2e.conftest import Start
from tests.e2e.receiver import receiving
from tests.e2e.running import run_to_end
from tests.e2e.test_webhook import command

GOVERNOR = "governor={enabled: true, merge_s: 5, cooldown_s: 1, episode_s: 60, update_s: 1, per_rule: 2, digest_s: 600}"


def test_a_governed_receiver_gets_little_and_is_told_of_the_rest_though_deliver_is_killed(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    with receiving() as every:
        plain = run_to_end(command(tmp_path / "plain", every.url), tmp_path / "plain" / "out")
    kills = (3, 6)
    with receiving(refusals=[500] * 4 + [503, 200] * 2, pauses=kills) as receiver:
        run = start(command(tmp_path, receiver.url, GOVERNOR), tmp_path / "out")
        for count in kills:
            run.wait_for(lambda count=count: len(receiver.requests) >= count, f"{count} requests")  # type: ignore[misc]
            run.signal("deliver", signal.SIGKILL)
            receiver.resumed.set()
        assert run.wait() == 0, run.said()
    assert (run.out / "events.jsonl").read_bytes() == (plain.out / "events.jsonl").read_bytes()
    report = run.report()
    governed, outbox = report["governor"]["webhook"], report["outbox"]["webhook"]
    assert governed["events"] == len({event["id"] for event in run.events()})
    assert governed["delivered"] + governed["merged"] + governed["held"] == governed["events"]
    assert 0 < outbox["delivered"] < len(run.events()) == sum(outbox.values())
    got = {request.headers["Idempotency-Key"]: json.loads(request.body) for request in receiver.acknowledged}
    digests = [envelope["data"] for envelope in got.values() if envelope["type"] == "bartizan.governor.digest"]
    assert len(got) == outbox["delivered"] + len(digests)
    told: Counter[str] = Counter()
    for line in (line for digest in digests for line in digest["why"]):
        told[line["predicate"]] += line["value"]
    assert told == Counter(held_back=governed["held"], merged=governed["merged"])
    assert f"sink webhook: {governed['delivered']} of {governed['events']} events delivered" in run.output.read_text()
