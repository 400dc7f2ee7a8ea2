"""Every configuration that ships does what it says: it passes the check, and it runs to its end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from pipeline import cli
from tests.e2e.running import ROOT, run_to_end

CONFIGS = sorted(path.name for path in (ROOT / "configs").glob("*.yml"))


@pytest.fixture
def bartizan(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A command that starts nothing, given in the repository."""
    monkeypatch.chdir(ROOT)
    return lambda *arguments: CliRunner().invoke(cli.app, arguments)


def written(name: str) -> dict[str, Any]:
    """The configuration as it stands in the file."""
    document: dict[str, Any] = YAML(typ="safe").load((ROOT / "configs" / name).read_text())
    return document


@pytest.mark.parametrize("name", CONFIGS)
def test_the_configuration_passes_the_check_and_can_be_drawn(name: str, bartizan: Callable[..., Result]) -> None:
    checked = bartizan("check", f"configs/{name}", "--json")
    assert checked.exit_code == 0, checked.stderr
    said = json.loads(checked.stdout)
    assert said["cameras"] == list(written(name)["cameras"])
    drawn = bartizan("graph", f"configs/{name}")
    assert drawn.exit_code == 0, drawn.stderr
    assert all(f"capture[{camera}]" in drawn.stdout for camera in said["cameras"])


def quickened(name: str) -> list[str]:
    """Overrides that put a few seconds of test pattern in place of the recordings."""
    source = "synthetic:160x120@10?frames=60&boxes=2&recording=yes"
    return [word for camera in written(name)["cameras"] for word in ("--set", f"cameras.{camera}.source={source}")]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_configuration_runs_to_its_end(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = run_to_end(["run", str(ROOT / "configs" / name), "--out", str(out), *quickened(name)], out, cwd=tmp_path)
    report = run.report()
    assert [(source["ended"], source["frames"]) for source in report["sources"]] == [("eof", 60)] * len(
        written(name)["cameras"]
    )
    assert report["restarts"] == []
    names = {rule["name"] for rule in written(name)["rules"]}
    assert {event["name"] for event in run.events()} <= names


def test_the_schema_is_json_schema_that_knows_every_key_of_the_configurations(bartizan: Callable[..., Result]) -> None:
    printed = bartizan("schema")
    assert printed.exit_code == 0
    schema = json.loads(printed.stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    keys = {key for name in CONFIGS for key in written(name) if not key.startswith("x-")}
    assert keys <= schema["properties"].keys()
