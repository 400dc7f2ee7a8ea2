"""A rule can claim something of a thing that no detector named, and read what capture measured."""

from typing import Any, ClassVar

import pytest

from pipeline.messages import Event
from pipeline.testing import Script
from stages.alert.options import RuleOptions
from stages.alert.rule import Claim, NoMemory
from stages.alert.scene import Scene
from tests.stages.alert.conftest import Watching


class GlowOptions(RuleOptions):
    """A rule for this test: something glows where capture says."""

    rule: str = "glow"

    @property
    def needs(self) -> frozenset[str]:
        """Capture's word."""
        return frozenset({"glow"})


class Glow:
    """Fulfils ``Rule``."""

    Options: ClassVar[type[GlowOptions]] = GlowOptions
    Memory: ClassVar[type[NoMemory]] = NoMemory
    momentary = False

    def __init__(self, options: GlowOptions) -> None:
        self.options = options

    def look(self, scene: Scene, memory: dict[int, Any]) -> list[Claim]:
        """A claim for each glowing place."""
        places = scene.features.get("glow", [])
        return [
            Claim(-1 - number, "glow", 1.0, 0.5, facts={"colour": "red"}, place=tuple(place))
            for number, place in enumerate(places)
        ]

    def describe(self, who: str, claim: Claim) -> str:
        """What it does."""
        return f"{who} glows"

    def region(self) -> dict[str, Any]:
        """None."""
        return {}


@pytest.fixture
def events(watch: Watching) -> list[Event]:
    """Two things glow from second 2 to 4."""

    def measured(seconds: float) -> dict[str, Any]:
        return {"glow": [[0.1, 0.1, 0.2, 0.3], [0.5, 0.5, 0.6, 0.9]] if 2 <= seconds < 4 else []}

    return watch([Glow(GlowOptions())], Script(walks=[], seconds=8, measured=measured))


def test_each_thing_has_an_event_of_its_own_with_its_place(events: list[Event]) -> None:
    starts = [event for event in events if event.type == "start"]
    assert [event.object.box for event in starts if event.object] == [(0.1, 0.1, 0.2, 0.3), (0.5, 0.5, 0.6, 0.9)]
    assert len({event.id for event in starts}) == 2
    assert {event.reason for event in starts} == {"something glows"}


def test_its_event_ends_as_left_when_the_claim_is_gone(events: list[Event]) -> None:
    ends = [event for event in events if event.type == "end"]
    assert [(event.ended, event.media_time) for event in ends] == [("left", 5.0)] * 2


def test_the_facts_of_a_claim_stand_in_its_trace(events: list[Event]) -> None:
    assert {
        "time": 2.0,
        "predicate": "glow",
        "value": 1.0,
        "comparison": ">=",
        "threshold": 0.5,
        "colour": "red",
    } in events[0].why
