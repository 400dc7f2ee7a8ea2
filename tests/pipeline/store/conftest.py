"""Where a store can be: every test that takes ``place`` runs on each database."""

import secrets
from pathlib import Path

import pytest

from pipeline.store.address import StoreAddress


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StoreAddress:
    """A store that is not there yet."""
    return new_place(request, tmp_path)


def new_place(request: pytest.FixtureRequest, folder: Path) -> StoreAddress:
    """A place of the kind that the test is run with."""
    if request.param == "sqlite":
        return StoreAddress.of(folder / "events.db")
    server = request.getfixturevalue("postgres")
    return StoreAddress(server.url, f"test_{secrets.token_hex(6)}", folder)
