"""Alerting on scripted scenes: rules and a script in, events out."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from pipeline.messages import Event
from pipeline.testing import Script, ScriptedTracker
from stages.alert.options import AlertOptions
from stages.alert.rule import Rule
from stages.alert.stage import AlertStage
from stages.alert.verdict import verdict

Watching = Callable[[Sequence[Rule], Script], list[Event]]
Resuming = Callable[[Callable[[], Sequence[Rule]], Script], None]


@pytest.fixture(scope="session")
def watch() -> Watching:
    """Runs rules over a script and gives the events, each of which must follow from its own record."""

    def run(rules: Sequence[Rule], script: Script) -> list[Event]:
        stage = AlertStage(AlertOptions(), rules=rules, trackers=ScriptedTracker)
        events = stage.process(script.camera, script.records()).events
        for event in events:
            assert verdict(event).follows, f"{event.type} of {event.rule}: {verdict(event).failed}"
        return events

    return run


@pytest.fixture(scope="session")
def resumed() -> Resuming:
    """Asserts that saving and restoring the stage at every single record changes no byte of its events."""

    def run(rules: Callable[[], Sequence[Rule]], script: Script) -> None:
        whole = AlertStage(AlertOptions(), rules=rules(), trackers=ScriptedTracker)
        expected = whole.process(script.camera, script.records()).events
        assert expected, "a script without events shows nothing"
        current, events = AlertStage(AlertOptions(), rules=rules(), trackers=ScriptedTracker), []
        for record in script.records():
            events += current.process(script.camera, [record]).events
            kept = current.state(script.camera)
            current = AlertStage(AlertOptions(), rules=rules(), trackers=ScriptedTracker)
            current.restore(script.camera, kept)
            assert current.state(script.camera) == kept
        assert msgspec.json.encode(events) == msgspec.json.encode(expected)
        assert current.state(script.camera) == whole.state(script.camera)

    return run
