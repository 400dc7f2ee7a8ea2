"""Bartizan knows which one it is, where it is installed and where it is not."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from pipeline.version import version

ROOT = Path(__file__).parents[2]


def test_the_version_is_that_of_what_is_installed() -> None:
    assert version() == metadata.version("bartizan")


def test_without_an_installation_there_is_no_version(tmp_path: Path) -> None:
    # Neither site packages nor the working folder: the module alone, as in a copy of the source.
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "version.py").write_bytes((ROOT / "pipeline" / "version.py").read_bytes())
    asked = [sys.executable, "-S", "-c", "from pipeline.version import version; print(repr(version()))"]
    said = subprocess.run(asked, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    assert said.stdout == "''\n"
