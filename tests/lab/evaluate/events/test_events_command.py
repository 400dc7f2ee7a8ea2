import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.evaluate.command import app
from pipeline.errors import UsageError


def test_a_page_a_file_and_a_table_say_the_same(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["events", "--rule", "in_field", "--scripts", "2", "--out", str(tmp_path)])
    assert told.exit_code == 0, told.output
    facts = json.loads((tmp_path / "result.json").read_text())
    clean = facts["disturbances"][0]
    assert (clean["disturbance"], clean["scripts"], clean["F1"]) == ("clean", 2, 1.0)
    assert clean["events"] == clean["alarms"] == clean["within one"]
    assert facts["interleaved_same"] is True
    assert "events are those of separate runs" in told.output
    page = (tmp_path / "report.html").read_text()
    assert "identity switch" in page
    assert "<svg" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "nonsense"], "there are no scenes for it"),
        (["--staged", "rules.yml"], "write RULES=TRUTH"),
        (["--staged", "rules.yml=gt.txt"], "rules.yml: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: list[str], message: str) -> None:
    told = CliRunner().invoke(app, ["events", "--scripts", "0", *arguments])
    assert isinstance(told.exception, UsageError)
    assert message in str(told.exception)
