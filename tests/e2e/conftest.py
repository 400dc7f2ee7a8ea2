"""Starts pipelines and sees to it that none survives its test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running
from tests.mounting import mounted
from tests.servers.clips import copy_beginning

Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a ``bartizan`` command: ``start(arguments, out)``."""
    running: list[Running] = []

    def begin(arguments: list[str], out: Path, *, env: dict[str, str] | None = None) -> Running:
        running.append(Running(arguments, out, env=env))
        return running[-1]

    yield begin
    for one in running:
        one.end()


@pytest.fixture(scope="session")
def campus(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 300 frames of the sample recording: 18 people come and go, half of them before the middle."""
    folder = tmp_path_factory.mktemp("campus")
    return copy_beginning(root / "sample_videos" / "campus.mp4", folder / "campus.mp4", seconds=30)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 64 MB of its own."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64m", "tmpfs") as place:
        yield place
