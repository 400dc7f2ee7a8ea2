"""Whether cameras that share one process, and processes that stop and go on, say what each camera says alone: with the
tracker and the rules of a real run."""

from collections.abc import Sequence
from random import Random

import msgspec

from lab.evaluate.events.disturbance import DISTURBANCES
from lab.evaluate.events.trial import play_of, rule_of
from pipeline.messages import Event, Record
from pipeline.registry import TRACKERS, resolve
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.stage import AlertStage

Logs = dict[str, list[Record]]


def site(rules: Sequence[str], *, seed: int) -> tuple[list[Rule], Logs]:
    """A camera for each of these rules, which watches a scene of its own under the worst disturbance."""
    built, logs = [], {}
    for number, rule in enumerate(rules):
        camera = f"{rule} {number}"
        play = play_of(rule, seed + number)
        built.append(rule_of(rule, play.options | {"name": camera, "cameras": [camera]}))
        logs[camera] = DISTURBANCES[-1].records(play, camera=camera, seed=seed + number)
    return built, logs


def alone(rules: Sequence[Rule], logs: Logs) -> dict[str, bytes]:
    """What each camera says in a process of its own."""
    return {camera: written(_stage(rules).process(camera, records).events) for camera, records in logs.items()}


def together(rules: Sequence[Rule], logs: Logs, random: Random) -> dict[str, bytes]:
    """What they say in one process, records coming in pieces, in any order of cameras, and the process being replaced
    by another, from the saved states alone, now and then."""
    stage = _stage(rules)
    told: dict[str, list[Event]] = {camera: [] for camera in logs}
    read = dict.fromkeys(logs, 0)
    while left := [camera for camera in logs if read[camera] < len(logs[camera])]:
        camera = random.choice(left)
        start = read[camera]
        read[camera] = start + random.randint(1, 40)
        told[camera] += stage.process(camera, logs[camera][start : read[camera]]).events
        if random.random() < 0.1:
            states = {each: stage.state(each) for each in logs}
            stage = _stage(rules)
            for each, state in states.items():
                stage.restore(each, state)
    return {camera: written(events) for camera, events in told.items()}


def written(events: Sequence[Event]) -> bytes:
    """Events as they go into a file."""
    return b"\n".join(msgspec.json.encode(event) for event in events)


def _stage(rules: Sequence[Rule]) -> AlertStage:
    tracker = resolve("bytetrack", TRACKERS)
    return AlertStage(AlertOptions(), rules=rules, trackers=lambda _: tracker(tracker.Options()))
