"""Alert and deliver, the real processes, over stored logs: killed at random points, to a receiver that misbehaves."""

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pipeline.build import build_alert
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.kept_analysis import KeptAnalysis
from pipeline.configuration.loading import load_config
from pipeline.journal.log import LogWriter
from pipeline.messages import SCHEMA, LogHeader
from pipeline.out_directory import claimed_out, prepare_out
from pipeline.process import Process, Role
from pipeline.restarts import RestartLimits
from pipeline.spec import RunSpec
from pipeline.store.event_store import EventStore
from pipeline.testing import Script, Walk
from tests.e2e.misbehaving import Misbehaving, misbehaving
from tests.e2e.running import PATIENCE_S

KILLS = 100
CAMERAS = ("gate", "yard", "attic")
WALK_S, WALKS, FPS = 8.0, 30, 5
LIMITS = RestartLimits(1000, 60.0, 0.0, 0.0)


def configuration(folder: Path, url: str) -> PipelineConfig:
    retry = "{first_s: 0.02, longest_s: 0.1, give_up_after_s: never}"
    cameras = "".join(f"  {name}: {{source: 'synthetic:112x96@5?frames=9&recording=yes'}}\n" for name in CAMERAS)
    (folder / "site.yml").write_text(
        f"cameras:\n{cameras}"
        "rules: [{rule: in_field, zone: [[0.3, 0.1], [0.7, 0.1], [0.7, 0.9], [0.3, 0.9]], update_s: 1}]\n"
        "stages: {detect: {kind: motion}}\n"
        f"sinks: [{{kind: webhook, name: hook, url: '{url}', timeout_s: 0.4, retry: {retry}}}]\n"
        f"out: {folder / 'out'}\n"
    )
    return load_config(folder / "site.yml")


def script(number: int) -> Script:
    """People who cross the zone, one after the other; each camera at times of its own."""
    walks = [
        Walk(stops=[(at, 0.1, 0.6), (at + WALK_S - 1.5, 0.9, 0.6)], track=track)
        for track in range(1, WALKS + 1)
        for at in [(track - 1) * WALK_S + number]
    ]
    return Script(walks=walks, seconds=WALKS * WALK_S + 4, fps=FPS)


def store_logs(config: PipelineConfig, out: Path) -> tuple[RunSpec, dict[str, list[str]]]:
    """Logs of all cameras, as dispatch leaves them, and the messages by camera that come of them."""
    kept = KeptAnalysis.of(config)
    kept.write(out)
    spec = RunSpec(
        config=config.to_spec(),
        out=str(out),
        run_dir=str(out.parent),
        ring_dir=str(out.parent),
        endpoint=f"ipc://{out.parent}/nobody",
        analysis_sha256=kept.sha256,
        cameras=list(config.cameras),
    )
    prepare_out(config, out, kept.sha256, overwrite=False)
    expected: dict[str, list[str]] = {}
    alert = build_alert(config)
    for number, camera in enumerate(CAMERAS):
        header = LogHeader(SCHEMA, camera, False, kept.sha256, "0" * 64)
        records = [header, *script(number).records()[1:]]
        log = LogWriter.open(spec.log_path(camera), header)
        for record in records[1:]:
            log.append(record)
        log.sync()
        log.close()
        expected[camera] = [event.message_id for event in alert.process(camera, records).events]
    spec.save(out.parent / "spec")
    return spec, expected


class Pair:
    """The two processes, without a supervisor."""

    def __init__(self, spec: Path, log: Path) -> None:
        self._spec = spec
        self._log = log
        self.alert, self.deliver = (Process(Role(stage), LIMITS) for stage in ("alert", "deliver"))
        self.both = (self.alert, self.deliver)

    def start(self, *wanted: Process) -> None:
        """Whichever of these, or of both, does not run."""
        for process in wanted or self.both:
            if not process.alive:
                with self._log.open("ab") as log:
                    process.launch(self._spec, time.monotonic_ns(), stderr=log)

    def listen(self) -> None:
        """Take what they say, or they cannot say more."""
        for process in self.both:
            if process.line is not None:
                with contextlib.suppress(Exception):
                    process.line.receive()

    def kill(self, *victims: Process) -> None:
        for process in victims:
            if process.alive:
                assert process.child is not None
                assert process.child.poll() is None, f"it ended by itself:\n{self._log.read_text()}"
                process.kill("the test")
                process.child.wait(PATIENCE_S)
                process.bury(time.monotonic_ns())


