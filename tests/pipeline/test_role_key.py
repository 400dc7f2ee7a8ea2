"""Keys of roles, as text of the age format and in files that are their owner's alone."""

import os
import stat
from pathlib import Path

import pytest

from pipeline import bech32
from pipeline.errors import UsageError
from pipeline.role_key import PUBLIC, RoleKey, recipient

# The example of the specification, https://age-encryption.org/v1.
PRIVATE = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
KEY = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "some.identity"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_example_of_the_specification_is_read_as_it_says(tmp_path: Path) -> None:
    key = RoleKey.load(file(tmp_path, f"# a comment\n\n{PRIVATE}\n"))
    assert key.public == KEY
    assert recipient(KEY) == recipient(KEY.upper()) == key.recipient


def test_a_key_that_was_made_is_its_owners_alone_and_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "investigator.identity"
    made = RoleKey.make(path, "investigator")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert RoleKey.load(path).public == made.public
    assert "SECRET" not in repr(made)
    assert RoleKey.make(tmp_path / "other.identity", "other").public != made.public


def test_no_key_is_written_over_another(tmp_path: Path) -> None:
    path = tmp_path / "a.identity"
    RoleKey.make(path, "a")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        RoleKey.make(path, "a")
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620])
def test_a_key_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UsageError, match=f"mode {mode:04o}.*chmod 600"):
        RoleKey.load(file(tmp_path, PRIVATE, mode))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds 0 lines of keys"),
        (f"{PRIVATE}\n{PRIVATE}\n", "holds 2 lines of keys"),
        (KEY, "is the public key"),
        (PRIVATE[:-1] + "Q", "checksum is wrong"),
        ("age-encryption.org/v1\n-> scrypt\n", "is sealed itself"),
        (bech32.encode("age-secret-key-", bytes(16)), "another kind"),
        ("gate", "is no private key"),
        ("schlüssel", "it is no text"),
    ],
)
def test_what_is_no_key_is_refused_in_words_that_do_not_repeat_it(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        RoleKey.load(file(tmp_path, text))
    assert PRIVATE[20:40] not in str(caught.value)


def test_a_file_that_is_not_there_or_is_a_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        RoleKey.load(tmp_path / "none")
    with pytest.raises(UsageError, match="Is a directory"):
        RoleKey.load(tmp_path)
    with pytest.raises(UsageError, match="cannot be written"):
        RoleKey.make(file(tmp_path, "") / "a.identity", "a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("age1garbage", "is no public key of a role: is not Bech32"),
        (KEY[:-1] + "q", "checksum is wrong"),
        (PRIVATE, "is the private key of a role"),
        (PRIVATE.lower(), "is the private key of a role"),
        (bech32.encode("age1yubikey", os.urandom(33)), "is no X25519 key"),
        (bech32.encode(PUBLIC, bytes(31)), "is no X25519 key"),
        (bech32.encode(PUBLIC, bytes(32)), "keeps anything secret"),
        (bech32.encode(PUBLIC, b"\x01" + bytes(31)), "keeps anything secret"),
    ],
)
def test_what_is_no_public_key_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        recipient(text)
    assert PRIVATE[20:40] not in str(caught.value).upper()
