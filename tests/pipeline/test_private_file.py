"""What only its owner may read is read, and anything else refused with the remedy."""

import os
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.private_file import MOST_BYTES, read_private


def private(folder: Path, content: bytes = b"secret", mode: int = 0o600) -> Path:
    path = folder / "some.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_what_only_its_owner_may_read_is_read(tmp_path: Path, mode: int) -> None:
    assert read_private(private(tmp_path, mode=mode), called="key") == b"secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_what_others_can_reach_is_refused_by_its_word_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path, mode=mode)
    with pytest.raises(UsageError) as caught:
        read_private(path, called="secret key")
    assert str(caught.value) == f"{path}: secret key can be read by others (mode {mode:04o}): chmod 600 {path}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path) -> None:
    path = private(tmp_path)
    os.chown(path, 65534, -1)
    with pytest.raises(UsageError, match="belongs to another user"):
        read_private(path, called="secret key")


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="key cannot be read: No such file"):
        read_private(tmp_path / "none", called="key")


def test_a_file_without_end_is_read_no_further_than_any_key_is_long(tmp_path: Path) -> None:
    assert len(read_private(private(tmp_path, bytes(MOST_BYTES + 1)), called="key")) == MOST_BYTES
