from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.evaluate.events.disturbance import DISTURBANCES, shuffle
from lab.evaluate.events.interleaving import alone, site, together
from lab.evaluate.events.kind import KINDS, kind_of
from lab.evaluate.events.scoring import Window, pair, total
from lab.evaluate.events.trial import alarms, play_of, rule_of, run, try_out
from pipeline.detections import Detections
from pipeline.messages import FrameRecord

EXACT = [each for each in DISTURBANCES if each.exact]
ROUGH = {"speeding": 0.5}
"""Seconds more: what a speed over a second is, nobody can know to the frame."""
SEEDS = range(1000, 1004)


@pytest.mark.parametrize("rule", list(KINDS))
def test_undisturbed_every_event_is_told_within_a_frame_and_nothing_else(rule: str) -> None:
    tried = [try_out(rule, seed, disturbance, Window()) for disturbance in EXACT for seed in SEEDS]
    assert [trial for trial in tried if trial.pairing.missed or trial.pairing.false] == []
    late = [abs(error) - trial.frame_s for trial in tried for error in trial.pairing.score.errors_s]
    assert max(late) <= 1e-6 or (rule in ROUGH and max(late) <= ROUGH[rule])
    assert total(trial.pairing.score for trial in tried).events > 0


@pytest.mark.parametrize("rule", list(KINDS))
def test_a_scene_depends_on_its_number_alone(rule: str) -> None:
    assert play_of(rule, 5) == play_of(rule, 5)
    assert play_of(rule, 5) != play_of(rule, 6)


def test_the_truth_knows_nothing_of_the_disturbance() -> None:
    play, kind = play_of("in_field", 3), kind_of("in_field")
    options = rule_of("in_field", play.options).options
    worst = DISTURBANCES[-1]
    worst.records(play, camera="gate", seed=3)
    assert kind.truth(play.view(worst.fps), options) == kind.truth(play.view(10.0), options)


def test_a_rule_that_waits_a_frame_too_long_does_not_pass() -> None:
    """What the evaluation is for: were an inertia off by a frame, it would be seen."""
    clean = DISTURBANCES[0]
    found = []
    for seed in range(8):
        play, kind = play_of("in_field", seed), kind_of("in_field")
        truth = kind.truth(play.view(clean.fps), rule_of("in_field", play.options).options)
        slow = rule_of("in_field", play.options | {"enter_inertia_s": play.options["enter_inertia_s"] + 0.1})
        told = run([slow], "gate", clean.records(play, camera="gate", seed=seed))
        found.append(pair(truth, alarms(told), Window()).score)
    assert total(found).exact() < total(found).events


def test_shuffled_boxes_are_the_same_boxes() -> None:
    records = [
        r for r in DISTURBANCES[0].records(play_of("crowding", 1), camera="a", seed=1) if isinstance(r, FrameRecord)
    ]
    busy = max(records, key=lambda record: len(record.detections))
    mixed = shuffle(busy, Random(3))
    assert isinstance(mixed, FrameRecord)
    before, after = Detections.unpack(busy.detections), Detections.unpack(mixed.detections)
    assert sorted(before.xyxy.tolist()) == sorted(after.xyxy.tolist())
    assert before.xyxy.tolist() != after.xyxy.tolist()


@settings(max_examples=4, deadline=None)
@given(st.lists(st.sampled_from(list(KINDS)), min_size=2, max_size=4), st.integers(0, 10_000))
def test_cameras_interleaved_and_restored_say_what_each_says_alone(rules: list[str], seed: int) -> None:
    built, logs = site(rules, seed=seed)
    assert together(built, logs, Random(seed)) == alone(built, logs)


def test_those_cameras_have_something_to_say() -> None:
    told = alone(*site(["in_field", "loitering"], seed=0))
    assert all(b'"type":"start"' in events for events in told.values())
