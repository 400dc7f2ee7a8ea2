"""File systems that tests mount, where they have leave to."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(place: Path, *how: str) -> Iterator[Path]:
    """``mount HOW PLACE`` for as long as it is needed; skips, with what ``mount`` says, where that is not allowed."""
    place.mkdir()
    done = subprocess.run(["mount", *how, str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs leave to mount: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
