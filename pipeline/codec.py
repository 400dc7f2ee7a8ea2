"""Messages and log records as bytes, and back.

A message is four bytes, two of magic and the schema number (u16, big endian), and one MessagePack body. What comes
from a peer is not trusted: anything that is not exactly a message of this schema is refused with ``MessageError``,
and nothing else is ever raised. Nothing here can execute what it reads.
"""

import struct

import msgspec

from pipeline.errors import MessageError
from pipeline.messages import SCHEMA, Record, Wire

MAGIC = b"BZ"
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Largest message, prefix included. Also what sockets should be given as ``MAXMSGSIZE``."""

_PREFIX = MAGIC + struct.pack(">H", SCHEMA)
_ENCODER = msgspec.msgpack.Encoder()
_WIRE: msgspec.msgpack.Decoder[Wire] = msgspec.msgpack.Decoder(Wire)
_RECORD: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)
_REFUSALS = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What msgspec raises on bad input: its own errors, bad UTF-8 (ValueError), and nesting too deep."""


def encode(message: Wire) -> bytes:
    """A message as it travels. Raises ``MessageError`` when it would be larger than ``MAX_MESSAGE_BYTES``."""
    data = _PREFIX + _ENCODER.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        name = type(message).__name__
        raise MessageError(f"{name} of {len(data)} bytes is too large to send; at most {MAX_MESSAGE_BYTES}")
    return data


def decode(data: bytes) -> Wire:
    """The message that a peer sent. Raises ``MessageError``, and nothing else, for whatever is not one."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"message of {len(data)} bytes is oversized; at most {MAX_MESSAGE_BYTES} are accepted")
    if data[:4] != _PREFIX:
        raise MessageError(_foreign(data))
    try:
        return _WIRE.decode(data[4:])
    except _REFUSALS as error:
        raise MessageError(f"message of {len(data)} bytes cannot be read: {_shown(error)}") from error


def _shown(error: Exception) -> str:
    """What msgspec says. It quotes the peer, who may have sent a million letters, or some that move the cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(error)[:200])


def _foreign(data: bytes) -> str:
    if data[:2] != MAGIC:
        return f"not a Bartizan message: starts with {bytes(data[:4])!r}, not {MAGIC!r}"
    if len(data) < 4:
        return f"message of {len(data)} bytes is truncated: the prefix alone takes 4"
    (schema,) = struct.unpack(">H", data[2:4])
    return f"message has schema {schema}, this process speaks schema {SCHEMA}: run the same version everywhere"


def encode_record(record: Record) -> bytes:
    """A log record without prefix: the log's header carries the schema."""
    return _ENCODER.encode(record)


def decode_record(data: bytes) -> Record:
    """The inverse of ``encode_record``. Raises ``MessageError`` for anything else."""
    try:
        return _RECORD.decode(data)
    except _REFUSALS as error:
        raise MessageError(f"log record of {len(data)} bytes cannot be read: {error}") from error
