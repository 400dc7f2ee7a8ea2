"""A folder of models of the tests' own."""

from pathlib import Path

import pytest


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models, as a user would set it; not made yet."""
    folder = tmp_path / "models"
    monkeypatch.setenv("BARTIZAN_MODELS", str(folder))
    return folder
