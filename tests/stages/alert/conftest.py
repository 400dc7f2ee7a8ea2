"""Alerting on scripted scenes: rules and a script in, events out."""

from collections.abc import Callable, Sequence

import pytest

from pipeline.messages import Event
from pipeline.testing import Script, ScriptedTracker
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.stage import AlertStage

Watching = Callable[[Sequence[Rule], Script], list[Event]]


@pytest.fixture(scope="session")
def watch() -> Watching:
    """Runs rules over a script and gives the events."""

    def run(rules: Sequence[Rule], script: Script) -> list[Event]:
        stage = AlertStage(AlertOptions(), rules=rules, trackers=ScriptedTracker)
        return stage.process(script.camera, script.records()).events

    return run
