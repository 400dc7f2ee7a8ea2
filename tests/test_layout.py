"""The tree keeps its promises: importing is free, tests mirror the code, every configuration is run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("pipeline", "stages", "lab")
HEAVY = (
    *("alembic", "av", "cv2", "motmetrics", "onnx", "openvino", "polars", "sqlalchemy", "torch", "torchvision"),
    *("trackeval", "ultralytics"),
)
"""Slow to import, or awake as soon as they are: loaded when a stage is built, not when its module is."""

LEARNING = ("lab.train.behaviour", "lab.train.detect")
"""Define networks, which cannot be written down without torch; of these only the doors must be free."""
DOORS = ("settings",)

VAGUE = {"base", "common", "core", "helpers", "manager", "misc", "shared", "tools", "utils"}

NOT_NEEDED = {
    "pipeline.worker": {"numpy", "pydantic", "ruamel.yaml", "zmq", "pipeline.store.event_store"},
    "pipeline.runners.capture": {"ruamel.yaml", "pipeline.store.event_store"},
    "pipeline.runners.dispatch": {"numpy", "ruamel.yaml", "pipeline.store.event_store"},
    "pipeline.runners.detect": {"ruamel.yaml", "pipeline.store.event_store"},
    "pipeline.runners.classify": {"ruamel.yaml", "pipeline.store.event_store"},
    "pipeline.runners.alert": {"ruamel.yaml"},
    "pipeline.runners.evidence": {"ruamel.yaml"},
    "pipeline.runners.record": {"ruamel.yaml"},
    "pipeline.runners.deliver": {"numpy", "ruamel.yaml"},
    "stages.deliver.outbox": {"numpy"},
}
"""What a process can do without costs each of its starts, and so each of its restarts."""

IMPORT_EVERYTHING = """
import importlib, json, pkgutil, sys
heavy, packages, learning, doors = map(json.loads, sys.argv[1:])
loaded, count = {}, 0
for package in packages:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        folder, _, name = module.name.rpartition(".")
        if folder in learning and name not in doors:
            count += 1
            continue
        before = {name for name in heavy if name in sys.modules}
        importlib.import_module(module.name)
        count += 1
        for name in heavy:
            if name in sys.modules and name not in before:
                loaded[name] = module.name
print(json.dumps([count, loaded]))
"""


def modules(root: Path, package: str) -> list[Path]:
    """Every module of a package that is more than an empty ``__init__``."""
    return sorted(path for path in (root / package).rglob("*.py") if path.name != "__init__.py")


def test_importing_any_module_loads_no_heavy_library(root: Path) -> None:
    arguments = [json.dumps(each) for each in (HEAVY, PACKAGES, LEARNING, DOORS)]
    command = [sys.executable, "-c", IMPORT_EVERYTHING, *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=120)
    count, loaded = json.loads(done.stdout)
    assert count >= sum(len(modules(root, package)) for package in PACKAGES)
    assert loaded == {}, "imported by these modules; import it in the function or constructor that needs it"


def test_no_process_imports_what_it_can_do_without(root: Path) -> None:
    code = "import importlib, sys; importlib.import_module(sys.argv[1]); print(*sys.modules)"
    for module, not_needed in NOT_NEEDED.items():
        command = [sys.executable, "-c", code, module]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
        assert not_needed.isdisjoint(done.stdout.split()), module


def test_every_module_has_a_name_that_says_what_it_defines(root: Path) -> None:
    assert [path for package in PACKAGES for path in modules(root, package) if path.stem in VAGUE] == []


def test_unit_tests_lie_where_the_code_lies(root: Path) -> None:
    """``tests/stages/detect/`` tests ``stages/detect/``, so that one finds the other."""
    for package in PACKAGES:
        for test in (root / "tests" / package).rglob("test_*.py"):
            folder = test.parent.relative_to(root / "tests")
            assert (root / folder).is_dir(), f"{test} tests a folder that is not there"


@pytest.fixture(scope="module")
def end_to_end_tests(root: Path) -> str:
    """Names of the end-to-end tests with their parameters."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/e2e"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def test_every_configuration_that_ships_is_run_end_to_end(root: Path, end_to_end_tests: str) -> None:
    names = [path.name for path in (root / "configs").glob("*.yml")]
    assert names
    assert [name for name in names if f"runs_to_its_end[{name}]" not in end_to_end_tests] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_modules_is_a_package(root: Path, package: str) -> None:
    """What has no ``__init__.py`` is not installed."""
    folders = {path.parent for path in modules(root, package)}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []
