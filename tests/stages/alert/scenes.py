"""One scripted scene for each kind of rule in which it raises an event: options, and the script."""

from collections.abc import Mapping
from typing import Any

from pipeline.registry import RULES, resolve
from pipeline.testing import Script, Walk
from stages.alert.rule import Rule

ZONE = [(0.3, 0.3), (0.9, 0.3), (0.9, 0.9), (0.3, 0.9)]
ACROSS = Walk(stops=[(0.0, 0.1, 0.6), (9.0, 1.0, 0.6)])
"""Comes from the left, is in the zone from 2 s to 8 s, leaves to the right."""
VISIT = Walk(stops=[(0.0, 0.1, 0.6), (2.0, 0.35, 0.6), (9.0, 0.4, 0.6), (11.0, 0.1, 0.6)], confidence=0.7)
PARKED = Walk(stops=[(0, 0.0, 0.6), (3, 0.6, 0.6), (20, 0.6, 0.6), (22, 1.0, 0.6)], class_id=1, width=0.2, height=0.1)
BACK = Walk(stops=[(0, 0.8, 0.55), (4, 0.4, 0.55), (12, 0.41, 0.55)], width=0.05, height=0.05)
CROWD = [Walk(track=n, stops=[(0, 0.3 + n / 10, 0.5), (8 + n, 0.3 + n / 10, 0.5)]) for n in (1, 2, 3, 4)]
RUN = Walk(stops=[(0, 0.1, 0.5), (2, 0.9, 0.5), (5, 0.9, 0.5)])
PAIR = [
    Walk(stops=[(0, 0.5, 0.5), (10, 0.5, 0.5)], track=1),
    Walk(stops=[(0, 0.55, 0.5), (5, 0.55, 0.5), (6, 0.9, 0.5), (10, 0.9, 0.5)], track=2),
]
QUEUE = [Walk(stops=[(at - 1.5, 0.2, 0.5), (at + 1.5, 0.8, 0.5)], track=n) for n, at in ((1, 2.05), (2, 4.05))]
FALLING = [
    Walk(stops=[(0, 0.4, 0.6), (2.99, 0.4, 0.6)], width=0.08, height=0.2),
    Walk(stops=[(3, 0.42, 0.6), (3.49, 0.42, 0.6)], width=0.13, height=0.15),
    Walk(stops=[(3.5, 0.45, 0.6), (7.99, 0.45, 0.6)], width=0.2, height=0.07),
    Walk(stops=[(8, 0.45, 0.6), (12, 0.45, 0.6)], width=0.08, height=0.2),
]
INSIDE = {"rule": "in_field", "zone": ZONE}
OVER = {"rule": "line_crossed", "line": [(0.5, 0.0), (0.5, 1.0)]}

SCENES: Mapping[str, tuple[dict[str, Any], Script]] = {
    "in_field": ({"zone": ZONE, "classes": ["person"]}, Script(walks=[ACROSS], seconds=12)),
    "line_crossed": ({"line": [(0.5, 0.0), (0.5, 1.0)]}, Script(walks=[ACROSS], seconds=12)),
    "loitering": ({"zone": ZONE, "seconds": 4}, Script(walks=[VISIT], seconds=20)),
    "crowding": ({"zone": ZONE, "limit": 2, "update_s": 2}, Script(walks=CROWD, seconds=25)),
    "stopped_vehicle": (
        {"zone": ZONE, "seconds": 10, "classes": ["car"]},
        Script(walks=[PARKED], seconds=30, names=("person", "car", "motorcycle", "bus", "truck")),
    ),
    "speeding": ({}, Script(walks=[RUN], seconds=6)),
    "proximity": ({}, Script(walks=PAIR, seconds=10)),
    "tailgating": ({"line": [(0.5, 0.2), (0.5, 0.8)], "margin": 0}, Script(walks=QUEUE, seconds=8)),
    "fall": ({}, Script(walks=FALLING, seconds=12)),
    "all": ({"of": [INSIDE, {"rule": "loitering", "seconds": 2}]}, Script(walks=[ACROSS], seconds=12)),
    "then": ({"of": [INSIDE, OVER], "within_s": 8}, Script(walks=[ACROSS], seconds=12)),
    "wrong_way": ({"direction": [(0.2, 0.5), (0.8, 0.5)]}, Script(walks=[BACK], seconds=14)),
}


def rule_of(kind: str, **options: Any) -> Rule:
    """The rule of a scene, with other options."""
    made: Any = resolve(kind, RULES)
    found: Rule = made(made.Options.model_validate({"rule": kind, **SCENES[kind][0], **options}))
    return found
