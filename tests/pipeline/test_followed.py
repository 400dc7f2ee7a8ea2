"""What rules follow is told to the logs of the cameras concerned: at first, and when it has changed."""

import logging
from pathlib import Path

import pytest

from pipeline.configuration.config import RuleConfig
from pipeline.errors import LogError
from pipeline.followed import MOST_BYTES, Followed, content_of, followed_by
from pipeline.messages import ChangeRecord
from stages.alert.rules.anomaly import AnomalyOptions
from stages.alert.rules.in_field import InField


def rule(folder: Path, *cameras: str, online: bool = True) -> RuleConfig:
    return RuleConfig("anomaly", folder.name, cameras, AnomalyOptions(normal=folder, online=online, mode="shadow"))


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    (tmp_path / "gate").mkdir()
    return tmp_path / "gate"


def said(folder: Path, text: str) -> None:
    (folder / "current.json").write_text(text)


def test_the_files_of_a_camera_are_those_of_its_rules(gate: Path) -> None:
    rules = [rule(gate, "gate", "yard"), rule(gate.parent / "yard", "yard")]
    rules.append(RuleConfig("in_field", "in_field", ("gate", "lawn"), InField.Options()))
    assert followed_by(rules, "gate") == {str(gate): gate / "current.json"}
    assert list(followed_by(rules, "yard")) == [str(gate), str(gate.parent / "yard")]
    assert followed_by(rules, "lawn") == {}


def test_first_it_is_told_as_it_is_and_then_when_it_changes(gate: Path) -> None:
    followed = Followed({"gate": followed_by([rule(gate, "gate")], "gate"), "lawn": {}})
    for camera in ("gate", "lawn"):
        followed.begin(camera, {})
    assert followed.cameras == ["gate"]
    assert followed.changes("gate") == [ChangeRecord(str(gate), b"")]
    assert followed.changes("gate") == []
    said(gate, "one")
    assert followed.changes("gate") == [ChangeRecord(str(gate), b"one")]
    said(gate, "one")
    assert followed.changes("gate") == []
    (gate / "current.json").unlink()
    assert followed.changes("gate") == [ChangeRecord(str(gate), b"")]


def test_what_the_log_holds_already_is_not_told_again(gate: Path) -> None:
    said(gate, "one")
    followed = Followed({"gate": followed_by([rule(gate, "gate")], "gate")})
    followed.begin("gate", {str(gate): b"one"})
    assert followed.changes("gate") == []
    followed.begin("gate", {str(gate): b"another"})
    assert followed.changes("gate") == [ChangeRecord(str(gate), b"one")]


def test_a_camera_whose_log_is_not_open_yet_is_left_alone(gate: Path) -> None:
    assert Followed({"gate": followed_by([rule(gate, "gate")], "gate")}).cameras == []


def test_what_cannot_be_read_has_not_changed_and_is_said_once(gate: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    followed = Followed({"gate": followed_by([rule(gate, "gate")], "gate")})
    followed.begin("gate", {str(gate): b"one"})
    (gate / "current.json").mkdir()
    assert followed.changes("gate") == followed.changes("gate") == []
    (line,) = [each.getMessage() for each in caplog.records]
    assert "current.json cannot be read: Is a directory" in line
    followed.begin("gate", {})
    assert followed.changes("gate") == [ChangeRecord(str(gate), b"")], "something is said before the first frame"


def test_a_followed_file_is_read_up_to_a_bound(gate: Path) -> None:
    said(gate, "x" * (MOST_BYTES + 1))
    assert len(content_of(gate / "current.json")) == MOST_BYTES
    with pytest.raises(LogError, match="Is a directory"):
        content_of(gate)
