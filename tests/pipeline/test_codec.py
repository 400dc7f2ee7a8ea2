"""Messages survive the wire; anything else is refused with MessageError and nothing else."""

import contextlib
import struct
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec import MAX_MESSAGE_BYTES, decode, decode_record, encode, encode_record
from pipeline.errors import MessageError
from pipeline.messages import SCHEMA, Record, Refused, Release, Result, Wire

INT64 = st.integers(-(2**63), 2**63 - 1)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field, by its type; ints as wide as MessagePack carries them."""
    if hint is int:
        return INT64
    if hint is float:
        return st.floats(allow_nan=False)  # which is not equal to itself
    if hint == int | None:
        return st.none() | INT64
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return structs(hint)
    match getattr(hint, "__origin__", None), get_args(hint):
        case origin, (inner,) if origin is list:
            return st.lists(values(inner), max_size=4)
        case origin, inners if origin is tuple:
            return st.tuples(*(values(inner) for inner in inners))
        case None, (inner, _) if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return st.none() | values(inner)
        case _:
            return st.from_type(hint)


def structs(kind: type) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: values(hint) for name, hint in get_type_hints(kind).items()})


MESSAGES = st.one_of(*(structs(kind) for kind in get_args(Wire)))
RECORDS = st.one_of(*(structs(kind) for kind in get_args(Record)))


@given(MESSAGES)
def test_every_message_comes_back_as_it_was_sent(message: Wire) -> None:
    assert decode(encode(message)) == message


@given(RECORDS)
def test_every_record_comes_back_as_it_was_written(record: Record) -> None:
    assert decode_record(encode_record(record)) == record


@given(RECORDS)
def test_every_record_is_a_small_map_that_starts_with_its_tag(record: Record) -> None:
    """The log finds whole records behind damage by these bytes."""
    assert encode_record(record)[1:6] == b"\xa4type"


@given(st.binary())
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        decode(data)
    with pytest.raises(MessageError):
        decode_record(data)


@given(st.binary())
def test_random_bodies_behind_a_good_prefix_are_refused(body: bytes) -> None:
    with pytest.raises(MessageError, match="cannot be read"):
        decode(encode(Refused("x"))[:4] + body)


@given(MESSAGES, st.data())
def test_every_truncation_is_refused(message: Wire, data: st.DataObject) -> None:
    whole = encode(message)
    with pytest.raises(MessageError):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(MESSAGES, st.data())
def test_a_mutation_is_a_message_or_refused(message: Wire, data: st.DataObject) -> None:
    whole = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MessageError):
        assert isinstance(decode(bytes(whole)), get_args(Wire))


@pytest.mark.parametrize("body", [b"\x91" * 100_000, b"\xdf\xff\xff\xff\xff", b"\x81\xa4type\xdb\xff\xff\xff\xff"])
def test_bodies_made_to_exhaust_the_reader_are_refused(body: bytes) -> None:
    with pytest.raises(MessageError):
        decode(encode(Refused("x"))[:4] + body)


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(MessageError, match="trailing"):
        decode(encode(Refused("x")) + b"\x00")


def test_another_schema_is_refused_with_both_numbers() -> None:
    data = b"BZ" + struct.pack(">H", SCHEMA + 41) + encode(Refused("x"))[4:]
    with pytest.raises(MessageError, match=rf"schema {SCHEMA + 41}.*schema {SCHEMA}\b"):
        decode(data)


def test_a_foreign_protocol_is_named_as_such() -> None:
    with pytest.raises(MessageError, match="not a Bartizan message"):
        decode(b"GET / HTTP/1.1\r\n\r\n")


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(MessageError, match="Nonsense"):
        decode(encode(Refused("x"))[:4] + msgspec.msgpack.encode({"type": "Nonsense"}))


def test_a_record_is_not_a_message() -> None:
    body = msgspec.msgpack.encode({"type": "EndRecord", "last_index": 1, "reason": "eof"})
    with pytest.raises(MessageError, match="EndRecord"):
        decode(encode(Refused("x"))[:4] + body)


def test_an_oversized_message_is_refused_unread_and_unsent() -> None:
    with pytest.raises(MessageError, match="oversized"):
        decode(encode(Refused("x")) + bytes(MAX_MESSAGE_BYTES))
    with pytest.raises(MessageError, match="too large"):
        encode(Result("w", "l", bytes(MAX_MESSAGE_BYTES), 0))


def test_the_largest_message_is_accepted() -> None:
    spare = MAX_MESSAGE_BYTES - len(encode(Result("w", "l", bytes(70_000), 0))) + 70_000
    message = Result("w", "l", bytes(spare), 0)
    assert len(encode(message)) == MAX_MESSAGE_BYTES
    assert decode(encode(message)) == message


def test_a_wrong_type_of_a_field_is_refused_with_its_place() -> None:
    body = msgspec.msgpack.encode({"type": Release.__name__, "camera": "gate", "incarnation": "1", "indexes": ["0"]})
    with pytest.raises(MessageError, match=r"\$\.indexes"):
        decode(encode(Refused("x"))[:4] + body)
