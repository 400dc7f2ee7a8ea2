"""``bartizan replay`` on results that lie there: what it prints, writes and ends with."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pipeline.commands.replay import replay
from pipeline.errors import UsageError
from tests.pipeline.rehearsal.stored_run import KERB, LAWN, SCRIPT, kept_of, store_run

RULES = """
rules:
- {rule: in_field, name: lawn, zone: [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]], enter_inertia_s: 2s}
- {rule: loitering, name: long, seconds: 12s}
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    store_run(folder, kept_of(LAWN, KERB, cameras={"gate": False}), {"gate": SCRIPT})
    (tmp_path / "new.yml").write_text(RULES)
    return folder


def run(*arguments: str | Path, code: int = 0) -> str:
    app = typer.Typer()
    app.command()(replay)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_a_runs_own_rules_are_identical_and_pass_the_check(out: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and "events.db" not in path.name}
    output = run(out, "--check", "--events", tmp_path / "again.jsonl")
    assert "identical to the byte" in output
    assert before == {path: path.read_bytes() for path in before}, "nothing of the run is changed"
    lines = (tmp_path / "again.jsonl").read_text().splitlines()
    assert f"{len(lines)} messages" in output


def test_other_rules_show_what_would_differ(out: Path, tmp_path: Path) -> None:
    output = run(out, "--rules", tmp_path / "new.yml", "--json", tmp_path / "d.json", "--check", code=1)
    assert "identical" not in output
    found = json.loads((tmp_path / "d.json").read_text())
    assert found["counts"]["gone"] == 2, "nobody asks for the kerb any more"
    verdicts = {(event["name"], event["verdict"]) for event in found["events"]}
    assert verdicts == {("kerb", "gone"), ("lawn", "moved"), ("long", "new")}
    moved = next(event for event in found["events"] if event["verdict"] == "moved")
    assert moved["what"][0].startswith("start ")
    assert moved["raised"]["id"] != moved["would_be"]["id"]
    assert "lawn" in output


def test_the_same_rules_from_a_file_are_the_runs_own(out: Path, tmp_path: Path) -> None:
    (tmp_path / "same.yml").write_text(json.dumps({"rules": [LAWN, KERB]}))
    assert "identical to the byte" in run(out, "--rules", tmp_path / "same.yml", "--check")


def test_what_cannot_be_written_or_is_no_result_is_one_line(out: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"d\.json: cannot be written"):
        run(out, "--json", tmp_path / "none" / "d.json")
    with pytest.raises(UsageError, match=r"analysis\.json: there is none"):
        run(tmp_path)
