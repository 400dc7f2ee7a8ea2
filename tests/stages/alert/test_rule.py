"""A rule that the stage has never heard of: one class, and everything else is done for it."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import msgspec

from pipeline.messages import Event
from pipeline.registry import RULES, resolve
from pipeline.testing import Script, Walk
from stages.alert.options import RuleOptions
from stages.alert.rule import WHOLE_SCENE, Claim, NoMemory
from stages.alert.scene import Scene

Watching = Callable[[list[Any], Script], list[Event]]


class CrowdOptions(RuleOptions):
    rule: Literal["crowd"] = "crowd"
    most: int = 2


class Crowd:
    Options: ClassVar[type[CrowdOptions]] = CrowdOptions
    Memory: ClassVar[type[msgspec.Struct]] = NoMemory
    momentary: ClassVar[bool] = False

    def __init__(self, options: CrowdOptions) -> None:
        self.options = options

    def look(self, scene: Scene, memory: dict[int, NoMemory]) -> list[Claim]:
        return [Claim(WHOLE_SCENE, "people", len(scene), self.options.most)] if len(scene) > self.options.most else []

    def describe(self, who: str, claim: Claim) -> str:
        return f"{claim.value} people, more than {claim.threshold}"

    def region(self) -> dict[str, Any]:
        return {}


def test_a_rule_about_the_whole_scene_needs_one_class(watch: Watching) -> None:
    people = [Walk(stops=[(n, n / 5, 0.5), (10 - n, n / 5, 0.6)], track=n) for n in (1, 2, 3)]
    car = Walk(stops=[(0, 0.9, 0.5), (12, 0.9, 0.5)], track=9, class_id=1)
    options = CrowdOptions(classes=("person",), update_s=0)
    start, end = watch([Crowd(options)], Script(walks=[*people, car], seconds=12))
    assert (start.media_time, end.media_time, end.ended) == (3.3, 8.1, "left")
    assert (start.rule, start.name, start.object) == ("crowd", "crowd", None)
    assert start.reason == "3 people, more than 2"


def test_every_rule_of_the_table_has_a_schema_in_which_all_is_described() -> None:
    for kind, target in RULES.items():
        if not target.startswith("stages.alert."):
            continue
        schema = resolve(kind, RULES).Options.model_json_schema()
        assert all("description" in field for field in schema["properties"].values() if "const" not in field)
