"""``--rule`` arguments."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.configuration.overrides import parse_rule_argument
from pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("in_field", {"rule": "in_field"}),
        ("in_field:", {"rule": "in_field"}),
        ("loitering:seconds=10", {"rule": "loitering", "seconds": 10}),
        ("loitering:seconds: 10, name: by the door", {"rule": "loitering", "seconds": 10, "name": "by the door"}),
        ("loitering:seconds:10", {"rule": "loitering", "seconds": 10}),
        ("in_field:classes=[person, car],severity=high",
         {"rule": "in_field", "classes": ["person", "car"], "severity": "high"}),
        ("in_field:name=Tom's, severity=high", {"rule": "in_field", "name": "Tom's", "severity": "high"}),
        ("in_field:zone=[[0,0],[1,0],[1,1]]", {"rule": "in_field", "zone": [[0, 0], [1, 0], [1, 1]]}),
        ("in_field:schedule={days: [mon], hours: '22:00-06:00'}",
         {"rule": "in_field", "schedule": {"days": ["mon"], "hours": "22:00-06:00"}}),
        ("in_field:name='a, b=c'", {"rule": "in_field", "name": "a, b=c"}),
        ("mine.rules:Fast", {"rule": "mine.rules:Fast"}),
        ("mine.rules:Fast:limit=3", {"rule": "mine.rules:Fast", "limit": 3}),
    ],
)  # fmt: skip
def test_a_rule_argument_reads_like_yaml(text: str, rule: dict[str, Any]) -> None:
    assert parse_rule_argument(text) == rule


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "--rule : must be NAME"),
        ("in field", "--rule in field: must be NAME"),
        ("in_field:zone=[[0,0]", "--rule in_field: cannot be read as YAML"),
        ("in_field:name=a,name=b", "--rule in_field: name: is given twice"),
        ("in_field:rule=loitering", "--rule in_field: rule: is given by the name already"),
        ("in_field:name=${NOT_SET_ANYWHERE}", "--rule in_field: "),
    ],
)
def test_a_wrong_rule_argument_is_refused_with_its_name(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_rule_argument(text)
    assert str(caught.value).startswith(problem)


keys = st.text("abcdefgh_", min_size=1, max_size=8).filter(lambda key: key not in ("rule", "_"))
scalars = st.one_of(st.integers(), st.booleans(), st.none(), st.text("abc =:,'{}[]#&*!|>%@`\"\\xyz", max_size=12))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)


@given(options=st.dictionaries(keys, values, max_size=5), separator=st.sampled_from(["=", ": ", ":"]))
def test_any_options_survive_when_written_as_json(options: dict[str, Any], separator: str) -> None:
    text = ",".join(f"{key}{separator}{json.dumps(value)}" for key, value in options.items())
    assert parse_rule_argument(f"in_field:{text}") == {"rule": "in_field", **options}


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    try:
        told = str(parse_rule_argument(text)["rule"])
    except UsageError as error:
        told = str(error).removeprefix("--rule ")
    assert told
