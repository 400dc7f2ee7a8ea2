"""Sealed files: the age format, opened by whom they were sealed for and by nobody else, and not if a bit is altered."""

import shutil
import subprocess
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import bech32
from pipeline.integrity.sealing import SealError, WrongKey, digest_inside, opens, seal, unseal
from pipeline.role_key import RoleKey

PRIVATE = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
KEY = RoleKey.of(bech32.decode(PRIVATE)[1])
OTHER = RoleKey.of(bytes(range(32)))
SIZES = [0, 1, 65535, 65536, 65537, 131072, 300_000]
BY_AGE = b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSA4RHgvUkRXNUpadUpvdWlwc3ZIbGdmbVR4V1FTZnNuTlZ6aFBaUkZiWEZZ"
    "CkRFVVV2eTFkdXR5V29zTmMxTmhWWlcvNkg3VVdGbHNWOThmRi9aemUralUKLS0tIHZxUVJQVlVLd0t4a2EwYWxmaUR5aDhvZ2NL"
    "bWZ3STdJSkdlZ0JqQ0x0aG8KaC6OGIa6ZUfdoxRDhhNldrOxIxE4jWE3K5Bd7VI5XZih1UhSuB51R4U="
)
"""``printf 'as it was' | age -r KEY``, age 1.1.1."""


def picture(size: int) -> bytes:
    return bytes(number * 7 % 251 for number in range(size))


@pytest.fixture
def age() -> str:
    found = shutil.which("age")
    if found is None:
        pytest.skip("the tool age is not installed (apt-get install age)")
    return found


@pytest.mark.parametrize("size", SIZES)
def test_each_role_opens_it_and_nobody_else(size: int) -> None:
    data = picture(size)
    sealed = seal(data, [KEY.recipient, OTHER.recipient])
    assert unseal(sealed, KEY) == unseal(sealed, OTHER) == data
    assert digest_inside(sealed) == sha256(data).hexdigest()
    stranger = RoleKey.of(bytes(32))
    with pytest.raises(WrongKey, match="sealed for others"):
        opens(sealed, stranger)
    with pytest.raises(WrongKey, match="sealed for others"):
        unseal(sealed, stranger)


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    data = picture(5000)
    one, two = (seal(data, [KEY.recipient]) for _ in range(2))
    assert data[100:132] not in one
    assert one[-4000:] != two[-4000:]
    assert KEY.recipient not in one
    assert KEY.public.encode() not in one


def test_a_file_of_the_tool_age_is_opened() -> None:
    assert unseal(BY_AGE, KEY) == b"as it was"
    assert digest_inside(BY_AGE) == ""


@pytest.mark.parametrize("size", SIZES)
def test_the_tool_age_opens_what_is_sealed_here(age: str, tmp_path: Path, size: int) -> None:
    data = picture(size)
    (tmp_path / "identity").write_text(PRIVATE)
    for recipients in ([KEY.recipient], [OTHER.recipient, KEY.recipient]):
        (tmp_path / "sealed.age").write_bytes(seal(data, recipients))
        arguments = [age, "-d", "-i", str(tmp_path / "identity"), str(tmp_path / "sealed.age")]
        done = subprocess.run(arguments, capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (0, data), done.stderr


@pytest.mark.parametrize("size", SIZES)
def test_what_the_tool_age_seals_for_two_is_opened_here_by_both(age: str, size: int) -> None:
    arguments = [age, "-r", KEY.public, "-r", OTHER.public]
    done = subprocess.run(arguments, input=picture(size), capture_output=True, check=True, timeout=60)
    assert unseal(done.stdout, KEY) == unseal(done.stdout, OTHER) == picture(size)


@pytest.mark.parametrize("size", [0, 3, 65536, 70_000])
def test_cut_off_anywhere_it_is_damaged(size: int) -> None:
    sealed = seal(picture(size), [KEY.recipient])
    lengths = {*range(0, min(len(sealed), 400)), *range(len(sealed) - 70, len(sealed))}
    lengths |= {len(sealed) - size - 16 + each for each in (-17, -16, 0, 65536, 65552)} & set(range(len(sealed)))
    for length in lengths:
        with pytest.raises(SealError):
            unseal(sealed[:length], KEY)
    with pytest.raises(SealError):
        unseal(sealed + b"x", KEY)


def test_with_any_byte_altered_it_is_not_opened() -> None:
    sealed = seal(picture(40), [KEY.recipient, OTHER.recipient])
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(SealError):
            unseal(bytes(altered), KEY)


def test_chunks_in_another_order_are_not_opened() -> None:
    sealed = seal(picture(3 * 65536), [KEY.recipient])
    start, chunk = len(sealed) - 3 * (65536 + 16), 65536 + 16
    chunks = [sealed[start + number * chunk : start + (number + 1) * chunk] for number in range(3)]
    assert unseal(sealed[:start] + b"".join(chunks), KEY) == picture(3 * 65536)
    for order in ([1, 0, 2], [0, 2], [0, 1], [0, 1, 2, 2]):
        with pytest.raises(SealError, match="cut off or altered"):
            unseal(sealed[:start] + b"".join(chunks[number] for number in order), KEY)


def test_a_header_of_endless_stanzas_is_refused_before_its_keys_are_tried() -> None:
    first, _, rest = seal(b"", [KEY.recipient]).partition(b"\n")
    with pytest.raises(SealError, match="header is none"):
        opens(first + b"\n" + b"-> other\n\n" * 200 + rest, KEY)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_whatever_is_no_sealed_file_is_called_so(data: bytes, starts_well: bool) -> None:
    with pytest.raises(SealError):
        unseal(b"age-encryption.org/v1\n-> " + data if starts_well else data, KEY)
