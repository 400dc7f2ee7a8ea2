"""Fixtures shared by all tests: where the footage lies, and folders with short paths for sockets."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.postgres import Postgres, make_server

settings.register_profile("usual", deadline=None)  # how long an example takes says something of the machine
settings.register_profile("ci", deadline=None, derandomize=True)  # the same examples each time; else new ones
settings.load_profile("ci" if os.environ.get("CI") else "usual")

os.environ.setdefault("BARTIZAN_SITE_KEY", str(Path(tempfile.gettempdir()) / "bartizan-tests.site.key"))

ROOT = Path(__file__).resolve().parent.parent
FOOTAGE = Path(os.environ.get("BARTIZAN_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def footage() -> Path:
    """Folder of the shared test footage; skips where it is absent."""
    if not FOOTAGE.is_dir():
        pytest.skip(f"test footage not found at {FOOTAGE}; set BARTIZAN_DATA to its folder")
    return FOOTAGE


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """An empty folder with a path short enough for ipc sockets (107 characters)."""
    folder = Path(tempfile.mkdtemp(prefix="bz-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; skips where there is none. Whoever stops it starts it again."""
    yield from make_server()
