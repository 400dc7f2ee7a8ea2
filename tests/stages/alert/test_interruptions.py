"""Rules that remember much, on random scenes: interrupted anywhere they say the same, and it can be checked."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.messages import Record
from pipeline.registry import RULES, resolve
from stages.alert.rule import Rule
from stages.alert.verdict import verdict
from tests.stages.alert.test_stage import logs, stage, written

FLOOR = {
    "homography": {
        "picture": [[0.1, 0.9], [0.9, 0.9], [0.9, 0.1], [0.1, 0.1]],
        "ground_m": [[0, 0], [8, 0], [8, 8], [0, 8]],
    }
}
LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
RIGHT = [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
LINE = [[0.5, 0.1], [0.5, 0.9]]
SOON = {"min_age_s": 0.1, "min_confidence": 0.2}


def made(kind: str, **options: Any) -> Rule:
    found = resolve(kind, RULES)
    rule: Rule = found(found.Options.model_validate({"update_s": 1, "min_age_s": 0.1, "rearm_s": 1, **options}))
    return rule


def part(kind: str, **options: Any) -> dict[str, Any]:
    return {"rule": kind, **SOON, **options}


def rules() -> list[Rule]:
    """With limits so low that random walks exceed them."""
    after = part("any", of=[part("line_crossed", line=LINE), part("in_field", zone=RIGHT)])
    near = part("proximity", limit_heights=3, enter_inertia_s=0.2)
    return [
        made("speeding", limit_heights_per_s=0.3, enter_inertia_s=0.1),
        made("speeding", name="metres", limit_mps=0.5, calibration=FLOOR, enter_inertia_s=0.1, zone=LEFT),
        made("fall", classes=[], upright=0.3, lying=0.5, drop=0.05, still_s=0.5),
        made("proximity", first=["person"], second=["car"], limit_m=3, calibration=FLOOR, enter_inertia_s=0.2),
        made("tailgating", line=LINE, rearm_s=0),
        made("then", within_s=5, of=[part("in_field", zone=LEFT), after]),
        made("all", about="camera", of=[part("in_field", zone=LEFT, classes=["person"]), near]),
        made("any", of=[part("tailgating", line=LINE), part("speeding", limit_heights_per_s=0.5)]),
    ]


@settings(max_examples=15, deadline=None)
@given(logs(), st.data())
def test_an_interruption_changes_no_byte_and_every_start_follows_from_its_record(
    records: list[Record], data: st.DataObject
) -> None:
    whole = stage(rules())
    expected = whole.process("gate", records).events
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=4)))
    current, events = stage(rules()), []
    for start, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        events += current.process("gate", records[start:end]).events
        kept = current.state("gate")
        current = stage(rules())
        current.restore("gate", kept)
        assert current.state("gate") == kept
    assert written(events) == written(expected)
    assert current.state("gate") == whole.state("gate")
    assert [event.name for event in expected if event.type == "start" and not verdict(event).follows] == []