@contextlib.contextmanager
def a_pair(spec: Path, log: Path) -> Iterator[Pair]:
    made = Pair(spec, log)
    try:
        yield made
    finally:
        for process in (made.alert, made.deliver):
            if process.alive:
                process.kill("the end")
                process.bury(time.monotonic_ns())


def wait(pair: Pair, claim: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not claim():
        pair.listen()
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)  # asking the store more often costs as much as the processes themselves
    return True


def events_in(store: EventStore) -> int:
    return sum(store.outbox_counts().get("hook", {}).values())


def waiting(store: EventStore) -> int:
    return store.outbox_waiting(["hook"])["hook"]


@pytest.mark.slow
@pytest.mark.timeout(900)  # 90 s of processor time, most of it starting processes
def test_alert_and_deliver_killed_a_hundred_times_over_stored_logs_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    with misbehaving(seed=5) as receiver:
        config = configuration(tmp_path, receiver.url)
        with claimed_out(config) as out:
            spec, expected = store_logs(config, out)
            total = sum(map(len, expected.values()))
            assert min(map(len, expected.values())) > 80
            with spec.open_store() as store, a_pair(tmp_path / "spec", tmp_path / "processes.log") as pair:
                killed_at_work = disturb(pair, receiver, store, chance, total)
                receiver.well = True
                receiver.released.set()
                pair.start()
                assert wait(pair, lambda: events_in(store) == total, PATIENCE_S)
                assert wait(pair, lambda: store.outbox_counts()["hook"]["delivered"] == total, PATIENCE_S)
                check(receiver, store, expected)
    assert killed_at_work["alert"] > 15, killed_at_work
    assert killed_at_work["deliver"] > 15, killed_at_work


def disturb(pair: Pair, receiver: Misbehaving, store: EventStore, chance: random.Random, total: int) -> dict[str, int]:
    """A hundred kills; how many of them hit a process that had done something in its life."""
    at_work, kills = {"alert": 0, "deliver": 0}, 0
    while kills < KILLS:
        events, requests = events_in(store), receiver.count()
        is_alert = events < total and (chance.random() < 0.5 or waiting(store) == 0)
        pair.start(*([pair.alert, pair.deliver] if is_alert else [pair.deliver]))
        if chance.random() < 0.05:
            receiver.down()
        if chance.random() < 0.25:  # while it starts
            wait(pair, lambda: False, chance.random() * 0.5)
        elif is_alert:
            wait_for_some(pair, partial(events_in, store), min(events + chance.randint(1, 4), total))
        elif receiver.is_up:
            wait_for_some(pair, receiver.count, requests + min(chance.randint(1, 6), waiting(store)))
        wait(pair, lambda: False, chance.random() * 0.02)
        spared = is_alert and chance.random() < 0.3
        victims = [pair.alert] if spared else [process for process in pair.both if process.alive]
        at_work["alert"] += pair.alert in victims and events_in(store) > events
        at_work["deliver"] += pair.deliver in victims and receiver.count() > requests
        pair.kill(*victims)
        kills += len(victims)
        if not receiver.is_up:
            receiver.up()
    return at_work


def wait_for_some(pair: Pair, count: Callable[[], int], wanted: int) -> None:
    """Until there are so many, or it takes too long."""
    wait(pair, lambda: count() >= wanted, 10)


def check(receiver: Misbehaving, store: EventStore, expected: dict[str, list[str]]) -> None:
    """Each message arrived, each camera's in order; those that came twice had the same key and the same body."""
    arrived = receiver.first_arrivals()
    cameras = {key: json.loads(body)["data"]["camera"] for key, body in arrived.items()}
    for camera, keys in expected.items():
        assert [key for key in arrived if cameras[key] == camera] == keys
        assert [stored.message_id for stored in store.events() if stored.event.camera == camera] == keys
    assert len(arrived) == sum(map(len, expected.values()))
    assert len(receiver.arrivals) > len(arrived), "nothing came twice: the receiver behaved too well"
