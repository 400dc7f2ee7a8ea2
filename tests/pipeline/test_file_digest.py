"""The digest of a file is that of its content, however long it is."""

from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.file_digest import file_sha256


@pytest.mark.parametrize("content", [b"", b"a", bytes(1 << 20) + b"more than a piece"])
def test_the_digest_of_a_file_is_that_of_its_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert file_sha256(path) == sha256(content).hexdigest()


def test_a_file_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        file_sha256(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        file_sha256(tmp_path)
