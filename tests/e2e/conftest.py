"""Starts pipelines and sees to it that none survives its test."""

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
