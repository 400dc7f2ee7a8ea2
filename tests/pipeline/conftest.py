"""Fixtures for the machine's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounting import mounted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB, where the tests may mount one."""
    with mounted(tmp_path / "small_disk", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs") as folder:
        yield folder
