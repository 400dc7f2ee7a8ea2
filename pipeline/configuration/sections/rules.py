"""The section ``rules``."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.configuration.config import RuleConfig
from pipeline.configuration.faults import KeyPath
from pipeline.configuration.kinds import options_of
from pipeline.configuration.sections.item import named_items, read_camera_names, read_kind, read_options
from pipeline.configuration.sections.relative_paths import absolute_paths
from pipeline.configuration.sections.sections import Sections
from pipeline.configuration.sections.shape import items_under
from pipeline.registry import RULES

DEFAULT_RULE: Mapping[str, Any] = {"rule": "in_field"}
"""What alerts where the configuration has no ``rules``: any object, anywhere in the picture."""
NOT_RECORDED = "not_recorded"
"""The rule that every live camera that is recorded has."""
PARTS = "of"
"""The key under which a rule that is made of rules holds them."""


def read_rules(sections: Sections) -> None:
    """Read the section ``rules``; what is wrong goes to the document's ``faults`` and is left out."""
    items = items_under(sections.document, "rules")
    if "rules" not in sections.document.data:
        items = [dict(DEFAULT_RULE)]
    for index, kind, model, name, data in named_items(sections, "rules", "rule", items, RULES):
        given = _with_parts(sections, ("rules", index), data, model)
        options = read_options(sections, ("rules", index), given, model, "rule", "name", "cameras")
        cameras = read_camera_names(sections, ("rules", index, "cameras"), data.get("cameras"))
        if options is not None and cameras:
            sections.rules[index] = RuleConfig(kind, str(name), cameras, options)
    _mind_recordings(sections)


def _with_parts(sections: Sections, path: KeyPath, data: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The data of a rule that is made of rules, each part read as rules are; so faults are told where they stand.

    A part that is wrong is stood in for by the default rule, so that the rest of the rule is still checked.
    """
    parts = data.get(PARTS)
    if PARTS not in model.model_fields or not isinstance(parts, list):
        return data
    read: list[Any] = []
    for index, part in enumerate(parts):
        inner = (*path, PARTS, index)
        found = read_kind(sections, inner, "rule", part, RULES)
        known = _with_parts(sections, inner, part, found[1]) if found is not None else {}
        is_read = found is not None and read_options(sections, inner, known, found[1], "rule") is not None
        read.append(absolute_paths(sections, inner, known, found[1]) if found is not None and is_read else DEFAULT_RULE)
    return {**data, PARTS: read}


def _mind_recordings(sections: Sections) -> None:
    """Nobody should find out too late that a live camera is not being recorded: there is always a rule for that."""
    minded = {camera for rule in sections.rules.values() if rule.kind == NOT_RECORDED for camera in rule.cameras}
    recorded = [camera for item in sections.record.values() if item.mode != "off" for camera in item.cameras]
    live = [name for name in recorded if getattr(sections.cameras.get(name), "live", False) and name not in minded]
    taken = {rule.name for rule in sections.rules.values()}
    if live and NOT_RECORDED not in taken:
        options = options_of(NOT_RECORDED, RULES)(name=NOT_RECORDED, cameras=tuple(live))
        number = max(sections.rules, default=-1) + 1
        sections.rules[number] = RuleConfig(NOT_RECORDED, NOT_RECORDED, tuple(live), options)
