"""A classifier trained on coloured shapes in seconds."""

from pathlib import Path

import pytest

from lab.train.classify.training import train
from tests.lab.train.classify.shapes import settings_of, write_shapes


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 crops of two classes from six recordings."""
    return write_shapes(tmp_path_factory.mktemp("shapes"), each=60)


@pytest.fixture(scope="session")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run on the shapes."""
    out = tmp_path_factory.mktemp("runs") / "shapes"
    train(settings_of(shapes), out, base=shapes)
    return out
