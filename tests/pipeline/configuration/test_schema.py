"""The JSON Schema of the configuration."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.configuration.schema import config_schema
from pipeline.configuration.sections import TOP
from pipeline.registry import DETECTORS, RULES, SINKS


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return config_schema()


def kinds(choice: dict[str, Any], key: str) -> list[str]:
    return [case["properties"][key]["const"] for case in choice["oneOf"] if "const" in case["properties"][key]]


def test_it_has_every_section_and_every_kind(schema: dict[str, Any]) -> None:
    sections = schema["properties"]
    assert set(sections) == set(TOP)
    assert kinds(sections["stages"]["properties"]["detect"], "kind") == list(DETECTORS)
    assert kinds(sections["rules"]["items"], "rule") == list(RULES)
    assert kinds(sections["sinks"]["items"], "kind") == list(SINKS)


def test_every_reference_leads_somewhere_and_it_is_json(schema: dict[str, Any]) -> None:
    text = json.dumps(schema)
    for reference in set(text.split('"$ref": "')[1:]):
        found: Any = schema
        for step in reference.partition('"')[0].removeprefix("#/").split("/"):
            found = found[step]


def test_the_parts_of_a_rule_are_rules(schema: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    field = {"rule": "in_field", "enter_inertia_s": "500ms"}
    rule = {"rule": "then", "within_s": "1min", "of": [field, {"rule": "any", "of": [field, field]}]}
    data = {"cameras": {"gate": {"source": "a.mp4"}}, "rules": [rule]}
    jsonschema.validate(data, schema)
    field["enter_inertia"] = "500ms"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema)


def test_every_option_of_the_machine_is_described(schema: dict[str, Any]) -> None:
    names = ("DispatchOptions", "StoreOptions", "SupervisorOptions", "MetricsOptions", "LogOptions", "LinkOptions")
    for name in names:
        for option in schema["$defs"][name]["properties"].values():
            assert option["description"]


def test_durations_may_be_text(schema: dict[str, Any]) -> None:
    staleness = schema["$defs"]["DispatchOptions"]["properties"]["staleness_s"]
    assert [case["type"] for case in staleness["anyOf"]] == ["number", "string", "string"]


@pytest.mark.parametrize("name", ["one_camera.yml", "many_cameras.yml"])
def test_the_examples_fit_it(schema: dict[str, Any], root: Path, name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    data = YAML(typ="safe", pure=True).load((root / "configs" / name).read_text())
    jsonschema.validate(data, schema)
    data["rules"][0]["zones"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema)
