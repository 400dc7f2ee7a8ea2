"""Starts pipelines and sees to it that none survives its test."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running

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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 64 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"needs leave to mount a tmpfs: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
