"""Rules to be tried on a run are checked against what that run was."""

from pathlib import Path

import pytest

from pipeline.configuration.config import RuleConfig
from pipeline.configuration.rules_file import load_rules
from pipeline.errors import UsageError
from tests.pipeline.rehearsal.stored_run import LAWN, colour, kept_of

KEPT = kept_of(LAWN, cameras={"gate": True, "yard": True}, classify=(colour("gate"),))


def load(folder: Path, text: str) -> tuple[RuleConfig, ...]:
    (folder / "new.yml").write_text(text)
    return load_rules(folder / "new.yml", KEPT, environment={})


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(folder, text)
    return str(caught.value).removeprefix(f"{folder}/")


def test_a_file_of_rules_alone_watches_the_cameras_of_the_run(tmp_path: Path) -> None:
    one, other = load(
        tmp_path, "rules:\n- rule: in_field\n- {rule: loitering, name: long, seconds: 5s, cameras: [yard]}"
    )
    assert (one.kind, one.name, one.cameras) == ("in_field", "in_field", ("gate", "yard"))
    assert (other.name, other.cameras) == ("long", ("yard",))


def test_of_a_whole_configuration_the_rules_are_taken_whatever_else_it_names(tmp_path: Path) -> None:
    text = "cameras: {gate: {source: nowhere.mp4}}\nstages: {detect: {model: none.pt}}\nout: x\n"
    assert [rule.kind for rule in load(tmp_path, text + "rules: [{rule: loitering}]")] == ["loitering"]
    assert [rule.kind for rule in load(tmp_path, text)] == ["in_field"], "what a run without rules would have"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules:\n- {rule: in_feild}", "new.yml:2:10: rules.0.rule: unknown kind 'in_feild', did you mean 'in_field'"),
        (
            "rules:\n- {rule: in_field, cameras: [gaet]}",
            "new.yml:2:30: rules.0.cameras.0: no camera 'gaet', did you mean",
        ),
        ("rules:\n- {rule: loitering, seconds: -1}", "new.yml:2:30: rules.0.seconds: "),
        ("rule: [{rule: in_field}]", "new.yml:1:1: rule: unknown key, did you mean 'rules'"),
        ("out: here", "new.yml:1:1: has no rules: write them under the key rules"),
        ("rules: [{rule: in_field, attributes: {colour: red}}]", "'colour' does not look at yard"),
        ("rules: [{rule: in_field, attributes: {size: big}}]", "no classifier 'size'"),
        ("rules:\n- {rule: in_field, name: a}\n- {rule: in_field, name: a}", "'a' is the name of rules.0 already"),
        ("rules: [", "cannot be read as YAML"),
        ("", "is empty"),
    ],
)
def test_what_does_not_fit_the_run_is_said_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    assert said in complaint(tmp_path, text)


def test_a_rule_that_needs_what_was_not_measured_is_refused(tmp_path: Path) -> None:
    said = complaint(tmp_path, "rules:\n- rule: tests.pipeline.own_kinds:Needy")
    assert "rules.0.rule: needs what the run did not measure on camera gate (loudness)" in said


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yml: no such file"):
        load_rules(tmp_path / "none.yml", KEPT, environment={})
