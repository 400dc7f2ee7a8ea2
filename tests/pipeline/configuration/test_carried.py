"""A child has the configuration of its parent, and reads of it what it asks for."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.configuration.carried import CarriedConfig
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.loading import load_config
from pipeline.errors import UsageError
from pipeline.redaction import registered_secrets

SITE = """
cameras: {gate: {source: clip.mp4}, yard: {source: 'rtsp://u:sesame-pw@h/s'}}
rules: [{rule: line_crossed, line: [[0, 0], [1, 1]]}]
stages: {detect: {kind: motion}, classify: [{kind: colour}], record: {pre_roll_s: 1}}
sinks: [{kind: webhook, url: 'http://h/x', secret: sesame-of-the-hook}]
"""


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "site.yml").write_text(SITE)
    return load_config(tmp_path / "site.yml")


def test_it_equals_what_it_was_made_of_and_can_be_changed_as_that_can(config: PipelineConfig) -> None:
    carried = CarriedConfig.of(config.to_spec())
    assert carried == config
    assert config == carried
    assert dataclasses.replace(carried, out=Path("elsewhere")) == dataclasses.replace(config, out=Path("elsewhere"))
    assert carried != dataclasses.replace(config, out=Path("elsewhere"))


def test_a_part_of_an_unknown_kind_is_told_when_it_is_asked_for(config: PipelineConfig) -> None:
    spec = json.loads(config.to_spec())
    spec["sinks"][0]["kind"] = "pigeon"
    carried = CarriedConfig.of(json.dumps(spec).encode())
    assert carried.rules == config.rules
    with pytest.raises(UsageError, match="unknown kind 'pigeon'"):
        _ = carried.sinks
    with pytest.raises(AttributeError, match="pigeons"):
        _ = carried.pigeons


DISPATCH = """
import sys
from pipeline.configuration.config import PipelineConfig
import pipeline.runners.dispatch
from pipeline.redaction import redact
config = PipelineConfig.from_spec(open(sys.argv[1], "rb").read())
assert [config.is_live(name) for name in config.cameras] == [False, True]
assert config.dispatch.slots and config.links.endpoint and config.logs.level and config.clips
print(redact("sesame-of-the-hook"), *sorted(sys.modules))
"""


def test_a_process_loads_nothing_of_what_others_do_and_hides_their_secrets_all_the_same(
    config: PipelineConfig, tmp_path: Path, root: Path
) -> None:
    assert "sesame-of-the-hook" in registered_secrets()
    (tmp_path / "spec").write_bytes(config.to_spec())
    command = [sys.executable, "-c", DISPATCH, str(tmp_path / "spec")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    hidden, *loaded = done.stdout.split()
    assert hidden == "***"
    packages = {"stages.alert", "stages.deliver", "stages.detect", "numpy", "sqlalchemy", "ruamel.yaml"}
    assert packages.isdisjoint(loaded)
