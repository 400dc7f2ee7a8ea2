"""Bech32 against the examples of BIP 173, and every slip of one character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.bech32 import decode, encode

KEY = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


@given(st.binary(max_size=80), st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True))
def test_what_was_encoded_is_decoded_in_either_case(data: bytes, prefix: str) -> None:
    text = encode(prefix, data)
    assert decode(text) == decode(text.upper()) == (prefix, data)


@pytest.mark.parametrize("text", ["A12UEL5L", "a12uel5l", "?1ezyfcl"])
def test_texts_that_the_standard_calls_valid_are(text: str) -> None:
    assert decode(text) == (text[0].lower(), b"")


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "A1G7SGD8", "10a06t8", "1qzzfhee"),
        *("a12UEL5L", "de1lg7wt\xff", KEY.replace("age1", "agé1")),
    ],
)
def test_texts_that_the_standard_calls_invalid_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not Bech32|checksum"):
        decode(text)


def test_a_slip_in_any_character_is_found() -> None:
    for place in range(len(KEY)):
        wrong = "q" if KEY[place] != "q" else "p"
        with pytest.raises(ValueError, match=r"not Bech32|checksum"):
            decode(KEY[:place] + wrong + KEY[place + 1 :])
        with pytest.raises(ValueError, match=r"not Bech32|checksum"):
            decode(KEY[:place] + KEY[place + 1 :])


@pytest.mark.parametrize("text", ["a1llttal5m", "a1lmyple6"])
def test_bits_beyond_the_last_byte_must_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="not Bech32"):
        decode(text)
