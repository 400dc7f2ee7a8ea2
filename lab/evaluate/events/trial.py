"""One scene of one rule under one disturbance: what was to be told, and what was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from lab.evaluate.events.disturbance import Disturbance
from lab.evaluate.events.kind import Play, kind_of
from lab.evaluate.events.scoring import Alarm, Pairing, Window, pair
from pipeline.messages import Event, Record
from pipeline.registry import RULES, resolve
from pipeline.testing import ScriptedTracker
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.stage import AlertStage


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    rule: str
    disturbance: str
    seed: int
    frame_s: float
    pairing: Pairing


def rule_of(rule: str, options: dict[str, Any]) -> Rule:
    """A rule built from options as YAML gives them. Raises ``ValidationError``."""
    made = resolve(rule, RULES)
    built: Rule = made(made.Options.model_validate(options))
    return built


def play_of(rule: str, seed: int) -> Play:
    """The scene with this number."""
    return kind_of(rule).play(Random(f"{rule} {seed}"))


def try_out(rule: str, seed: int, disturbance: Disturbance, window: Window) -> Trial:
    """Generate, disturb, run and score."""
    play, kind = play_of(rule, seed), kind_of(rule)
    built = rule_of(rule, play.options)
    truth = kind.truth(play.view(disturbance.fps), built.options)
    records = disturbance.records(play, camera="gate", seed=seed)
    events = run([built], "gate", records)
    return Trial(rule, disturbance.name, seed, 1 / disturbance.fps, pair(truth, alarms(events), window))


def run(rules: Sequence[Rule], camera: str, records: Sequence[Record]) -> list[Event]:
    """Rules over a scripted log."""
    return AlertStage(AlertOptions(), rules=rules, trackers=ScriptedTracker).process(camera, records).events


def alarms(events: Sequence[Event]) -> list[Alarm]:
    """The starts, each with the first track of its walk; switched tracks are told by their hundreds."""
    starts = [event for event in events if event.type == "start"]
    return [Alarm(event.media_time, event.object.track_id % 100 if event.object else 0) for event in starts]


def trials(
    rules: Sequence[str], seeds: Sequence[int], disturbances: Sequence[Disturbance], window: Window
) -> Iterator[Trial]:
    """All of them."""
    for rule in rules:
        for disturbance in disturbances:
            for seed in seeds:
                yield try_out(rule, seed, disturbance, window)
