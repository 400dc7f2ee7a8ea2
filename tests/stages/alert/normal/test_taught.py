"""A run goes on with the generation that it began with, and its analysis is told by that generation alone."""

import shutil
from pathlib import Path

import msgspec
import pytest

from pipeline.configuration.analysis import rules_of
from pipeline.configuration.config import RuleConfig, rules_from_spec, rules_to_spec
from pipeline.errors import CannotStart
from stages.alert.normal.store import CURRENT, EXEMPLARS, GENERATIONS, KIND, MANIFEST, SCHEMA, Current
from stages.alert.normal.taught import Taught
from stages.alert.rules.anomaly import AnomalyOptions


@pytest.fixture
def gate(folder: Path, tmp_path: Path) -> Path:
    """A folder with one generation, to be changed."""
    return Path(shutil.copytree(folder, tmp_path / "gate"))


def rule(gate: Path) -> RuleConfig:
    return RuleConfig("anomaly", "anomaly", ("gate",), AnomalyOptions(normal=gate))


def generation(of: RuleConfig) -> int:
    """The one that the rule goes by."""
    assert isinstance(of.options, AnomalyOptions)
    pinned = Taught(of.options).pinned
    assert pinned is not None
    return pinned.generation


def follow(gate: Path) -> None:
    """Another generation is put in use."""
    second = Path(shutil.copytree(gate / GENERATIONS / "1", gate / GENERATIONS / "2"))
    manifest = (second / MANIFEST).read_bytes()
    (second / MANIFEST).write_bytes(manifest.replace(b'"generation": 1', b'"generation": 2'))
    assert (second / MANIFEST).read_bytes() != manifest
    (gate / CURRENT).write_bytes(msgspec.json.encode(Current(KIND, SCHEMA, 2)))


def test_a_process_that_starts_again_goes_on_with_the_generation_of_its_run(gate: Path) -> None:
    spec = rules_to_spec([rule(gate)])
    follow(gate)
    (again,) = rules_from_spec(spec)
    assert isinstance(again.options, AnomalyOptions)
    assert generation(again) == 1
    assert generation(rule(gate)) == 2


def test_the_next_generation_does_not_change_the_analysis_of_a_run_but_of_what_is_loaded_then(gate: Path) -> None:
    before = rule(gate)
    told = rules_of([before])
    follow(gate)
    assert rules_of([before]) == told
    assert rules_of([rule(gate)]) != told


def test_crops_do_not_count(gate: Path) -> None:
    told = rules_of([rule(gate)])
    (gate / GENERATIONS / "1" / EXEMPLARS).mkdir(exist_ok=True)
    (gate / GENERATIONS / "1" / EXEMPLARS / "00.jpg").write_bytes(b"a face")
    assert rules_of([rule(gate)]) == told


def test_the_same_model_elsewhere_is_the_same_analysis(gate: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(gate, tmp_path / "elsewhere"))
    assert rules_of([rule(gate)]) == rules_of([rule(other)])


def test_a_generation_that_was_deleted_since_is_refused(gate: Path) -> None:
    options = AnomalyOptions(normal=gate)
    follow(gate)
    shutil.rmtree(gate / GENERATIONS / "1")
    with pytest.raises(CannotStart, match=r"generations/1 has no manifest\.json"):
        Taught(options)
